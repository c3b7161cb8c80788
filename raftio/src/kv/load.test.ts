import { describe, expect, it, jest } from '@jest/globals';
import { KVLogDB } from './kv-logdb.js';
import { ReplicaMap } from './load.js';
import { update } from './testing/fixtures.js';
import { MemoryDisk, MemoryKV } from './testing/memory-kv.js';

describe('the replicas of a store', () => {
  it('keep nothing of an id that was only asked for', async () => {
    const kept = jest.spyOn(ReplicaMap.prototype, 'get');
    const db = await KVLogDB.open(new MemoryKV(new MemoryDisk()), { name: 'memory' });
    for (let id = 1; id <= 100; id++) {
      expect(await db.getBootstrapInfo(id, id)).toBeUndefined();
      expect(await db.listSnapshots(id, id, 10)).toEqual([]);
      expect(await db.readRaftState(id, id, 0)).toBeUndefined();
      await db.removeEntriesTo(id, id, 1);
      await db.compactEntriesTo(id, id, 1);
    }
    expect(kept).not.toHaveBeenCalled();
    await db.saveRaftState([update({ state: { term: 1, vote: 0, commit: 0 } })]);
    expect(kept).toHaveBeenCalled();
    await db.close();
  });
});
