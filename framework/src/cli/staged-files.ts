import { randomBytes } from 'node:crypto';
import { constants, copyFile, link, mkdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ErrInvalidOption } from '../errors/index.js';
import { hasSystemCode } from '../errors/inspect.js';

const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

export interface StagedFile {
  path: string;
  content: string;
  /** Whether a file of that name that is there is replaced. */
  isReplacing: boolean;
}

/**
 * Writes files that belong together, into folders that are made when they are not there. Each appears under its name
 * when it is complete, and never with a mode that lets others read a key; none appears before all are written, so that a
 * full disk changes nothing.
 *
 * @throws ErrInvalidOption when a file that is not to be replaced has appeared meanwhile; those after it do not appear
 */
export async function writeTogether(files: readonly StagedFile[]): Promise<void> {
  const staged = files.map((file) => ({
    ...file,
    temporary: `${file.path}.${randomBytes(6).toString('hex')}.tmp`,
  }));
  const madeFolders: string[] = [];
  try {
    for (const folder of new Set(files.map(({ path }) => dirname(path)))) {
      if ((await mkdir(folder, { recursive: true, mode: FOLDER_MODE })) !== undefined)
        madeFolders.push(folder);
    }
    for (const { temporary, content } of staged) {
      await writeFile(temporary, content, { mode: FILE_MODE, flag: 'wx', flush: true });
    }
    for (const { temporary, path, isReplacing } of staged) {
      if (isReplacing) await rename(temporary, path);
      else await giveName(temporary, path);
    }
  } finally {
    for (const { temporary } of staged) await rm(temporary, { force: true }).catch(() => undefined);
    // Those that nothing came to be in.
    for (const folder of madeFolders.reverse()) await rmdir(folder).catch(() => undefined);
  }
}

/** As `rename`, but never takes the place of a file. */
async function giveName(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path).catch(async (error: unknown) => {
      if (hasSystemCode(error, 'EEXIST')) throw error;
      // Not every file system has links.
      await copyFile(temporary, path, constants.COPYFILE_EXCL);
    });
  } catch (error) {
    if (!hasSystemCode(error, 'EEXIST')) throw error;
    throw new ErrInvalidOption(`${path} was made by somebody else meanwhile: run the command again`, {
      cause: error,
    });
  }
}
