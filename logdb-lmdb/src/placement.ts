import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, open, readFile, realpath, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ErrLogDBCorrupt, ErrLogDBOpen, type LogDBConfig } from '@drakkar/raftio';

const ID_FILE = 'logdb-id';
const LOG_FILE = 'log.mdb';

/**
 * Where a log lies. All of it is written often, so all of it lies in `walDir`. `dir` may be another folder: then it
 * holds the identity of its log, because a log that is looked for in the wrong place is a replica that has forgotten
 * its vote.
 */
export interface Placement {
  readonly logFile: string;
  readonly walDir: string;
  readonly dir: string;
  /** Identity of the log, when it was opened before. */
  readonly id: string | undefined;
}

/** Rejects with ErrLogDBOpen when a folder is missing or unusable, or when the log of `dir` is not in `walDir`. */
export async function findPlacement(config: LogDBConfig): Promise<Placement> {
  const dir = await usableFolder(config.dir);
  const walDir = await usableFolder(config.walDir);
  const logFile = join(walDir, LOG_FILE);
  const expectedID = await readID(dir);
  const id = await readID(walDir);
  if (expectedID !== undefined && expectedID !== id) {
    throw new ErrLogDBOpen(`the log that belongs to ${dir} is not in ${walDir}; was walDir changed?`, {
      details: { dir, walDir },
    });
  }
  if (id !== undefined && (await sizeOf(logFile)) === 0) {
    throw new ErrLogDBCorrupt(`${logFile} is missing or empty, though the log was opened before`, {
      details: { file: logFile },
    });
  }
  return { logFile, walDir, dir, id };
}

/** Records, durably, that the log at `placement` exists and belongs to `dir`. */
export async function recordPlacement(placement: Placement): Promise<void> {
  const id = placement.id ?? `lmdb ${randomUUID()}`;
  for (const folder of new Set([placement.walDir, placement.dir])) {
    if ((await readID(folder)) === undefined) await writeID(folder, id);
  }
}

async function usableFolder(path: string): Promise<string> {
  try {
    const folder = await realpath(path);
    if (!(await stat(folder)).isDirectory()) throw new Error('it is not a folder');
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    return folder;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ErrLogDBOpen(`the folder ${path} can't be used: ${reason}`, {
      cause: error,
      details: { dir: path },
    });
  }
}

async function readID(folder: string): Promise<string | undefined> {
  try {
    return (await readFile(join(folder, ID_FILE), 'utf8')).trim();
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function writeID(folder: string, id: string): Promise<void> {
  const path = join(folder, ID_FILE);
  const file = await open(`${path}.tmp`, 'w');
  try {
    await file.writeFile(`${id}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.tmp`, path);
  await syncFolder(folder);
}

/** Makes the names in a folder durable, where the operating system has that (Windows does it by itself). */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isNotFound(error)) return 0;
    throw error;
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
