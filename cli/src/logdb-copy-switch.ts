import { dirname } from 'node:path';
import { type ILogDB, hasErrorCode } from '@drakkar/raftio';
import { ErrInvalidOption, type IFileSystem } from '@drakkar/framework';
import {
  type DataDirLayout,
  type NodeHostServices,
  type Replacement,
  checkSameHost,
  commitReplacement,
  identityOf,
  isReplaced,
  makeDirDurable,
  prepareReplacement,
  readStatus,
  removeReplaced,
} from '@drakkar/framework/internals';
import { type Comparison, compare, copiedLines, copyAll, countEntries, withOpen } from './logdb-copy-all.js';
import { type OpenedData, offlineServices, withData } from './open-data.js';
import { ExitCode, type Output } from './output.js';
import type { DataDirOptions } from './data-dir-options.js';
import { lockForCommand, ownerToGive } from './owner.js';
import { SuspendedSeal } from './suspended-seal.js';

export interface SwitchOptions extends DataDirOptions {
  switchTo: string;
}

/** Refusals of the data by the configuration that it had until now, when it has the new LogDB already. */
const HAS_ANOTHER_LOGDB = ['ERR_LOGDB_TYPE', 'ERR_INCOMPATIBLE_DATA'];

/**
 * `drakkar logdb copy --switch-to`. The old LogDB stays as it is until the new one is there, was closed, opened again,
 * and found equal; then the directory's record names the new one, and the old one is removed.
 */
export async function switchLogDB(output: Output, options: SwitchOptions): Promise<ExitCode> {
  const target = await offlineServices(options.switchTo);
  try {
    return await withData(output, options, (data) => switchOpened(output, data, target, options.switchTo));
  } catch (error) {
    const isOther = HAS_ANOTHER_LOGDB.some((code) => hasErrorCode(error, code));
    if (!isOther || !(await finishSwitch(output, options, target))) throw error;
    output.result({ ok: true, alreadySwitched: true, logdb: target.logDBName }, [
      `${target.config.nodeHostDir} has the LogDB '${target.logDBName}' already`,
    ]);
    return ExitCode.ok;
  }
}

/** Makes a folder and those around it that are missing, all of which the host has to be able to enter. */
async function makeForHost(
  output: Output,
  fileSystem: IFileSystem,
  dir: string,
  nodeHostDir: string,
): Promise<void> {
  if ((await fileSystem.stat(dir)) !== undefined) return;
  await makeForHost(output, fileSystem, dirname(dir), nodeHostDir);
  await makeDirDurable(fileSystem, dir);
  const give = await ownerToGive([dir], nodeHostDir, (text) => output.warn(text));
  await give();
}

async function switchOpened(
  output: Output,
  data: OpenedData,
  target: NodeHostServices,
  configFile: string,
): Promise<ExitCode> {
  const { fileSystem, directoryLock, config } = data.services;
  if (data.isReadOnly) {
    throw new ErrInvalidOption(
      `${config.nodeHostDir} can't be written to, and to move a host changes its data: make it writable, or move a copy of it`,
    );
  }
  const from = { nodeHostDir: config.nodeHostDir, walDir: config.walDir };
  const replacement: Replacement = {
    fileSystem,
    status: data.status,
    from,
    to: target.config,
    host: { ...identityOf(target), hardHash: data.status.hardHash },
  };
  checkSameHost({ ...replacement, host: identityOf(target) });
  const added = [target.config.walDir].filter((dir) => dir !== from.nodeHostDir && dir !== from.walDir);
  for (const dir of added) await makeForHost(output, fileSystem, dir, from.nodeHostDir);
  const places = { locked: added, nodeHostDir: from.nodeHostDir };
  const lock = await lockForCommand(directoryLock, places, (text) => output.warn(text));
  try {
    const layout = await prepareReplacement(replacement);
    const { replicas, problems } = await makeCopy(output, data, target, layout);
    if (problems.length === 0) {
      await data.logDB.close();
      await data.seal.moving(target.config, async () => {
        await commitReplacement(replacement);
        await finish(replacement);
      });
    }
    const { logDBName: logdb } = target;
    const result = { ok: problems.length === 0, dataDir: from.nodeHostDir, logdb, replicas, problems };
    output.result(result, [
      ...copiedLines(replicas),
      ...problems.map((each) => `PROBLEM  ${each}`),
      problems.length > 0
        ? `${from.nodeHostDir} keeps the LogDB that it had`
        : `${replicas.length} replicas with ${countEntries(replicas)} entries moved to the LogDB '${logdb}', and found equal; start the host with ${configFile} from now on`,
    ]);
    return problems.length === 0 ? ExitCode.ok : ExitCode.problems;
  } finally {
    await lock.release();
  }
}

/** Makes the new LogDB; what is there when it can't be made, or is not equal, is removed. */
async function makeCopy(
  output: Output,
  { logDB: source, services }: OpenedData,
  { logDBFactory }: NodeHostServices,
  { logdbDir, walDir }: DataDirLayout,
): Promise<Comparison> {
  const open = (): Promise<ILogDB> => logDBFactory({ dir: logdbDir, walDir });
  let comparison: Comparison | undefined;
  try {
    await withOpen(open, (copy) => copyAll(source, copy, output));
    comparison = await withOpen(open, (copy) => compare(source, copy, output));
    return comparison;
  } finally {
    if (comparison?.problems.length !== 0) {
      for (const dir of new Set([logdbDir, walDir])) await services.fileSystem.remove(dir);
    }
  }
}

async function finish(replacement: Replacement): Promise<void> {
  const { fileSystem, to } = replacement;
  const status = await readStatus(fileSystem, to.nodeHostDir);
  if (status !== undefined) await removeReplaced({ ...replacement, status });
}

/** After a switch that a crash has cut short when the new LogDB was in its place: removes the old one. */
async function finishSwitch(
  output: Output,
  options: SwitchOptions,
  target: NodeHostServices,
): Promise<boolean> {
  const { fileSystem, directoryLock, config: to } = target;
  const status = await readStatus(fileSystem, to.nodeHostDir);
  const host = identityOf(target);
  if (status === undefined || !isReplaced({ status, host })) return false;
  const from =
    options.config === undefined
      ? { nodeHostDir: to.nodeHostDir, walDir: options.walDir ?? to.nodeHostDir }
      : (await offlineServices(options.config)).config;
  checkSameHost({ status, from, to, host });
  const roots = [to.nodeHostDir, to.walDir, from.walDir];
  const present: string[] = [];
  for (const dir of new Set(roots)) if ((await fileSystem.stat(dir)) !== undefined) present.push(dir);
  const places = { locked: present, nodeHostDir: to.nodeHostDir };
  const lock = await lockForCommand(directoryLock, places, (text) => output.warn(text));
  try {
    const seal = await SuspendedSeal.suspend(fileSystem, to, { ignoreSeal: true });
    await finish({ fileSystem, status, from, to, host });
    await seal.resume();
    return true;
  } finally {
    await lock.release();
  }
}
