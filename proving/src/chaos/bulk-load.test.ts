import { describe, expect, it } from '@jest/globals';
import { SeededRandom } from '../harness/random.js';
import { BulkLoad } from './bulk-load.js';

const MIB = 1024 * 1024;
const GROUPS = [{ clusterID: 7, members: new Map(), nextNodeID: 1 }];

describe('BulkLoad', () => {
  it('makes commands large while a load lasts, and as many as its budget allows', () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const bulk = new BulkLoad(GROUPS, new SeededRandom(seed));
      expect(bulk.take(7)).toBe(0);
      const load = bulk.begin();
      const size = bulk.take(7);
      expect(size).toBeGreaterThanOrEqual(256 * 1024);
      let sum = size;
      for (let next = bulk.take(7); next > 0; next = bulk.take(7)) sum += next;
      expect(sum).toBe(16 * MIB);
      expect(bulk.sizeBytes).toBe(sum);
      load.end();
    }
  });

  it('ends with its load, and leaves other groups alone', () => {
    const bulk = new BulkLoad(GROUPS, new SeededRandom(1));
    const load = bulk.begin();
    expect(bulk.take(8)).toBe(0);
    load.end();
    expect(bulk.take(7)).toBe(0);
  });

  it('sends nothing over slow links that would not pass in some seconds', () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const bulk = new BulkLoad(GROUPS, new SeededRandom(seed));
      bulk.begin(10);
      let sum = 0;
      for (let next = bulk.take(7); next > 0; next = bulk.take(7)) sum += next;
      expect(sum).toBeLessThanOrEqual(12.5 * 1_000_000);
    }
  });
});
