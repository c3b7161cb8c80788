import { open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ErrLogDBLocked } from '@drakkar/raftio';

/** node:fs has no locks: a file with the number of the process, which counts for as long as that process lives. */
export async function takeLock(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, 'lock');
  for (let attempts = 0; attempts < 3; attempts++) {
    try {
      const file = await open(path, 'wx');
      await file.writeFile(String(process.pid));
      await file.close();
      return () => rm(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = Number(await readFile(path, 'utf8').catch(() => '0'));
    if (holder !== 0 && isAlive(holder)) throw new ErrLogDBLocked(`${path} is held by process ${holder}`);
    await rm(path, { force: true });
  }
  throw new ErrLogDBLocked(`${path} is held by others again and again`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
