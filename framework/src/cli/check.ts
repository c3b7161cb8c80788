import { hasErrorCode } from '@drakkar/raftio';
import type { Problem } from './check-log.js';
import { type ReplicaReport, checkReplica } from './check-replica.js';
import { reportAlive, runIsolated } from './isolated.js';
import { type OpenedData, withData } from './open-data.js';
import { ExitCode, type Output, describeError } from './output.js';
import type { DataDirOptions } from './program.js';
import { nameOf, sortedReplicas } from './replicas.js';

export interface CheckOptions extends DataDirOptions {
  inProcess?: boolean;
}

interface Report {
  replicas: ReplicaReport[];
  problems: Problem[];
  /** Folders that belong to no snapshot on record: left by a crash, and removed at the replica's next start. */
  leftovers: string[];
}

/** Codes of errors by which opening tells of damage, and not of circumstances. */
const DAMAGE_CODES = ['ERR_LOGDB_CORRUPT', 'ERR_DATA_DIR_CORRUPT'];

async function findLeftovers({ layout, logDB, services }: OpenedData): Promise<string[]> {
  const { fileSystem } = services;
  const { snapshotsDir } = layout;
  if ((await fileSystem.stat(snapshotsDir)) === undefined) return [];
  const known = new Set((await sortedReplicas(logDB)).map((each) => `${each.clusterID}-${each.nodeID}`));
  const names = await fileSystem.readDir(snapshotsDir);
  return names.filter((name) => !known.has(name)).sort();
}

async function checkData(data: OpenedData, report: Report, output: Output): Promise<void> {
  for (const info of await sortedReplicas(data.logDB)) {
    report.replicas.push(await checkReplica(data, info, report.problems, output));
  }
  report.leftovers = await findLeftovers(data);
}

function problemText(problem: Problem): string {
  const { clusterID, nodeID, part, message } = problem;
  const of =
    clusterID === undefined || nodeID === undefined ? part : `${nameOf({ clusterID, nodeID })}, ${part}`;
  return `PROBLEM  ${of}: ${message}`;
}

function printReport(output: Output, { replicas, problems, leftovers }: Report): ExitCode {
  const lines = [
    ...replicas.map(
      (each) => `${nameOf(each)}: ${each.entries} entries and ${each.snapshots} snapshots are good`,
    ),
    ...leftovers.map((name) => `note     snapshots/${name} belongs to no replica on record`),
    ...problems.map(problemText),
    problems.length === 0 ? 'no problems' : `${problems.length} problems`,
  ];
  output.result({ ok: problems.length === 0, replicas, problems, leftovers }, lines);
  return problems.length === 0 ? ExitCode.ok : ExitCode.problems;
}

/**
 * `drakkar check`. Runs in a process of its own: a storage engine of native code may end its process when it meets
 * damage, which then is a finding and not the end of the check.
 */
export async function check(output: Output, options: CheckOptions): Promise<ExitCode> {
  const report: Report = { replicas: [], problems: [], leftovers: [] };
  if (options.inProcess !== true) {
    const outcome = await runIsolated(['check', ...argumentsOf(options, output.isJSON), '--in-process']);
    if (outcome.kind === 'exited') return outcome.exitCode;
    report.problems.push({
      part: 'logdb',
      message: `the storage engine ${outcome.how} while the data was read: its files are damaged`,
    });
    return printReport(output, report);
  }
  reportAlive();
  try {
    await withData(options, (data) => checkData(data, report, output));
  } catch (error) {
    const code = DAMAGE_CODES.find((each) => hasErrorCode(error, each));
    if (code === undefined) throw error;
    const part = code === 'ERR_DATA_DIR_CORRUPT' ? 'identity' : 'logdb';
    report.problems.push({ part, code, message: describeError(error).message });
  }
  return printReport(output, report);
}

function argumentsOf({ config, dir, walDir, logdb }: DataDirOptions, isJSON: boolean): string[] {
  const values = { '--config': config, '--dir': dir, '--wal-dir': walDir, '--logdb': logdb };
  const args = Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  );
  return isJSON ? [...args, '--json'] : args;
}
