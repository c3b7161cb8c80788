import { constants, type Stats } from 'node:fs';
import { type FileHandle, lchown, lstat, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { HeldLock, IDirectoryLock } from '@drakkar/framework';
import {
  STATUS_FILE_NAME,
  acquireLocks,
  hasSystemCode,
  isOwnName,
  messageOf,
} from '@drakkar/framework/internals';

export interface Owner {
  uid: number;
  gid: number;
}

/** What is asked of the system; a test has no other user. */
export interface Ownership {
  /** The user that runs this process. */
  readonly uid: number | undefined;
  /** Of the entry itself, not of what it links to. */
  stat(path: string): Promise<Stats>;
  give(path: string, owner: Owner): Promise<void>;
}

const ofProcess: Ownership = {
  uid: process.geteuid?.(),
  stat: (path) => lstat(path),
  give: (path, { uid, gid }) => lchown(path, uid, gid),
};

const ROOT_UID = 0;
/** Root's own, at the root of a file system. */
const LOST_AND_FOUND = 'lost+found';
/** Nothing that a command makes lies as deep; each level takes a descriptor. */
const MAX_DEPTH = 32;
/** Of an entry that has gone meanwhile, or is another one now: nothing that a command has made. */
const REPLACED = ['ENOENT', 'ENOTDIR', 'ELOOP'];

/** What a command calls when it has made all that it makes. Idempotent, and never fails. */
export type GiveToOwner = () => Promise<void>;

interface Folder {
  /** As the operator has named it. */
  path: string;
  handle: FileHandle;
  /** An open folder keeps its place, whatever the user of the host puts at its path in the meantime. */
  place: string;
}

function placeOf(path: string, { fd }: FileHandle): string {
  return process.platform === 'linux' ? `/proc/self/fd/${fd}` : path;
}

/** Undefined: there is none. The operator has named it, so it may be a link. */
async function openFolder(path: string): Promise<Folder | undefined> {
  try {
    const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
    return { path, handle, place: placeOf(path, handle) };
  } catch (error) {
    if (hasSystemCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

/** The owner of the record in a folder; undefined: there is none. */
async function recordOwner({ place }: Folder, ownership: Ownership): Promise<Owner | undefined> {
  await lstat(place); // where /proc is not mounted nothing would be found, and nothing said
  try {
    return await ownership.stat(join(place, STATUS_FILE_NAME));
  } catch (error) {
    if (hasSystemCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

interface Problem {
  text: string;
  /** Whether it may not be the host's at all, so that nobody is to give it away unseen. */
  isStrange: boolean;
}

/** Gives what is root's in folders, and gathers what can't be given. */
class Giving {
  readonly #owner: Owner;
  readonly #ownership: Ownership;
  readonly problems: Problem[] = [];

  constructor(owner: Owner, ownership: Ownership) {
    this.#owner = owner;
    this.#ownership = ownership;
  }

  /** `isNew`: it was made for the host, and is its own, too. */
  async giveFolder({ place, path }: Folder, isNew: boolean): Promise<void> {
    if (isNew) await this.#trying(path, () => this.#ownership.give(`${place}/.`, this.#owner));
    await this.#giveIn(place, path, 0);
  }

  /**
   * Follows no links, so that the user of the host, or who has taken over its process, can not have root give away files
   * that lie elsewhere; nor by another name that it has made for such a file.
   */
  async #giveIn(place: string, path: string, depth: number): Promise<void> {
    const isGiven = (name: string): boolean => depth > 0 || (isOwnName(name) && name !== LOST_AND_FOUND);
    await this.#trying(path, async () => {
      for (const name of (await readdir(place)).filter(isGiven)) {
        const each = join(path, name);
        await this.#trying(each, () => this.#giveEntry(join(place, name), each, depth));
      }
    });
  }

  async #giveEntry(place: string, path: string, depth: number): Promise<void> {
    const stats = await this.#ownership.stat(place);
    if (stats.uid === ROOT_UID) {
      if (!stats.isDirectory() && stats.nlink > 1)
        throw new Error('it has another name, which may be in a place that is not of the host');
      await this.#ownership.give(place, this.#owner);
    }
    if (!stats.isDirectory()) return;
    if (depth === MAX_DEPTH) throw new Error(`it lies more than ${MAX_DEPTH} folders deep`);
    const handle = await open(place, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    try {
      await this.#giveIn(placeOf(place, handle), path, depth + 1);
    } finally {
      await handle.close();
    }
  }

  async #trying(path: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (hasSystemCode(error, ...REPLACED)) return;
      // A name may be of any characters, and the error has the place by which it was reached.
      const code = (error as NodeJS.ErrnoException).code;
      const text = `${JSON.stringify(path)}: ${code ?? messageOf(error)}`;
      this.problems.push({ text, isStrange: code === undefined });
    }
  }
}

/** Whether a folder besides the one with the main record is the host's, and what is root's in it may be given. */
async function kindOf(folder: Folder, owner: Owner, ownership: Ownership): Promise<'its' | 'new' | 'other'> {
  const { uid } = await ownership.stat(`${folder.place}/.`);
  if (uid === owner.uid || (await recordOwner(folder, ownership))?.uid === owner.uid) return 'its';
  return uid === ROOT_UID && (await readdir(folder.place)).length === 0 ? 'new' : 'other';
}

const NOT_ITS_FOLDER: Problem = {
  text: 'neither the folder nor a record in it is of that user',
  isStrange: true,
};

function told(path: string, { uid, gid }: Owner, problems: readonly Problem[]): string {
  const [first] = problems;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  const advice = problems.some(({ isStrange }) => isStrange)
    ? `look at each before the host starts, and if it is the host's: chown -h ${uid}:${gid}`
    : `before the host starts: chown -R ${uid}:${gid} ${path}`;
  return `not all that root has in ${path} was given to the user of the host, which may not be able to open it: ${first?.text}${more}; ${advice}`;
}

const nothing: GiveToOwner = () => Promise.resolve();

/**
 * To be called before a command of root's makes anything in data directories: what it gives hands that over to the user
 * that runs the host, by the owner of its record, which could not open it otherwise. Failures are told to `warn`: they
 * are none of what the command is for.
 *
 * @param nodeHostDir has the record that says whose they are
 */
export async function ownerToGive(
  dirs: readonly string[],
  nodeHostDir: string,
  warn: (message: string) => void,
  ownership = ofProcess,
): Promise<GiveToOwner> {
  if (ownership.uid !== ROOT_UID) return nothing;
  const folders: Folder[] = [];
  const close = async (): Promise<void> => {
    for (const { handle } of folders.splice(0)) await handle.close().catch(() => undefined);
  };
  const found: { folder: Folder; isNew: boolean }[] = [];
  let owner: Owner | undefined;
  try {
    for (const dir of new Set([nodeHostDir, ...dirs])) {
      const folder = await openFolder(dir);
      if (folder !== undefined) folders.push(folder);
      if (dir === nodeHostDir) {
        // Before the command, which may write the record again.
        owner = folder && (await recordOwner(folder, ownership));
        if (owner === undefined || owner.uid === ROOT_UID) break;
        if (dirs.includes(dir) && folder !== undefined) found.push({ folder, isNew: false });
      } else if (owner !== undefined && folder !== undefined) {
        const kind = await kindOf(folder, owner, ownership);
        if (kind === 'other') warn(told(dir, owner, [NOT_ITS_FOLDER]));
        else found.push({ folder, isNew: kind === 'new' });
      }
    }
  } catch (error) {
    warn(`what this command makes in ${nodeHostDir} stays with root: ${messageOf(error)}`);
    owner = undefined;
  }
  if (owner === undefined || owner.uid === ROOT_UID) {
    await close();
    return nothing;
  }
  const host = owner;
  return async () => {
    for (const { folder, isNew } of found.splice(0)) {
      const giving = new Giving(host, ownership);
      await giving.giveFolder(folder, isNew);
      if (giving.problems.length > 0) warn(told(folder.path, host, giving.problems));
    }
    await close();
  };
}

export interface CommandPlaces {
  locked: readonly string[];
  /** Where something may be made. Default: what is locked. */
  given?: readonly string[];
  /** Has the record that says whose they are. */
  nodeHostDir: string;
}

/** Locks data directories for a command, which leaves their host able to open all that is in them. */
export async function lockForCommand(
  lock: IDirectoryLock,
  { locked, given = locked, nodeHostDir }: CommandPlaces,
  warn: (message: string) => void,
  ownership = ofProcess,
): Promise<HeldLock> {
  const give = await ownerToGive(given, nodeHostDir, warn, ownership);
  try {
    const held = await acquireLocks(lock, locked);
    return { release: () => give().finally(() => held.release()) };
  } catch (error) {
    await give(); // the lock leaves something even where it was not taken
    throw error;
  }
}
