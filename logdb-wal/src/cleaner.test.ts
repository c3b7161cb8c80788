import { describe, expect, it } from '@jest/globals';
import { SEGMENT_BYTES, entriesOf, logOf, openOn, saveOf } from './testing/logs.js';
import { MemoryDisk } from './testing/memory-disk.js';
import type { WalLogDB } from './wal-logdb.js';

const IDLE_GROUPS = 40;
const ROUNDS = 120;

describe('space', () => {
  it('is bounded beside groups that are idle, and all that counts is kept', async () => {
    const disk = new MemoryDisk();
    const db = await openOn(disk, { alignmentBytes: 4096 });
    for (let group = 1; group <= IDLE_GROUPS; group++) {
      await db.saveBootstrapInfo(group, 1, { addresses: new Map([[1, 'a:1']]), join: false });
      await db.saveRaftState([saveOf(group, entriesOf(1, 3), group)]);
    }
    const busy = IDLE_GROUPS + 1;
    for (let round = 1; round <= ROUNDS; round++) {
      await db.saveRaftState([saveOf(busy, entriesOf(round, round, { sizeBytes: 3000 }), round)]);
      await db.removeEntriesTo(busy, 1, round - 2);
    }
    const countUnasked = [...disk.names.keys()].filter((name) => name.startsWith('segment-')).length;
    expect(countUnasked).toBeLessThanOrEqual(40);
    await db.compactEntriesTo(busy, 1, ROUNDS - 2);
    const names = [...disk.names.keys()].filter((name) => name.startsWith('segment-'));
    expect(names.length).toBeLessThanOrEqual(6);
    expect(names).not.toContain('segment-0000000001');
    await db.close();
    const again = await openOn(disk);
    for (let group = 1; group <= IDLE_GROUPS; group++) {
      expect(await logOf(again, group)).toEqual(['1@1', '2@1', '3@1']);
      expect(await again.readRaftState(group, 1, 0)).toMatchObject({ state: { commit: group } });
    }
    expect(await again.listNodeInfo()).toHaveLength(IDLE_GROUPS);
    expect(await logOf(again, busy, ROUNDS - 1)).toHaveLength(2);
    await again.close();
  });

  it('does not bring back what was overwritten or removed while it was copied', async () => {
    const disk = new MemoryDisk();
    const db = await openOn(disk);
    await db.saveRaftState([saveOf(1, entriesOf(1, 6)), saveOf(2, entriesOf(1, 6))]);
    const dead = entriesOf(1, 1, { sizeBytes: 2 * 1024 * 1024 });
    await db.saveRaftState([saveOf(3, dead)]);
    await db.removeNodeData(3, 1);
    const shrinking = db.compactEntriesTo(1, 1, 0);
    await Promise.all([
      db.saveRaftState([saveOf(1, entriesOf(3, 4, { term: 2 }))]),
      db.removeNodeData(2, 1),
      db.saveRaftState([saveOf(2, entriesOf(1, 2, { term: 3 }))]),
      shrinking,
    ]);
    await db.compactEntriesTo(1, 1, 0);
    expect(disk.totalBytes).toBeLessThan(8 * SEGMENT_BYTES + 512 * 1024);
    const check = async (log: WalLogDB): Promise<void> => {
      expect(await logOf(log, 1)).toEqual(['1@1', '2@1', '3@2', '4@2']);
      expect(await logOf(log, 2)).toEqual(['1@3', '2@3']);
    };
    await check(db);
    await check(await openOn(disk.afterKill()));
  });

  it('keeps a segment for the reads that are under way in it', async () => {
    const disk = new MemoryDisk();
    const db = await openOn(disk);
    await db.saveRaftState([saveOf(1, entriesOf(1, 2, { sizeBytes: SEGMENT_BYTES }))]);
    await db.saveRaftState([saveOf(2, entriesOf(1, 2))]);
    let release: (() => void) | undefined;
    disk.readGate = new Promise((resolve) => {
      release = resolve;
    });
    const reading = logOf(db, 1);
    await db.removeNodeData(1, 1);
    await db.compactEntriesTo(2, 1, 0);
    expect([...disk.names.keys()]).not.toContain('segment-0000000001');
    release?.();
    expect(await reading).toEqual(['1@1', '2@1']);
    await db.close();
  });

  it('removes a segment only when what has taken the place of its content is durable', async () => {
    const disk = new MemoryDisk();
    const db = await openOn(disk);
    await db.saveRaftState([saveOf(1, entriesOf(1, 1, { sizeBytes: SEGMENT_BYTES }))]);
    await db.saveRaftState([saveOf(2, entriesOf(1, 2))]);
    let release: (() => void) | undefined;
    const opened = new Promise<void>((resolve) => {
      release = resolve;
    });
    disk.syncGate = { name: 'segment-0000000002.tmp', opened };
    const saving = db.saveRaftState([saveOf(1, entriesOf(1, 1, { term: 2 }))]);
    const shrinking = db.compactEntriesTo(2, 1, 0);
    for (let turn = 0; turn < 200; turn++) await Promise.resolve();
    expect(await logOf(await openOn(disk.survive(() => false)), 1)).toEqual(['1@1']);
    release?.();
    await Promise.all([saving, shrinking]);
    expect(await logOf(await openOn(disk.survive(() => false)), 1)).toEqual(['1@2']);
  });

  it('does not copy again and again what takes less than half of the smallest segment', async () => {
    const disk = new MemoryDisk();
    const db = await openOn(disk, { alignmentBytes: 4096, segmentBytes: 8192 });
    for (let group = 1; group <= 5; group++) await db.saveRaftState([saveOf(group, entriesOf(1, 3), 3)]);
    const before = disk.operations;
    disk.failsAt = before + 300;
    await db.compactEntriesTo(1, 1, 0);
    for (let group = 1; group <= 5; group++) expect(await logOf(db, group)).toHaveLength(3);
  });

  it('leaves no hole after a loss of the process behind a removal that was not written yet', async () => {
    const disk = new MemoryDisk();
    const db = await openOn(disk);
    const filler = entriesOf(1, 1, { sizeBytes: SEGMENT_BYTES });
    await db.saveRaftState([saveOf(1, entriesOf(1, 2)), saveOf(2, filler)]);
    await db.saveRaftState([saveOf(1, entriesOf(3, 4)), saveOf(3, filler)]);
    await db.removeNodeData(2, 1);
    await db.compactEntriesTo(1, 1, 0);
    await db.removeNodeData(3, 1);
    await db.saveRaftState([saveOf(1, entriesOf(5, 6))]);
    await db.removeEntriesTo(1, 1, 4);
    await db.compactEntriesTo(1, 1, 4);
    const again = await openOn(disk.afterKill());
    const { firstIndex = 0, entryCount = 0 } = (await again.readRaftState(1, 1, 0)) ?? {};
    expect(firstIndex + entryCount).toBe(7);
  });
});

