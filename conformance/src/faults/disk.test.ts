import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ILogDB, Update } from '@drakkar/raftio';
import { logDBSuite } from '../logdb/suite.js';
import { entries } from '../logdb/make.js';
import { MemoryLogDB, MemoryPlace } from '../reference/memory-logdb.js';
import { memoryLogDBHarness } from '../reference/memory-logdb-harness.js';
import { DiskFaults, faultyLogDB } from './disk.js';

function save(index: number): Update[] {
  const entriesToSave = entries(index, index, 1);
  return [{ clusterID: 1, nodeID: 2, state: undefined, entriesToSave, snapshot: undefined }];
}

async function stored(db: ILogDB): Promise<number[]> {
  const { entries: found } = await db.iterateEntries(1, 2, 1, 100, Number.MAX_SAFE_INTEGER);
  return found.map(({ index }) => index);
}

logDBSuite(
  { describe, it },
  memoryLogDBHarness((place) => faultyLogDB(new MemoryLogDB(place), new DiskFaults()), 'decorated'),
);

describe('a LogDB on a disk that fails', () => {
  let place: MemoryPlace;
  let faults: DiskFaults;
  let db: ILogDB;

  const open = (): ILogDB => faultyLogDB(new MemoryLogDB(place), faults);

  beforeEach(async () => {
    place = new MemoryPlace();
    faults = new DiskFaults();
    db = open();
    await db.saveRaftState(save(1));
  });

  async function reopen(): Promise<number[]> {
    await db.close();
    db = open();
    return stored(db);
  }

  it('loses a write that fails, and is fenced', async () => {
    faults.failNextWrite();
    await expect(db.saveRaftState(save(2))).rejects.toMatchObject({ code: 'EIO' });
    await expect(db.saveRaftState(save(2))).rejects.toMatchObject({ code: 'ERR_LOGDB_FENCED' });
    await expect(stored(db)).rejects.toMatchObject({ code: 'ERR_LOGDB_FENCED' });
    expect(faults.failures).toBe(1);
    expect(await reopen()).toEqual([1]);
  });

  it('may have stored a write whose sync fails', async () => {
    faults.failNextSync();
    await expect(db.saveRaftState(save(2))).rejects.toMatchObject({ code: 'EIO' });
    await expect(db.listNodeInfo()).rejects.toMatchObject({ code: 'ERR_LOGDB_FENCED' });
    expect(await reopen()).toEqual([1, 2]);
  });

  it('takes what fits on the disk, and no more until there is room again', async () => {
    const [update] = save(2);
    const sizeBytes = update?.entriesToSave[0]?.cmd.length ?? 0;
    expect(sizeBytes).toBeGreaterThan(0);
    faults.fillDisk(sizeBytes);
    await db.saveRaftState(save(2));
    await expect(db.saveRaftState(save(3))).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(await reopen()).toEqual([1, 2]);
    await expect(db.removeNodeData(1, 2)).rejects.toMatchObject({ code: 'ENOSPC' });
    faults.freeDisk();
    expect(await reopen()).toEqual([1, 2]);
    await db.saveRaftState(save(3));
    expect(await stored(db)).toEqual([1, 2, 3]);
  });
});
