import { dirname, join } from 'node:path';
import { BIN_VER } from '@drakkar/raftio';
import type { NodeHostConfig } from '../config/node-host-config.js';
import { ErrDataDirCorrupt, ErrDirNotExist, ErrIncompatibleData, ErrNotOwner } from '../errors/host.js';
import { makeDirDurable, writeFileDurable } from '../fs/durable.js';
import type { IFileSystem } from '../fs/file-system.js';
import type { IRandom } from '../runtime/random.js';
import { hardSettings, hardSettingsHash } from '../config/hard.js';
import { type Tightened, tightenFolders } from './access.js';
import type { HeldLock, IDirectoryLock } from './directory-lock.js';
import { type HostIdentity, checkIdentity } from './identity-check.js';
import {
  type DataDirLayout,
  type Roots,
  STATUS_FILE_NAME,
  isLogDBFolder,
  isSnapshotsFolder,
  isWalFolder,
  layoutOf,
} from './layout.js';
import { LOCK_DIR_NAME } from './socket-lock.js';
import { SEAL_FILE_NAME, type SealReading, dropSeal, readSeal } from './seal/seal-file.js';
import { type SharedFolder, checkSharedDisks } from './shared-disk.js';
import { type DataDirStatus, decodeStatus, encodeStatus } from './status.js';
import { hasSystemCode, messageOf } from '../errors/inspect.js';

/** What `openDataDir` needs; `NodeHostServices` has it all. */
export interface DataDirServices {
  readonly config: Pick<
    NodeHostConfig,
    'raftAddress' | 'nodeHostDir' | 'walDir' | 'deploymentId' | 'hardSettings'
  > & { readonly allowNetworkFileSystem?: boolean | undefined };
  readonly logDBName: string;
  readonly fileSystem: IFileSystem;
  readonly directoryLock: IDirectoryLock;
  readonly random: IRandom;
}

/** A host's data directory, locked. Its folders exist, but for those of single replicas. */
export interface DataDir extends DataDirLayout {
  /** Whether this call has made the directory: no replica can have data in it. */
  readonly isNew: boolean;
  /** What there was of a seal. It was dropped: what opens a data directory may write to it. */
  readonly sealBefore: SealReading;
  /** What others could get at, and what they still can. */
  readonly access: Tightened;
  /** What may be on a disk that other machines have, too. */
  readonly sharedFolders: readonly SharedFolder[];
  /** Frees the lock. Idempotent. Everything that uses the directory must be closed before. */
  close(): Promise<void>;
}

/** The record in a folder, `undefined` when there is none. Throws as `decodeStatus`. */
export async function readStatus(fs: IFileSystem, dir: string): Promise<DataDirStatus | undefined> {
  const path = join(dir, STATUS_FILE_NAME);
  if ((await fs.stat(path)) === undefined) return undefined;
  return decodeStatus(await fs.readFile(path), path);
}

async function holds(fs: IFileSystem, dir: string, isData: (name: string) => boolean): Promise<boolean> {
  return (await fs.stat(dir))?.kind === 'directory' && (await fs.readDir(dir)).some(isData);
}

/** A folder with data but without its record: refused, since nobody can tell whose the data is. */
async function refuseUnrecorded(
  fs: IFileSystem,
  dir: string,
  isData: (name: string) => boolean,
): Promise<void> {
  if (!(await holds(fs, dir, isData))) return;
  throw new ErrDataDirCorrupt(
    `${dir} holds data, but ${STATUS_FILE_NAME}, which says whose, is missing. Restore it from a copy, or move the folder away and let this host's replicas be added again`,
    { details: { dir } },
  );
}

export interface Records {
  main: DataDirStatus | undefined;
  wal: DataDirStatus | undefined;
}

/** Reads both records and throws when they are not this host's, or don't belong together. Changes nothing. */
export async function readAndCheck(
  fs: IFileSystem,
  config: DataDirServices['config'],
  host: HostIdentity,
): Promise<Records> {
  const { nodeHostDir, walDir } = config;
  const main = await readStatus(fs, nodeHostDir);
  if (main === undefined) await refuseUnrecorded(fs, nodeHostDir, isLogDBFolder);
  else checkIdentity(nodeHostDir, main, host);
  if (main !== undefined && main.separateWal !== host.separateWal) {
    throw new ErrIncompatibleData(
      main.separateWal
        ? `${nodeHostDir} was made with a walDir of its own; the configuration has none. Set walDir back to what it was`
        : `${nodeHostDir} was made without a walDir of its own; the configuration has ${walDir}. Remove walDir from it`,
      { details: { nodeHostDir, walDir } },
    );
  }
  const wal = host.separateWal ? await readAndCheckWal(fs, config, host, main) : undefined;
  if (main !== undefined && main.generation > 0) await requireFolders(fs, layoutOf(config, main.generation));
  return { main, wal };
}

