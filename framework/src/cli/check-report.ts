import type { Problem } from './check-log.js';
import type { ReplicaReport } from './check-replica.js';
import { ExitCode, type Output } from './output.js';
import { nameOf } from './replicas.js';
import type { SealState } from './suspended-seal.js';

export interface CheckReport {
  replicas: ReplicaReport[];
  problems: Problem[];
  /** Folders that belong to no replica on record, as a removal that was cut short leaves them. */
  leftovers: string[];
  /** Folders of a LogDB that is not the host's, as a move to another LogDB leaves them when it is cut short. */
  unusedLogDBs: string[];
  /** Undefined when it did not come to that. */
  seal: SealState | undefined;
}

const SEAL_LINES: Readonly<Record<SealState, string>> = {
  valid: 'every file is as the host has left it when it was stopped',
  none: 'note     no seal, since the host was not stopped cleanly: only what has checksums of its own could be checked',
  broken: 'note     not every file is as the host has left it when it was stopped',
};

function problemText(problem: Problem): string {
  const { clusterID, nodeID, part, message } = problem;
  const of =
    clusterID === undefined || nodeID === undefined ? part : `${nameOf({ clusterID, nodeID })}, ${part}`;
  return `PROBLEM  ${of}: ${message}`;
}

/** Prints what a check has found. */
export function printReport(output: Output, report: CheckReport): ExitCode {
  const { replicas, problems, leftovers, unusedLogDBs, seal } = report;
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
    ...problems.map(problemText),
    problems.length === 0 ? 'no problems' : `${problems.length} problems`,
  ];
  output.result(
    { ok: problems.length === 0, seal: seal ?? null, replicas, problems, leftovers, unusedLogDBs },
    lines,
  );
  return problems.length === 0 ? ExitCode.ok : ExitCode.problems;
}
