import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from '@jest/globals';
import { orderedKVTests } from '@drakkar/raftio/kv/testing';
import { LmdbKV } from './lmdb-kv.js';

describe('LMDB as an ordered store', () => {
  orderedKVTests(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'drakkar-kv-'));
    return {
      open: () => Promise.resolve(LmdbKV.open(join(folder, 'log.mdb'), {}, () => Promise.resolve())),
      remove: () => rm(folder, { recursive: true, force: true }),
    };
  });
});
