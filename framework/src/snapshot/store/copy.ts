import { dirname, join } from 'node:path';
import { ErrInvalidOption } from '../../errors/request.js';
import { makeDirDurable } from '../../fs/durable.js';
import type { IFileSystem } from '../../fs/file-system.js';
import type { SnapshotDescription } from '../format/description.js';
import type { VerifiedSnapshotFile } from '../format/verifier.js';
import { copyFile } from './copy-file.js';
import { verifySnapshotFolder } from './folder.js';
import { DATA_FILE_NAME } from './names.js';

/**
 * Copies all files of a snapshot to an existing folder, and checks every bit of the copy. Its files are durable on
 * return, their names are not.
 *
 * @throws ErrSnapshotCorrupt, ErrSnapshotStopped, errors of the file system
 */
export async function copySnapshot(
  fs: IFileSystem,
  from: string,
  to: string,
  { files }: SnapshotDescription,
  signal: AbortSignal,
): Promise<VerifiedSnapshotFile> {
  for (const name of [DATA_FILE_NAME, ...files.map((file) => file.name)]) {
    await copyFile(fs, join(from, name), join(to, name), signal);
  }
  return verifySnapshotFolder(fs, to, signal);
}

/**
 * Copies a snapshot to a new folder that needs nothing else to be imported from. Durable on return; when it fails
 * nothing is left.
 *
 * @param to must not exist
 * @param temporary a name beside it, for the time being
 */
export async function exportFolder(
  fs: IFileSystem,
  from: string,
  to: string,
  temporary: string,
  description: SnapshotDescription,
  signal: AbortSignal,
): Promise<void> {
  if ((await fs.stat(to)) !== undefined) throw new ErrInvalidOption(`${to} exists already`);
  await makeDirDurable(fs, dirname(to));
  await fs.makeDir(temporary);
  try {
    await copySnapshot(fs, from, temporary, description, signal);
    await fs.syncDir(temporary);
    await fs.rename(temporary, to);
    await fs.syncDir(dirname(to));
  } catch (error) {
    await fs.remove(temporary);
    throw error;
  }
}
