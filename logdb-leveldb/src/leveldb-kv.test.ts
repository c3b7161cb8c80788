import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from '@jest/globals';
import { orderedKVTests } from '@drakkar/raftio/kv/testing';
import { LevelDBKV } from './leveldb-kv.js';

describe('LevelDB as an ordered store', () => {
  orderedKVTests(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'drakkar-kv-'));
    return {
      open: () => LevelDBKV.open({ walDir: folder, id: undefined }, {}, () => Promise.resolve()),
      remove: () => rm(folder, { recursive: true, force: true }),
    };
  });
});
