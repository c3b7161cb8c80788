import { hasErrorCode } from '@drakkar/raftio';
import type { CheckReport } from './check-report.js';
import { checkReplica } from './check-replica.js';
import { type OpenedData, withData } from './open-data.js';
import { type Output, describeError } from './output.js';
import type { DataDirOptions } from './program.js';
import { sortedReplicas } from './replicas.js';

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

async function checkOpened(data: OpenedData, report: CheckReport, output: Output): Promise<void> {
  for (const info of await sortedReplicas(data.logDB)) {
    report.replicas.push(await checkReplica(data, info, report.problems, output));
  }
  report.leftovers = await findLeftovers(data);
}

/** Reads all of a data directory. Throws when it can't be opened for another reason than damage. */
export async function checkData(output: Output, options: DataDirOptions): Promise<CheckReport> {
  const report: CheckReport = { replicas: [], problems: [], leftovers: [] };
  try {
    await withData(options, (data) => checkOpened(data, report, output));
  } catch (error) {
    const code = DAMAGE_CODES.find((each) => hasErrorCode(error, each));
    if (code === undefined) throw error;
    const part = code === 'ERR_DATA_DIR_CORRUPT' ? 'identity' : 'logdb';
    report.problems.push({ part, code, message: describeError(error).message });
  }
  return report;
}
