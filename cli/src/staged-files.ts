import { randomBytes } from 'node:crypto';
import {
  type FileHandle,
  constants,
  copyFile,
  link,
  lstat,
  mkdir,
  open,
  rename,
  rm,
  rmdir,
} from 'node:fs/promises';
import { dirname } from 'node:path';
import { ErrInvalidOption } from '@drakkar/framework';
import { hasSystemCode } from '@drakkar/framework/internals';

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
 * when it is complete, and others may read it only if they could read the one that it replaces; none appears before all
 * are written, so that a full disk changes nothing.
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
    for (const file of staged) await writeStaged(file);
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

async function writeStaged({
  temporary,
  path,
  content,
  isReplacing,
}: StagedFile & { temporary: string }): Promise<void> {
  const handle = await open(temporary, 'wx', FILE_MODE);
  try {
    await handle.writeFile(content);
    if (isReplacing) await keepAccess(handle, path);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A host that root does not run could not read a key any more that root renews. */
async function keepAccess(handle: FileHandle, path: string): Promise<void> {
  try {
    const replaced = await lstat(path);
    if (!replaced.isFile()) return;
    await handle.chown(replaced.uid, replaced.gid);
    await handle.chmod(replaced.mode & 0o777);
  } catch {
    // There is none, or only root may: then nobody else is let to read it.
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
