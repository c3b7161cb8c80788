import { constants } from 'node:fs';
import { type FileHandle, lchown, lstat, open, readdir, realpath } from 'node:fs/promises';
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

/** A folder that is open keeps its place, whatever the user of the host puts at its path in the meantime. */
function placeOf(path: string, { fd }: FileHandle): string {
  return process.platform === 'linux' ? `/proc/self/fd/${fd}` : path;
}

/**
 * Follows no links, so that the user of the host, or who has taken over its process, can not have root give away files
 * that lie elsewhere.
 */
async function giveWithin(
  path: string,
  owner: Owner,
  ownership: Ownership,
  isGiven: (name: string) => boolean,
): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    const place = placeOf(path, folder);
    for (const name of (await readdir(place)).filter(isGiven)) {
      const each = join(place, name);
      if ((await ownership.ownerOf(each)).uid === ROOT_UID) await ownership.give(each, owner);
      if ((await lstat(each)).isDirectory()) await giveWithin(each, owner, ownership, () => true);
    }
  } finally {
    await folder.close();
  }
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
  const isGiven = (name: string): boolean => isOwnName(name) && name !== LOST_AND_FOUND;
  // The operator has named these; they may be links.
  for (const dir of dirs) await giveWithin(await realpath(dir), owner, ownership, isGiven);
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
