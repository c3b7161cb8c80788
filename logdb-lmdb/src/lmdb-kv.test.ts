import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from '@jest/globals';
import { orderedKVSuite } from '@drakkar/raftio/kv';
import { LmdbKV } from './lmdb-kv.js';

describe('LMDB as an ordered store', () => {
  orderedKVSuite({ describe, it }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'drakkar-kv-'));
    return {
      open: () => Promise.resolve(LmdbKV.open(join(folder, 'log.mdb'), {}, () => Promise.resolve())),
      remove: () => rm(folder, { recursive: true, force: true }),
    };
  });
});
