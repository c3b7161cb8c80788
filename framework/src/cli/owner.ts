import { lchown, lstat, readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { acquireLocks, isOwnName } from '../datadir/data-dir.js';
import type { HeldLock, IDirectoryLock } from '../datadir/directory-lock.js';
import { STATUS_FILE_NAME } from '../datadir/layout.js';
import { hasSystemCode } from '../errors/inspect.js';

export interface Owner {
  uid: number;
  gid: number;
}

/** What is asked of the system; a test has no other user. */
export interface Ownership {
  /** The user that runs this process. */
  readonly uid: number | undefined;
  ownerOf(path: string): Promise<Owner>;
  give(path: string, owner: Owner): Promise<void>;
}

const ofProcess: Ownership = {
  uid: process.geteuid?.(),
  ownerOf: (path) => lstat(path),
  give: (path, { uid, gid }) => lchown(path, uid, gid),
};

const ROOT_UID = 0;
/** Root's own, at the root of a file system. */
const LOST_AND_FOUND = 'lost+found';

async function giveBelow(path: string, owner: Owner, ownership: Ownership): Promise<void> {
  if ((await ownership.ownerOf(path)).uid === ROOT_UID) await ownership.give(path, owner);
  if (!(await lstat(path)).isDirectory()) return;
  for (const name of await readdir(path)) await giveBelow(join(path, name), owner, ownership);
}

/** Who runs the host whose data this is, by its record, when this process is root's and the host is not. */
export async function foreignOwner(dir: string, ownership = ofProcess): Promise<Owner | undefined> {
  if (ownership.uid !== ROOT_UID) return undefined;
  try {
    const owner = await ownership.ownerOf(join(dir, STATUS_FILE_NAME));
    return owner.uid === ROOT_UID ? undefined : owner;
  } catch (error) {
    if (hasSystemCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

/** Gives what root has made in data directories to the user that runs the host, which could not open it otherwise. */
export async function giveToOwner(
  dirs: readonly string[],
  owner: Owner | undefined,
  ownership = ofProcess,
): Promise<void> {
  if (owner === undefined) return;
  for (const dir of dirs) {
    const names = (await readdir(dir)).filter((name) => isOwnName(name) && name !== LOST_AND_FOUND);
    for (const name of names) await giveBelow(await realpath(join(dir, name)), owner, ownership);
  }
}

/**
 * Locks data directories for a command, which leaves their host able to open all that is in them.
 *
 * @param nodeHostDir has the record that says whose they are
 */
export async function lockForCommand(
  lock: IDirectoryLock,
  dirs: readonly string[],
  nodeHostDir: string,
): Promise<HeldLock> {
  // Before the command, which may write the record again.
  const owner = await foreignOwner(nodeHostDir);
  const held = await acquireLocks(lock, dirs);
  return {
    release: async () => {
      try {
        await giveToOwner(dirs, owner);
      } finally {
        await held.release();
      }
    },
  };
}
