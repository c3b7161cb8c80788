import { describe } from '@jest/globals';
import { MemoryDisk, MemoryKV } from './testing/memory-kv.js';
import { orderedKVTests } from './testing/ordered-kv-tests.js';

describe('the store in memory, on which KVLogDB is tested', () => {
  orderedKVTests(() => {
    const disk = new MemoryDisk();
    return Promise.resolve({
      open: () => Promise.resolve(new MemoryKV(disk)),
      remove: () => Promise.resolve(),
    });
  });
});
