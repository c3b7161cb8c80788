import { join } from 'node:path';
import { type RootDatabase, type Transaction, open } from 'lmdb';
import { ErrLogDBLocked, ErrLogDBOpen } from '@drakkar/raftio';
import { messageOf } from '@drakkar/raftio/kv';
import { PRIVATE } from './options.js';
import { checkTableFile } from './table-file.js';

const LOCK_FILE = 'lock.mdb';

/**
 * Keeps every other LogDB off a folder: of another process, another thread or this one.
 *
 * LMDB itself lets any number of processes open a file. But it keeps a table of those that read it, and each entry
 * holds a lock of the operating system, which ends with the process however that dies, and which no other process
 * gets by being given the same process id. So a small environment beside the log, that is never written, holds one
 * read transaction open for as long as the folder is in use, and a process that is not alone in its table goes away. (The
 * log's own table would do, were it not that an old read transaction keeps pages from being used again.)
 *
 * Two that open a folder in the same instant may both be refused; never are both let in. Processes of two containers
 * may have the same id: then the second can't get its entry, and is refused after LMDB has tried for ten seconds.
 */
export class FolderLock {
  readonly #env: RootDatabase;
  readonly #reader: Transaction;

  private constructor(env: RootDatabase, reader: Transaction) {
    this.#env = env;
    this.#reader = reader;
  }

  /** Rejects with ErrLogDBLocked when somebody else has the folder open. */
  static async acquire(dir: string): Promise<FolderLock> {
    await checkTableFile(join(dir, LOCK_FILE));
    const env = openLockFile(dir);
    let lock: FolderLock | undefined;
    try {
      // Opening has dropped the entries of processes that are gone.
      lock = new FolderLock(env, env.useReadTransaction());
    } catch (error) {
      await env.close();
      throw lockedError(dir, [], error);
    }
    const holders = readerProcessIDs(env);
    if (holders.length === 1) return lock;
    await lock.release();
    throw lockedError(dir, holders);
  }

  async release(): Promise<void> {
    this.#reader.done();
    await this.#env.close();
  }
}

function openLockFile(dir: string): RootDatabase {
  try {
    return open({
      path: join(dir, LOCK_FILE),
      ...PRIVATE,
      noSubdir: true,
      overlappingSync: false,
      maxDbs: 1,
      mapSize: 65_536,
      keyEncoding: 'binary',
      encoding: 'binary',
    });
  } catch (error) {
    throw new ErrLogDBOpen(`can't lock ${dir}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** LMDB tells its readers as a table: a heading, then a line for each with process id, thread and transaction. */
function readerProcessIDs(env: RootDatabase): number[] {
  return env
    .readerList()
    .split('\n')
    .map((line) => /^\s*(\d+)\s+[0-9a-f]+\s/.exec(line)?.[1])
    .filter((pid) => pid !== undefined)
    .map(Number);
}

function lockedError(dir: string, holders: number[], cause?: unknown): ErrLogDBLocked {
  const others = holders.filter((pid) => pid !== process.pid);
  const who = others.length > 0 ? `process ${others.join(', ')}` : 'somebody else, perhaps this process';
  return new ErrLogDBLocked(`${dir} is in use by ${who}`, { cause, details: { dir, holders: others } });
}
