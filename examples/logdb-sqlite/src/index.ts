import { join } from 'node:path';
import type { LogDBModule } from '@drakkar/raftio';
import { KVLogDB } from '@drakkar/raftio/kv';
import { SqliteKV } from './sqlite-kv.js';

const NAME = 'sqlite';
const DEFAULT_CACHE_SIZE_BYTES = 8 * 1024 * 1024;

interface SqliteOptions {
  cacheSizeBytes?: number;
}

/** Chosen in a configuration by the path of this file: `logdb: { module: ./examples/logdb-sqlite/dist/index.js }`. */
export const adapterModule: LogDBModule = {
  kind: 'logdb',
  name: NAME,
  capabilities: { shrinksOnCompaction: true, exclusiveOpen: true, durable: true, detectsDamage: true },
  optionsSchema: {
    type: 'object',
    additionalProperties: false,
    properties: {
      cacheSizeBytes: { type: 'integer', minimum: 1024 * 1024, default: DEFAULT_CACHE_SIZE_BYTES },
    },
  },
  create({ cacheSizeBytes = DEFAULT_CACHE_SIZE_BYTES }: SqliteOptions) {
    // SQLite keeps its write-ahead log beside the database, so `walDir` is of no use here.
    return async ({ dir }) =>
      KVLogDB.open(await SqliteKV.open({ file: join(dir, 'log.db'), cacheSizeBytes }), { name: NAME });
  },
};
