import type { ILogDB, LogDBConfig } from '../logdb.js';
import type { IOrderedKV } from './contract.js';
import { KVLogDB } from './kv-logdb.js';
import { type Placement, findPlacement, recordPlacement } from './placement.js';
import { makePrivate } from './private-files.js';

/** What keeps others off a folder. */
export interface HeldLock {
  release(): Promise<void>;
}

export interface LockedLogDB<L extends HeldLock> {
  /** Name of the adapter. */
  name: string;
  /** Rejects with ErrLogDBLocked when somebody else has the folder open. */
  acquire: (walDir: string) => Promise<L>;
  /** From now on the store releases the lock when it is closed. When it rejects, the lock is released here. */
  openKV: (placement: Placement, lock: L) => Promise<IOrderedKV>;
}

/**
 * Opens the LogDB of a store in folders that nobody else may have open: finds its place, locks it, opens the store and
 * takes it over. When it rejects, nothing is open and nothing locked.
 */
export async function openLockedLogDB<L extends HeldLock>(
  config: LogDBConfig,
  { name, acquire, openKV }: LockedLogDB<L>,
): Promise<ILogDB> {
  const placement = await findPlacement(config, name);
  const lock = await acquire(placement.walDir);
  const kv = await openKV(placement, lock).catch(async (error: unknown) => {
    await lock.release();
    throw error;
  });
  const db = await KVLogDB.open(kv, { name });
  try {
    await recordPlacement(placement, name);
    await makePrivate(placement.walDir);
    return db;
  } catch (error) {
    await db.close();
    throw error;
  }
}
