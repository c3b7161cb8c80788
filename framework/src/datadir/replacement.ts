import { join } from 'node:path';
import { ErrNotOwner } from '../errors/host.js';
import { makeDirDurable, writeFileDurable } from '../fs/durable.js';
import type { IFileSystem } from '../fs/file-system.js';
import { readStatus } from './data-dir.js';
import { type HostIdentity, checkIdentity } from './identity-check.js';
import {
  type DataDirLayout,
  type Roots,
  STATUS_FILE_NAME,
  isLogDBFolder,
  isWalFolder,
  layoutOf,
} from './layout.js';
import { type DataDirStatus, encodeStatus } from './status.js';

/**
 * Another LogDB in the place of the one that a stopped host has. The new one gets folders of its own, which count when
 * the main record names them, and that is replaced in one step: a crash at any instant leaves the host with the old
 * LogDB or with the new one, each of them whole. The caller has the locks of all folders.
 */
export interface Replacement {
  readonly fileSystem: IFileSystem;
  /** What the main record says now. */
  readonly status: DataDirStatus;
  /** Where the LogDB lies now. */
  readonly from: Roots;
  /** The host as it will be: the same but for its LogDB and its walDir. */
  readonly to: Roots;
  readonly host: HostIdentity;
}

/** Throws, as `openDataDir` does, unless the host that is to be is the one that the data belongs to. */
export function checkSameHost({ status, from, to, host }: Omit<Replacement, 'fileSystem'>): void {
  if (to.nodeHostDir !== from.nodeHostDir) {
    throw new ErrNotOwner(
      `the data is in ${from.nodeHostDir}, but the new configuration has nodeHostDir ${to.nodeHostDir}; they must be the same`,
      { details: { from: from.nodeHostDir, to: to.nodeHostDir } },
    );
  }
  const { logdb, separateWal } = status;
  checkIdentity(from.nodeHostDir, status, { ...host, logdb, separateWal });
}

/** Whether the record says already what it would say after the replacement. */
export function isReplaced({ status, host }: Pick<Replacement, 'status' | 'host'>): boolean {
  return status.logdb === host.logdb && status.separateWal === host.separateWal;
}

function nextStatus({ status, host }: Replacement): DataDirStatus {
  return { ...host, hostId: status.hostId, generation: status.generation + 1 };
}

/** Makes the folders of the new LogDB, empty, whatever an attempt that was cut short has left there. */
export async function prepareReplacement(replacement: Replacement): Promise<DataDirLayout> {
  const { fileSystem: fs, status, to, host } = replacement;
  const layout = layoutOf(to, status.generation + 1);
  if (host.separateWal) await claimWalRoot(replacement);
  for (const dir of new Set([layout.logdbDir, layout.walDir])) {
    await fs.remove(dir);
    await makeDirDurable(fs, dir);
  }
  return layout;
}

/** The folder that the WAL will be in must say whose it is before the main record points to it. */
async function claimWalRoot(replacement: Replacement): Promise<void> {
  const { fileSystem: fs, status, to } = replacement;
  await makeDirDurable(fs, to.walDir);
  const present = await readStatus(fs, to.walDir);
  if (present !== undefined && present.hostId !== status.hostId) {
    throw new ErrNotOwner(`${to.walDir} belongs to another NodeHost than ${to.nodeHostDir}`, {
      details: { nodeHostDir: to.nodeHostDir, walDir: to.walDir },
    });
  }
  if (present === undefined) await writeRecord(fs, to.walDir, nextStatus(replacement));
}

/** From here on the host has the new LogDB, whose folders are whole and on stable storage. */
export async function commitReplacement(replacement: Replacement): Promise<void> {
  const { fileSystem: fs, to } = replacement;
  await writeRecord(fs, to.nodeHostDir, nextStatus(replacement));
}

/** Removes the LogDB that was replaced, and what attempts have left. May be repeated. `status` is that of the new LogDB. */
export async function removeReplaced({ fileSystem: fs, status, from, to }: Replacement): Promise<void> {
  const layout = layoutOf(to, status.generation);
  await removeOthers(fs, to.nodeHostDir, isLogDBFolder, layout.logdbDir);
  if (status.separateWal) {
    await writeRecord(fs, to.walDir, status);
    await removeOthers(fs, to.walDir, isWalFolder, layout.walDir);
  }
  const walRootIsLeft = from.walDir !== from.nodeHostDir && from.walDir !== to.walDir;
  if (walRootIsLeft && (await readStatus(fs, from.walDir))?.hostId === status.hostId) {
    await removeOthers(fs, from.walDir, isWalFolder, undefined);
    await fs.remove(join(from.walDir, STATUS_FILE_NAME));
    await fs.syncDir(from.walDir);
  }
}

async function removeOthers(
  fs: IFileSystem,
  root: string,
  isOne: (name: string) => boolean,
  kept: string | undefined,
): Promise<void> {
  for (const name of await fs.readDir(root)) {
    const path = join(root, name);
    if (isOne(name) && path !== kept) await fs.remove(path);
  }
  await fs.syncDir(root);
}

function writeRecord(fs: IFileSystem, dir: string, status: DataDirStatus): Promise<void> {
  return writeFileDurable(fs, join(dir, STATUS_FILE_NAME), encodeStatus(status));
}
