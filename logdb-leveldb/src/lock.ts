import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hasErrorCode } from '@drakkar/raftio';
import { LevelEngine } from './engine.js';
import { openFailure } from './failures.js';

const LOCK_DIR = 'lock';
/** LevelDB's name for it. */
const LOCK_FILE = 'LOCK';

/**
 * Keeps every other LogDB off a folder: of another process, another thread or this one.
 *
 * LevelDB locks its folder itself, by a lock of the operating system that ends with the process however that dies. But
 * its files are looked at before it is opened, and after it was closed; for that time, too, they must be ours. So a
 * LevelDB beside the log, that holds nothing, is kept open for its lock.
 */
export class FolderLock {
  readonly #engine: LevelEngine;

  private constructor(engine: LevelEngine) {
    this.#engine = engine;
  }

  /** Rejects with ErrLogDBLocked when somebody else has the folder open. */
  static async acquire(dir: string): Promise<FolderLock> {
    const path = join(dir, LOCK_DIR);
    try {
      return new FolderLock(await openEmpty(path));
    } catch (error) {
      const failure = openFailure(dir, error);
      if (hasErrorCode(failure, 'ERR_LOGDB_LOCKED')) throw failure;
    }
    // Perhaps its files are damaged. There is nothing in them; what is locked is the file that stays.
    try {
      await removeAllBut(path, LOCK_FILE);
      return new FolderLock(await openEmpty(path));
    } catch (error) {
      throw openFailure(dir, error);
    }
  }

  release(): Promise<void> {
    return this.#engine.close();
  }
}

async function openEmpty(path: string): Promise<LevelEngine> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  return LevelEngine.open(path, { writeBufferSize: 64 * 1024, cacheSize: 0 });
}

async function removeAllBut(dir: string, kept: string): Promise<void> {
  for (const name of await readdir(dir)) {
    if (name !== kept) await rm(join(dir, name), { recursive: true, force: true });
  }
}
