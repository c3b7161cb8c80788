import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from '@jest/globals';
import { orderedKVSuite } from '@drakkar/raftio/kv';
import { LevelDBKV } from './leveldb-kv.js';

describe('LevelDB as an ordered store', () => {
  orderedKVSuite({ describe, it }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'drakkar-kv-'));
    return {
      open: () => LevelDBKV.open({ walDir: folder, id: undefined }, {}, () => Promise.resolve()),
      remove: () => rm(folder, { recursive: true, force: true }),
    };
  });
});
