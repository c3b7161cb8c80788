import type { ILogDB, LogDBConfig, LogDBModule } from '@drakkar/raftio';
import { openLockedLogDB } from '@drakkar/raftio/kv';
import { LmdbKV } from './lmdb-kv.js';
import { FolderLock } from './lock.js';
import { type LmdbLogDBOptions, optionsSchema } from './options.js';
import { checkLogFile } from './log-file.js';

export type { LmdbLogDBOptions } from './options.js';

const NAME = 'lmdb';

/**
 * Opens the log in `config.walDir`, creating it when there is none. Rejects with ErrLogDBLocked when it is open
 * already, in this process or another; with ErrLogDBOpen when a folder can't be used or belongs to another log; with
 * ErrLogDBCorrupt when what is there is damaged or not a log.
 */
export function openLmdbLogDB(config: LogDBConfig, options: LmdbLogDBOptions = {}): Promise<ILogDB> {
  return openLockedLogDB(config, {
    name: NAME,
    acquire: (walDir) => FolderLock.acquire(walDir),
    openKV: async (placement, lock) =>
      LmdbKV.open(await checkLogFile(placement), options, () => lock.release()),
  });
}

/** Chosen in a configuration by `logdb: { module: '@drakkar/logdb-lmdb' }`. */
export const adapterModule: LogDBModule = {
  kind: 'logdb',
  name: NAME,
  capabilities: { shrinksOnCompaction: false, exclusiveOpen: true, durable: true, detectsDamage: true },
  optionsSchema,
  create: (options) => (config) => openLmdbLogDB(config, options),
};
