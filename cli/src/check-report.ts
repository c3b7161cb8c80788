import type { Problem, Unchecked } from './check-log.js';
import type { ReplicaReport } from './check-replica.js';
import { ExitCode, type Output } from './output.js';
import { nameOf } from './replicas.js';
import type { SealState } from './suspended-seal.js';

export interface CheckReport {
  replicas: ReplicaReport[];
  problems: Problem[];
  /** What could not be read, for a reason that says nothing of the data. */
  unchecked: Unchecked[];
  /** Folders that belong to no replica on record, as a removal that was cut short leaves them. */
  leftovers: string[];
  /** Folders of a LogDB that is not the host's, as a move to another LogDB leaves them when it is cut short. */
  unusedLogDBs: string[];
  /** Undefined when it did not come to that. */
  seal: SealState | undefined;
}

export function emptyReport(): CheckReport {
  return { replicas: [], problems: [], unchecked: [], leftovers: [], unusedLogDBs: [], seal: undefined };
}

const SEAL_LINES: Readonly<Record<SealState, string>> = {
  valid: 'every file is as the host left it when it stopped',
  none: 'note     no seal, since the host was not stopped cleanly, or a command on its data was killed, or has ignored the seal: only what has checksums of its own could be checked',
  broken: 'note     not every file is as the host left it when it stopped',
};

function findingText(label: string, { clusterID, nodeID, part, message }: Problem | Unchecked): string {
  const of =
    clusterID === undefined || nodeID === undefined ? part : `${nameOf({ clusterID, nodeID })}, ${part}`;
  return `${label}  ${of}: ${message}`;
}

function verdict({ problems, unchecked }: CheckReport): { line: string; exitCode: ExitCode } {
  if (problems.length > 0) return { line: `${problems.length} problems`, exitCode: ExitCode.problems };
  if (unchecked.length === 0) return { line: 'no problems', exitCode: ExitCode.ok };
  return {
    line: 'the data could not be checked, which does not mean that it is damaged',
    exitCode: ExitCode.unchecked,
  };
}

/** Prints what a check has found. */
export function printReport(output: Output, report: CheckReport): ExitCode {
  const { replicas, problems, unchecked, leftovers, unusedLogDBs, seal } = report;
  const { line, exitCode } = verdict(report);
  const lines = [
    ...(seal === undefined ? [] : [SEAL_LINES[seal]]),
    ...replicas.map(
      (each) => `${nameOf(each)}: ${each.entries} entries and ${each.snapshots} snapshots are good`,
    ),
    ...leftovers.map((name) => `note     snapshots/${name} belongs to no replica on record`),
    ...unusedLogDBs.map(
      (path) =>
        `note     ${path} is not in use: a move to another LogDB was cut short; run that command again`,
    ),
    ...problems.map((each) => findingText('PROBLEM', each)),
    ...unchecked.map((each) => findingText('UNKNOWN', each)),
    line,
  ];
  const ok = exitCode === ExitCode.ok;
  output.result({ ok, seal: seal ?? null, replicas, problems, unchecked, leftovers, unusedLogDBs }, lines);
  return exitCode;
}
