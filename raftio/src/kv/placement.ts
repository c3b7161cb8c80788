import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, open, readFile, realpath, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ErrLogDBCorrupt, ErrLogDBOpen } from '../errors.js';
import type { LogDBConfig } from '../logdb.js';
import { fieldOf, isNotFound, messageOf } from './failures.js';

/** Codes of what can be read, and not written. */
const READ_ONLY: readonly unknown[] = ['EROFS', 'EACCES', 'EPERM'];

/** Beside the log: its identity. */
const ID_FILE = 'log-id';
/** Name of the adapter, and what tells its logs from one another. */
const IDENTITY = /^[!-~]+ [!-~]+$/;
/** In `dir`, when the log does not lie there: the identity of the log that belongs to it. */
const ELSEWHERE_FILE = 'log-elsewhere-id';

/**
 * Where the log of an engine lies that keeps all in one folder. All of it is written often, so all of it lies in
 * `walDir`. `dir` may be another folder: then it holds the identity of its log, because a log that is looked for in
 * the wrong place is a replica that has forgotten its vote.
 */
export interface Placement {
  readonly dir: string;
  readonly walDir: string;
  /** Identity of the log; undefined before it was opened for the first time. */
  readonly id: string | undefined;
}

/**
 * Rejects with ErrLogDBCorrupt when the identity is none, with ErrLogDBOpen when a folder is missing or unusable, when the log of `dir` is not in `walDir`, or when it
 * was made by another adapter.
 * @param adapter name of the adapter, as `recordPlacement` is told
 */
export async function findPlacement(config: LogDBConfig, adapter: string): Promise<Placement> {
  const dir = await usableFolder(config.dir);
  const walDir = await usableFolder(config.walDir);
  const id = await readID(walDir, ID_FILE);
  const elsewhereID = await readID(dir, ELSEWHERE_FILE);
  const isMisplaced =
    dir === walDir
      ? elsewhereID !== undefined
      : (await readID(dir, ID_FILE)) !== undefined || (elsewhereID !== undefined && elsewhereID !== id);
  if (isMisplaced) {
    throw new ErrLogDBOpen(`the log that belongs to ${dir} is not in ${walDir}; was walDir changed?`, {
      details: { dir, walDir },
    });
  }
  if (id !== undefined && !IDENTITY.test(id)) {
    const file = join(walDir, ID_FILE);
    const what = id === '' ? 'is empty' : 'is damaged';
    throw new ErrLogDBCorrupt(`${file}, which says whose the log is, ${what}`, { details: { file } });
  }
  if (id !== undefined && !id.startsWith(`${adapter} `)) {
    throw new ErrLogDBOpen(`the log in ${walDir} was not made by ${adapter}, but by ${id.split(' ')[0]}`, {
      details: { dir, walDir },
    });
  }
  return { dir, walDir, id };
}

/**
 * Records, durably, that the log exists, and that it belongs to `dir`.
 * @param adapter name of the adapter, which becomes part of the identity
 */
export async function recordPlacement({ dir, walDir, id }: Placement, adapter: string): Promise<void> {
  const identity = id ?? `${adapter} ${randomUUID()}`;
  await writeID(walDir, ID_FILE, identity);
  if (dir !== walDir) await writeID(dir, ELSEWHERE_FILE, identity);
}

async function usableFolder(path: string): Promise<string> {
  try {
    const folder = await realpath(path);
    if (!(await stat(folder)).isDirectory()) throw new Error('it is not a folder');
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    return folder;
  } catch (error) {
    const isUnwritable = READ_ONLY.includes(fieldOf(error, 'code'));
    const advice = isUnwritable ? '; an engine writes to its folder whenever it opens it: use a copy' : '';
    throw new ErrLogDBOpen(`the folder ${path} can't be used: ${messageOf(error)}${advice}`, {
      cause: error,
      details: { dir: path },
    });
  }
}

async function readID(folder: string, name: string): Promise<string | undefined> {
  try {
    return (await readFile(join(folder, name), 'utf8')).trim();
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function writeID(folder: string, name: string, id: string): Promise<void> {
  if ((await readID(folder, name)) === id) return;
  await writeFileDurable(folder, name, `${id}\n`);
}

/** The file has its old content or the new one, whenever a crash comes; the new one permanently when this resolves. */
export async function writeFileDurable(folder: string, name: string, content: string): Promise<void> {
  const path = join(folder, name);
  const file = await open(`${path}.tmp`, 'w', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.tmp`, path);
  await syncFolder(folder);
}

/** Makes the names in a folder durable, where the operating system has that (Windows does it by itself). */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
