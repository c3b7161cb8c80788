import { constants, type Dirent } from 'node:fs';
import { access, chmod, copyFile, mkdir, mkdtemp, readdir, rm, stat, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ErrInvalidOption } from '@drakkar/framework';
import { type DataDirLayout, hasSystemCode } from '@drakkar/framework/internals';
import type { Output } from './output.js';

/** An engine may make its files somewhat larger when it opens them. */
const SPARE_BYTES = 64 * 1024 * 1024;

/** The first of these folders that can't be written to: the medium is read-only, or the user may not. */
export async function findUnwritable(dirs: Iterable<string>): Promise<string | undefined> {
  for (const dir of new Set(dirs)) {
    try {
      await access(dir, constants.W_OK);
    } catch (error) {
      if (hasSystemCode(error, 'EROFS', 'EACCES', 'EPERM')) return dir;
      if (!hasSystemCode(error, 'ENOENT', 'ENOTDIR')) throw error;
    }
  }
  return undefined;
}

/** Where a LogDB lies that may be opened. */
export interface LogDBPlace {
  dir: string;
  walDir: string;
}

export interface LogDBCopy extends LogDBPlace {
  /** Says of an error of the LogDB, which names files of the copy, which files of the original it is about. */
  inOriginal(error: unknown): unknown;
  remove(): Promise<void>;
}

interface Copying {
  output: Output;
  doneBytes: number;
  totalBytes: number;
}

const isFile = (entry: Dirent): boolean => entry.isFile();

async function sizeBytesOf(dir: string): Promise<number> {
  let sizeBytes = 0;
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) sizeBytes += await sizeBytesOf(path);
    else if (isFile(entry)) sizeBytes += (await stat(path)).size;
  }
  return sizeBytes;
}

async function requireRoom(at: string, neededBytes: number, what: string): Promise<void> {
  const { bavail, bsize } = await statfs(at);
  const freeBytes = bavail * bsize;
  if (freeBytes >= neededBytes) return;
  throw new ErrInvalidOption(
    `${what} can't be written to, so its LogDB has to be read from a copy, which needs ${neededBytes} bytes in ${at}, where ${freeBytes} are free: set TMPDIR to a folder with room`,
  );
}

/** Sockets and the like are left out: no LogDB needs them. */
async function copyFolder(from: string, to: string, copying: Copying): Promise<void> {
  await mkdir(to, { mode: 0o700 });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await copyFolder(source, target, copying);
    if (!isFile(entry)) continue;
    await copyFile(source, target, constants.COPYFILE_FICLONE);
    await chmod(target, 0o600);
    copying.doneBytes += (await stat(target)).size;
    copying.output.progress(`copying the LogDB: ${copying.doneBytes} of ${copying.totalBytes} bytes`);
  }
}

/**
 * Copies the LogDB of a data directory that can't be written to: every engine writes when it opens its files, to lock
 * them, and to bring in order what a crash has left. Snapshots are read where they are.
 */
export async function copyForReading(
  output: Output,
  { root, logdbDir, walDir }: DataDirLayout,
): Promise<LogDBCopy> {
  const sources = [...new Set([logdbDir, walDir])];
  let totalBytes = 0;
  for (const dir of sources) totalBytes += await sizeBytesOf(dir);
  await requireRoom(tmpdir(), totalBytes + SPARE_BYTES, root);
  const temporary = await mkdtemp(join(tmpdir(), 'drakkar-read-only-'));
  const remove = (): Promise<void> => rm(temporary, { recursive: true, force: true });
  const places = sources.map((from, i) => ({ from, to: join(temporary, `logdb-${i}`) }));
  try {
    const copying = { output, doneBytes: 0, totalBytes };
    for (const { from, to } of places) await copyFolder(from, to, copying);
  } catch (error) {
    await remove();
    throw error;
  }
  const placeOf = (dir: string): string => places.find(({ from }) => from === dir)?.to ?? dir;
  return {
    dir: placeOf(logdbDir),
    walDir: placeOf(walDir),
    inOriginal: (error) => {
      if (error instanceof Error)
        for (const { from, to } of places) error.message = error.message.replaceAll(to, from);
      return error;
    },
    remove,
  };
}
