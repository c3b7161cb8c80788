import { describe, expect, it } from '@jest/globals';
import { SEGMENT_BYTES, entriesOf, logOf, openOn, pauseOf, saveOf } from './testing/logs.js';
import { decodeSegmentHeader } from './format/segment-header.js';
import { MemoryDisk } from './testing/memory-disk.js';

const GROUPS = 5;
const ROUNDS = 30;

describe('saves beside each other', () => {
  it('keep their bytes while others are gathered, and share frames', async () => {
    const disk = new MemoryDisk();
    const db = await openOn(disk);
    const saves: Promise<void>[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      for (let group = 1; group <= GROUPS; group++)
        saves.push(db.saveRaftState([saveOf(group, entriesOf(round, round, { sizeBytes: 400 }), round)]));
      // Some turns later a frame is under way.
      for (let turn = 0; turn < round % 4; turn++) await Promise.resolve();
    }
    await Promise.all(saves);
    const again = await openOn(disk.survive(() => false));
    for (let group = 1; group <= GROUPS; group++) {
      const log = await logOf(again, group);
      expect(log).toEqual(Array.from({ length: ROUNDS }, (_, i) => `${i + 1}@1`));
    }
    expect(disk.operations).toBeLessThan(GROUPS * ROUNDS);
  });
});

describe('a segment', () => {
  it('is sealed with a mark at its end only when that is durable', async () => {
    const sizesBytes = Array.from({ length: 12 }, (_, i) => SEGMENT_BYTES - 5300 + 64 * i);
    let sealedByMark = 0;
    for (const sizeBytes of sizesBytes) {
      const disk = new MemoryDisk();
      const db = await openOn(disk);
      await db.saveRaftState([saveOf(1, entriesOf(1, 1, { sizeBytes }))]);
      const before = disk.names.size;
      pauseOf(db);
      await db.saveRaftState([saveOf(1, entriesOf(2, 2))]);
      if (disk.names.size > before) sealedByMark += 1;
      expect(await logOf(await openOn(disk.survive(() => false)), 1)).toEqual(['1@1', '2@1']);
    }
    expect(sealedByMark).toBeGreaterThan(0);
  });

  it('has a salt of its own, also one whose number was used by another before', async () => {
    const salts: bigint[] = [];
    for (let log = 0; log < 3; log++) {
      const disk = new MemoryDisk();
      await (await openOn(disk)).close();
      await (await openOn(disk)).close();
      for (const name of [...disk.names.keys()].filter((each) => each.startsWith('segment-'))) {
        const header = decodeSegmentHeader(disk.bytesOf(name));
        if ('salt' in header) salts.push(header.salt);
      }
    }
    expect(salts.length).toBeGreaterThan(2);
    expect(new Set(salts).size).toBe(salts.length);
  });
});

describe('a close', () => {
  it('makes removals durable that no save has taken along', async () => {
    const disk = new MemoryDisk();
    const db = await openOn(disk);
    await db.saveRaftState([saveOf(1, entriesOf(1, 5))]);
    await db.removeEntriesTo(1, 1, 3);
    await db.close();
    const again = await openOn(disk.survive(() => false));
    expect(await again.readRaftState(1, 1, 0)).toMatchObject({ firstIndex: 4, entryCount: 2 });
  });
});