describe('a power failure while space is given back', () => {
  const CALLS = 14;

  /** One group that is idle, and one of which entries are removed; returns how many calls were acknowledged. */
  async function work(db: WalLogDB): Promise<number> {
    let acknowledged = 0;
    try {
      await db.saveRaftState([saveOf(1, entriesOf(1, 3), 3)]);
      for (let call = 1; call <= CALLS; call++) {
        await db.saveRaftState([saveOf(2, entriesOf(call, call, { sizeBytes: 5000 }), call)]);
        acknowledged = call;
        await db.removeEntriesTo(2, 1, call - 2);
        if (call % 5 === 0) await db.compactEntriesTo(2, 1, call - 2);
      }
      await db.close();
    } catch {
      // The disk has failed.
    }
    return acknowledged;
  }

  it('takes nothing that counts, after whichever operation it comes', async () => {
    const whole = new MemoryDisk();
    expect(await work(await openOn(whole))).toBe(CALLS);
    expect([...whole.names.keys()]).not.toContain('segment-0000000001');
    for (let failsAt = 1; failsAt <= whole.operations; failsAt++) {
      const disk = new MemoryDisk();
      disk.failsAt = failsAt;
      const db = await openOn(disk).catch(() => undefined);
      const acknowledged = db === undefined ? 0 : await work(db);
      if (acknowledged === 0) continue;
      for (const survives of [() => false, () => true, ({ isLast }: { isLast: boolean }) => isLast]) {
        const again = await openOn(disk.survive(survives));
        expect(await logOf(again, 1)).toEqual(['1@1', '2@1', '3@1']);
        const { state, firstIndex = 0, entryCount = 0 } = (await again.readRaftState(2, 1, 0)) ?? {};
        expect([acknowledged, acknowledged + 1]).toContain(state?.commit);
        // Removed ones may be back, without a gap.
        expect(firstIndex + entryCount - 1).toBe(state?.commit);
        expect(await logOf(again, 2, firstIndex)).toHaveLength(entryCount);
      }
    }
  });
});
