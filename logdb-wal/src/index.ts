import { randomBytes } from 'node:crypto';
import type { ILogDB, LogDBConfig, LogDBModule } from '@drakkar/raftio';
import { findPlacement, recordPlacement } from '@drakkar/raftio/kv';
import { FolderLock } from './lock.js';
import { nodeFiles } from './node-files.js';
import { DEFAULT_OPTIONS, type WalLogDBOptions, optionsSchema } from './options.js';
import { WalLogDB } from './wal-logdb.js';

export type { WalLogDBOptions } from './options.js';

const NAME = 'wal';
const ALIGNMENT_BYTES = 4096;
const PAUSE_MS = 100;

function afterPause(callback: () => void): () => void {
  const timer = setTimeout(callback, PAUSE_MS);
  timer.unref();
  return () => {
    clearTimeout(timer);
  };
}

/**
 * Opens the log in `config.walDir`, creating it when there is none. Rejects with ErrLogDBLocked when it is open
 * already, in this process or another; with ErrLogDBOpen when a folder can't be used or belongs to another log; with
 * ErrLogDBCorrupt when what is there is damaged or not a log.
 */
export async function openWalLogDB(config: LogDBConfig, options: WalLogDBOptions = {}): Promise<ILogDB> {
  const placement = await findPlacement(config, NAME);
  const lock = await FolderLock.acquire(placement.walDir);
  let db: WalLogDB;
  try {
    db = await WalLogDB.open({
      ...{
        dir: placement.walDir,
        files: nodeFiles,
        alignmentBytes: ALIGNMENT_BYTES,
        afterPause,
        randomBytes,
      },
      segmentBytes: options.segmentBytes ?? DEFAULT_OPTIONS.segmentBytes,
      isKnown: placement.id !== undefined,
      onClosed: () => lock.release(),
    });
  } catch (error) {
    await lock.release();
    throw error;
  }
  try {
    await recordPlacement(placement, NAME);
    return db;
  } catch (error) {
    await db.close();
    throw error;
  }
}

/** Chosen in a configuration by `logdb: { module: '@drakkar/logdb-wal' }`. */
export const adapterModule: LogDBModule = {
  kind: 'logdb',
  name: NAME,
  capabilities: { shrinksOnCompaction: true, exclusiveOpen: true, durable: true, detectsDamage: true },
  optionsSchema,
  create: (options) => (config) => openWalLogDB(config, options),
};
