import { join } from 'node:path';
import { hasErrorCode, isDrakkarError } from '@drakkar/raftio';
import { isLogDBFolder, isWalFolder } from '@drakkar/framework/internals';
import type { Problem } from './check-log.js';
import { type CheckReport, emptyReport } from './check-report.js';
import { circumstanceOf } from './circumstance.js';
import { checkReplica } from './check-replica.js';
import { type OpenedData, withData } from './open-data.js';
import { type Output, describeError } from './output.js';
import type { DataDirOptions } from './data-dir-options.js';
import { sortedReplicas } from './replicas.js';
import { fileProblemsOf } from './suspended-seal.js';

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

async function findUnusedLogDBs({ layout, services }: OpenedData): Promise<string[]> {
  const { fileSystem, config } = services;
  const unused: string[] = [];
  const look = async (root: string, isOne: (name: string) => boolean, used: string): Promise<void> => {
    for (const name of await fileSystem.readDir(root)) {
      const path = join(root, name);
      if (isOne(name) && path !== used) unused.push(path);
    }
  };
  await look(layout.root, isLogDBFolder, layout.logdbDir);
  if (config.walDir !== config.nodeHostDir) await look(config.walDir, isWalFolder, layout.walDir);
  return unused.sort();
}

async function checkOpened(data: OpenedData, report: CheckReport, output: Output): Promise<void> {
  report.seal = data.seal.state;
  for (const info of await sortedReplicas(data.logDB)) {
    report.replicas.push(await checkReplica(data, info, report, output));
  }
  report.leftovers = await findLeftovers(data);
  report.unusedLogDBs = await findUnusedLogDBs(data);
}

/** Reads all of a data directory. Throws when it can't be opened for another reason than damage. */
export async function checkData(output: Output, options: DataDirOptions): Promise<CheckReport> {
  const report = emptyReport();
  try {
    await withData(output, options, (data) => checkOpened(data, report, output));
  } catch (error) {
    const circumstance = circumstanceOf(error);
    if (circumstance !== undefined) {
      report.unchecked.push({ part: 'logdb', code: circumstance, message: describeError(error).message });
      return report;
    }
    const code = DAMAGE_CODES.find((each) => hasErrorCode(error, each));
    if (code === undefined) throw error;
    report.problems.push(...damageOf(error, code));
    if (report.problems.some(({ part }) => part === 'seal')) report.seal = 'broken';
  }
  return report;
}

function damageOf(error: unknown, code: string): Problem[] {
  const files = isDrakkarError(error) ? fileProblemsOf(error.details) : undefined;
  if (files !== undefined) return files.map((each) => ({ ...each, code }));
  const part = code === 'ERR_DATA_DIR_CORRUPT' ? 'identity' : 'logdb';
  return [{ part, code, message: describeError(error).message }];
}
