import { describe, it } from '@jest/globals';
import { orderedKVSuite } from './ordered-kv-suite.js';
import { MemoryDisk, MemoryKV } from './testing/memory-kv.js';

describe('the store in memory, on which KVLogDB is tested', () => {
  orderedKVSuite({ describe, it }, () => {
    const disk = new MemoryDisk();
    return Promise.resolve({
      open: () => Promise.resolve(new MemoryKV(disk)),
      remove: () => Promise.resolve(),
    });
  });
});
