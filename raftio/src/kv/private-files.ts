import { chmod, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

const PRIVATE_FILE = 0o600;
const PRIVATE_FOLDER = 0o700;
const OF_OTHERS = 0o077;

/**
 * Has nobody but their owner read or change the files of a folder, and of the folders in it, whatever mode an engine has
 * made them with. What can't be changed, as it is somebody else's, stays as it is: who opens the folder keeps others out
 * of it.
 */
export async function makePrivate(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    const path = join(folder, name);
    // An engine removes files as it likes.
    const found = await lstat(path).catch(() => undefined);
    if (found?.isDirectory() === true) await makePrivate(path);
    else if (found?.isFile() !== true) continue;
    if ((found.mode & OF_OTHERS) === 0) continue;
    await chmod(path, found.isFile() ? PRIVATE_FILE : PRIVATE_FOLDER).catch(() => undefined);
  }
}
