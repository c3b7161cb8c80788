import { describe, expect, it } from '@jest/globals';
import { entriesOf, logOf, openOn, saveOf } from './testing/logs.js';
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
      for (let turn = 0; turn < round % 4; turn++) await undefined;
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
