import { ContainerModule } from 'inversify';
import {
  type ILogDB,
  type LogDBConfig,
  type LogDBFactory,
  LogDBFactoryID,
  type LogDBModule,
} from '@drakkar/raftio';
import { KVLogDB, findPlacement, recordPlacement } from '@drakkar/raftio/kv';
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
export async function openLmdbLogDB(config: LogDBConfig, options: LmdbLogDBOptions = {}): Promise<ILogDB> {
  const placement = await findPlacement(config, NAME);
  const lock = await FolderLock.acquire(placement.walDir);
  const kv = await releasing(lock, async () => {
    return LmdbKV.open(await checkLogFile(placement), options, () => lock.release());
  });
  const db = await KVLogDB.open(kv, { name: NAME });
  try {
    await recordPlacement(placement, NAME);
    return db;
  } catch (error) {
    await db.close();
    throw error;
  }
}

async function releasing<T>(lock: FolderLock, make: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** Chosen in a configuration by `logdb: { module: '@drakkar/logdb-lmdb' }`. */
export const adapterModule: LogDBModule = {
  kind: 'logdb',
  name: NAME,
  capabilities: { shrinksOnCompaction: false, exclusiveOpen: true, durable: true },
  optionsSchema,
  createModule(options) {
    const factory: LogDBFactory = (config) => openLmdbLogDB(config, options);
    return new ContainerModule((load) => {
      load.bind(LogDBFactoryID).toConstantValue(factory);
    });
  },
};
