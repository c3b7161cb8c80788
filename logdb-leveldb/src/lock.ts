import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hasErrorCode } from '@drakkar/raftio';
import { LevelEngine } from './engine.js';
import { openFailure } from './failures.js';

const LOCK_DIR = 'lock';

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
      if (!hasErrorCode(failure, 'ERR_LOGDB_CORRUPT')) throw failure;
    }
    try {
      // There is nothing in it that could be lost, and nobody has it open: its lock comes first.
      await rm(path, { recursive: true });
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
  await mkdir(path, { recursive: true });
  return LevelEngine.open(path, { writeBufferSize: 64 * 1024, cacheSize: 0 });
}