async function readAndCheckWal(
  fs: IFileSystem,
  config: DataDirServices['config'],
  host: HostIdentity,
  main: DataDirStatus | undefined,
): Promise<DataDirStatus | undefined> {
  const { walDir } = config;
  const wal = await readStatus(fs, walDir);
  if (wal === undefined) await refuseUnrecorded(fs, walDir, isWalFolder);
  // Which LogDB there is, is for the main record to say, which is replaced first when that changes.
  else checkIdentity(walDir, wal, { ...host, logdb: wal.logdb });
  checkPair(config, main, wal, wal !== undefined && (await holds(fs, walDir, isWalFolder)));
  return wal;
}

/** A LogDB that took the place of another was complete before the record named it; a new one must never be made there. */
async function requireFolders(fs: IFileSystem, { logdbDir, walDir }: DataDirLayout): Promise<void> {
  for (const dir of [logdbDir, walDir]) {
    if ((await fs.stat(dir)) !== undefined) continue;
    throw new ErrIncompatibleData(
      `${dir}, where the log should be, is missing: the walDir was changed, is not mounted, or is lost`,
      { details: { dir } },
    );
  }
}

/** The record of the WAL folder is made first, its data last: a crash in between is told from a folder that is lost. */
function checkPair(
  { nodeHostDir, walDir }: DataDirServices['config'],
  main: DataDirStatus | undefined,
  wal: DataDirStatus | undefined,
  walHasData: boolean,
): void {
  if (main !== undefined && wal === undefined) {
    throw new ErrIncompatibleData(
      `${walDir} has none of the data that belongs to ${nodeHostDir}: the walDir was changed, is not mounted, or is lost`,
      { details: { nodeHostDir, walDir } },
    );
  }
  if (main === undefined && walHasData) {
    throw new ErrIncompatibleData(
      `${nodeHostDir} has none of the data that belongs to ${walDir}: the nodeHostDir was changed, is not mounted, or is lost`,
      { details: { nodeHostDir, walDir } },
    );
  }
  if (main !== undefined && wal !== undefined && main.hostId !== wal.hostId) {
    throw new ErrNotOwner(`${walDir} belongs to another NodeHost than ${nodeHostDir}`, {
      details: { nodeHostDir, walDir },
    });
  }
}

/** What a host with this configuration calls itself. */
export function identityOf({
  config,
  logDBName,
}: Pick<DataDirServices, 'config' | 'logDBName'>): HostIdentity {
  return {
    address: config.raftAddress,
    binVer: BIN_VER,
    hardHash: hardSettingsHash(hardSettings(config.hardSettings)),
    deploymentId: config.deploymentId,
    logdb: logDBName,
    separateWal: config.walDir !== config.nodeHostDir,
  };
}

async function makeRoot(fs: IFileSystem, dir: string, key: string): Promise<void> {
  const found = await fs.stat(dir);
  if (found !== undefined && found.kind !== 'directory') {
    throw new ErrDirNotExist(`${key} must be a folder, but ${dir} is a ${found.kind}`, { details: { dir } });
  }
  try {
    await makeDirDurable(fs, dir);
    const probe = join(dir, PROBE_NAME);
    await (await fs.open(probe, 'overwrite')).close();
    await fs.remove(probe);
  } catch (error) {
    const reason = messageOf(error);
    throw new ErrDirNotExist(`${key} can't be made or written to: ${reason}`, {
      cause: error,
      details: { dir },
    });
  }
}

/** Takes the locks of all of `dirs`, or none. Throws ErrLockDirectory. */
export async function acquireLocks(lock: IDirectoryLock, dirs: readonly string[]): Promise<HeldLock> {
  const held: HeldLock[] = [];
  const release = async (): Promise<void> => {
    for (const one of held.reverse()) await one.release();
  };
  try {
    for (const dir of dirs) held.push(await lock.acquire(dir));
  } catch (error) {
    await release();
    throw error;
  }
  return { release };
}

function newHostId(random: IRandom): string {
  return Buffer.from(random.bytes(16)).toString('hex');
}

