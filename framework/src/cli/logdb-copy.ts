import { join, resolve } from 'node:path';
import { type ILogDB, type NodeInfo, type Snapshot, isDrakkarError } from '@drakkar/raftio';
import { ErrDirNotExist, ErrInvalidOption } from '../errors/index.js';
import { makeDirDurable } from '../fs/durable.js';
import type { IFileSystem } from '../fs/file-system.js';
import { offlineServices } from './open-data.js';
import { ExitCode, type Output } from './output.js';
import { type ReplicaDigest, digestReplica, differences } from './replica-digest.js';
import { nameOf, readStoredLog, sortedReplicas } from './replicas.js';

export interface CopyOptions {
  from: string;
  to: string;
}

interface Place {
  module: string;
  dir: string;
}

const SLICE_BYTES = 4 * 1024 * 1024;

/** `module:dir`, where either may be a Windows path with a colon of its own. */
export function parsePlace(option: string, text: string): Place {
  const match = /^((?:[A-Za-z]:[\\/])?[^:]+):(.+)$/.exec(text);
  const [, module, dir] = match ?? [];
  if (module !== undefined && dir !== undefined) return { module, dir: resolve(dir) };
  throw new ErrInvalidOption(`${option} must be MODULE:DIR, as in lmdb:/var/lib/app/logdb, but is "${text}"`);
}

/** The services of a host with that LogDB; its address and data directory mean nothing. */
function servicesFor({ module, dir }: Place): ReturnType<typeof offlineServices> {
  return offlineServices({ raftAddress: '127.0.0.1:1', nodeHostDir: dir, logdb: { module } });
}

async function openAt(place: Place, dir: string): Promise<ILogDB> {
  const { logDBFactory } = await servicesFor(place);
  return logDBFactory({ dir, walDir: dir });
}

async function isEmptyOrMissing(fs: IFileSystem, dir: string): Promise<boolean> {
  const found = await fs.stat(dir);
  if (found === undefined) return true;
  return found.kind === 'directory' && (await fs.readDir(dir)).length === 0;
}

async function checkPlaces(fs: IFileSystem, from: Place, to: Place, partialDir: string): Promise<void> {
  if ((await fs.stat(from.dir))?.kind !== 'directory' || (await isEmptyOrMissing(fs, from.dir))) {
    throw new ErrDirNotExist(`--from: there is no LogDB in ${from.dir}`, { details: { dir: from.dir } });
  }
  if (!(await isEmptyOrMissing(fs, to.dir))) {
    throw new ErrInvalidOption(`--to: ${to.dir} is not empty; name a new folder`);
  }
  if ((await fs.stat(partialDir)) !== undefined) {
    throw new ErrInvalidOption(
      `--to: ${partialDir} is what a copy that was cut short has left; remove it and try again`,
    );
  }
}

async function copySnapshots(to: ILogDB, info: NodeInfo, snapshots: readonly Snapshot[]): Promise<void> {
  for (const snapshot of snapshots) {
    await to.saveSnapshots([{ ...info, state: undefined, entriesToSave: [], snapshot }]);
  }
}

async function copyReplica(
  from: ILogDB,
  to: ILogDB,
  info: NodeInfo,
  progress: (index: number) => void,
): Promise<void> {
  const { clusterID, nodeID } = info;
  const bootstrap = await from.getBootstrapInfo(clusterID, nodeID);
  if (bootstrap !== undefined) await to.saveBootstrapInfo(clusterID, nodeID, bootstrap);
  await copySnapshots(to, info, await from.listSnapshots(clusterID, nodeID, Number.MAX_SAFE_INTEGER));
  const { state, extents } = await readStoredLog(from, info);
  for (const { first, last } of extents) {
    for (let low = first; low <= last;) {
      const { entries } = await from.iterateEntries(clusterID, nodeID, low, last + 1, SLICE_BYTES);
      if (entries.length === 0) break; // the comparison tells
      await to.saveRaftState([{ ...info, state, entriesToSave: entries, snapshot: undefined }]);
      low += entries.length;
      progress(low);
    }
  }
  if (state !== undefined)
    await to.saveRaftState([{ ...info, state, entriesToSave: [], snapshot: undefined }]);
}

async function copyAll(from: ILogDB, to: ILogDB, output: Output): Promise<void> {
  for (const info of await sortedReplicas(from)) {
    await copyReplica(from, to, info, (index) => output.progress(`${nameOf(info)}: entry ${index} copied`));
  }
}

interface Comparison {
  replicas: ReplicaDigest[];
  problems: string[];
}

/** Reads both again, from their disks. */
async function compare(from: ILogDB, to: ILogDB, output: Output): Promise<Comparison> {
  const infos = await sortedReplicas(from);
  const names = infos.map(nameOf).join(', ');
  const copied = (await sortedReplicas(to)).map(nameOf).join(', ');
  const problems = names === copied ? [] : [`the source has ${names}; the copy has ${copied}`];
  const replicas: ReplicaDigest[] = [];
  for (const info of infos) {
    output.progress(`${nameOf(info)}: comparing`);
    const expected = await digestReplica(from, info);
    replicas.push(expected);
    for (const part of differences(expected, await digestReplica(to, info)))
      problems.push(`${nameOf(info)}: ${part} of the copy differs from the source`);
  }
  return { replicas, problems };
}

/** Opens a LogDB for as long as `use` takes. */
async function withLogDB<T>(place: Place, dir: string, use: (logDB: ILogDB) => Promise<T>): Promise<T> {
  const logDB = await openAt(place, dir);
  try {
    return await use(logDB);
  } finally {
    await logDB.close();
  }
}

/**
 * `drakkar logdb copy`. The copy comes into being beside its place, and takes its name when it has been compared: a
 * folder of that name is a whole copy.
 */
export async function copyLogDB(output: Output, options: CopyOptions): Promise<ExitCode> {
  const from = parsePlace('--from', options.from);
  const to = parsePlace('--to', options.to);
  const partialDir = `${to.dir}.partial`;
  const { fileSystem: fs } = await servicesFor(from);
  await servicesFor(to); // before anything is made: the module may be missing
  await checkPlaces(fs, from, to, partialDir);
  const { replicas, problems } = await withLogDB(from, from.dir, async (source) => {
    await makeDirDurable(fs, partialDir);
    try {
      await withLogDB(to, partialDir, (target) => copyAll(source, target, output));
      return await withLogDB(to, partialDir, (target) => compare(source, target, output));
    } catch (error) {
      await fs.remove(partialDir);
      throw isDrakkarError(error) ? error : new Error(`the copy failed: ${String(error)}`, { cause: error });
    }
  });
  const result = { ok: problems.length === 0, from, to, replicas, problems };
  if (problems.length > 0) {
    output.result(result, [...problems.map((each) => `PROBLEM  ${each}`), `see ${partialDir}`]);
    return ExitCode.problems;
  }
  await fs.remove(to.dir);
  await fs.rename(partialDir, to.dir);
  await fs.syncDir(join(to.dir, '..'));
  const entries = replicas.reduce((sum, each) => sum + each.entries, 0);
  output.result(result, [
    ...replicas.map((each) => `${nameOf(each)}: ${each.entries} entries, ${each.snapshots} snapshot records`),
    `${replicas.length} replicas with ${entries} entries copied to ${to.dir}, and found equal`,
  ]);
  return ExitCode.ok;
}