/** Writes the records that are missing; the main one last, for it is what says that the directory is complete. */
async function writeRecords(
  services: DataDirServices,
  host: HostIdentity,
  { main, wal }: Records,
): Promise<void> {
  if (main !== undefined) return;
  const { config, fileSystem: fs } = services;
  const data = encodeStatus({ ...host, hostId: wal?.hostId ?? newHostId(services.random), generation: 0 });
  if (host.separateWal && wal === undefined) {
    await writeFileDurable(fs, join(config.walDir, STATUS_FILE_NAME), data);
  }
  await writeFileDurable(fs, join(config.nodeHostDir, STATUS_FILE_NAME), data);
}

/**
 * Makes the names of these folders durable, and those in them. A process that was killed may have made them and not
 * come to sync them: they are there, and will be relied on, but a power failure could still take them away.
 */
async function syncNames(fs: IFileSystem, dirs: ReadonlySet<string>): Promise<void> {
  for (const dir of dirs) {
    await fs.syncDir(dir);
    try {
      await fs.syncDir(dirname(dir));
    } catch (error) {
      // The folder above may be somebody else's.
      if (!hasSystemCode(error, 'EACCES', 'EPERM')) throw error;
    }
  }
}

const PROBE_NAME = '.drakkar-probe';

/** Whether a name in a nodeHostDir or walDir is one of the host's; `lost+found` is nobody's. */
export function isOwnName(name: string): boolean {
  const own = [STATUS_FILE_NAME, SEAL_FILE_NAME, LOCK_DIR_NAME, PROBE_NAME, 'lost+found'];
  return (
    own.includes(name.replace(/\.tmp$/, '')) ||
    isLogDBFolder(name) ||
    isWalFolder(name) ||
    isSnapshotsFolder(name)
  );
}

/** The folders in which nobody but the host has anything; a root that holds other things may be for others, too. */
async function ownFolders(fs: IFileSystem, roots: Roots, layout: DataDirLayout): Promise<string[]> {
  if (fs.setMode === undefined) return [];
  const dirs = [layout.logdbDir, layout.walDir, layout.snapshotsDir];
  for (const root of [roots.nodeHostDir, roots.walDir]) {
    dirs.push(join(root, LOCK_DIR_NAME));
    if ((await fs.readDir(root)).every(isOwnName)) dirs.push(root);
  }
  return dirs;
}

async function prepare(
  services: DataDirServices,
  host: HostIdentity,
  lock: HeldLock,
  sharedFolders: readonly SharedFolder[],
): Promise<DataDir> {
  const { config, fileSystem: fs } = services;
  // Read again: somebody may have made the directory before the lock was ours.
  const records = await readAndCheck(fs, config, host);
  const sealBefore = await readSeal(fs, config);
  await dropSeal(fs, config);
  await writeRecords(services, host, records);
  const layout = layoutOf(config, records.main?.generation ?? 0);
  const { logdbDir, walDir, snapshotsDir } = layout;
  for (const dir of new Set([logdbDir, walDir, snapshotsDir])) await makeDirDurable(fs, dir);
  const access = await tightenFolders(fs, await ownFolders(fs, config, layout));
  await syncNames(fs, new Set([config.nodeHostDir, config.walDir, snapshotsDir]));
  return {
    ...layout,
    isNew: records.main === undefined,
    sealBefore,
    access,
    sharedFolders,
    close: () => lock.release(),
  };
}

/**
 * Opens a host's data directory, making it when there is none, and locks it. A directory that is another host's, or
 * was written otherwise than configured, is refused and left as it was.
 *
 * Throws ErrNotOwner, ErrDeploymentIDChanged, ErrHardSettingsChanged, ErrLogDBType, ErrIncompatibleData,
 * ErrDataDirCorrupt, ErrLockDirectory, ErrDirNotExist, ErrNetworkFileSystem.
 */
export async function openDataDir(services: DataDirServices): Promise<DataDir> {
  const { config, fileSystem: fs } = services;
  const host = identityOf(services);
  const { separateWal } = host;
  const { main } = await readAndCheck(fs, config, host);
  await makeRoot(fs, config.nodeHostDir, 'nodeHostDir');
  if (separateWal) await makeRoot(fs, config.walDir, 'walDir');
  const roots = separateWal ? [config.nodeHostDir, config.walDir] : [config.nodeHostDir];
  const isAllowed = config.allowNetworkFileSystem === true;
  const sharedFolders = isAllowed ? [] : await checkSharedDisks(fs, roots, main === undefined);
  const lock = await acquireLocks(services.directoryLock, roots);
  try {
    return await prepare(services, host, lock, sharedFolders);
  } catch (error) {
    await lock.release();
    throw error;
  }
}
