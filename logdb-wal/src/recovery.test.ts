import { describe, expect, it } from '@jest/globals';
import { MemoryDisk, type Survival } from './testing/memory-disk.js';
import { entriesOf, logOf, openOn, pauseOf, saveOf } from './testing/logs.js';
import type { WalLogDB } from './wal-logdb.js';

/** A sequence of its own for each number: what a crash keeps. */
function diceOf(seed: number): () => boolean {
  let state = seed * 2_654_435_761 + 1;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31 < 0.5;
  };
}

/** Nothing, all, some, and of each file the last write alone. */
const SURVIVALS: readonly Survival[] = [() => false, () => true, diceOf(1), ({ isLast }) => isLast];
const CALLS = 9;

/**
 * Two groups saved together, overwritten now and then, with pauses; enough for some segments. Returns how many calls were
 * acknowledged.
 */
async function work(db: WalLogDB): Promise<number> {
  for (let call = 0; call < CALLS; call++) {
    const first = 2 * call + 1 - (call % 3 === 2 ? 2 : 0);
    const made = entriesOf(first, 2 * call + 2, { term: call + 1, sizeBytes: call === 4 ? 6000 : 1500 });
    const updates = [1, 2].map((clusterID) => saveOf(clusterID, made, call + 1));
    pauseOf(db);
    try {
      await db.saveRaftState(updates);
    } catch {
      return call;
    }
  }
  return CALLS;
}

/** The log after so many calls of `work`. */
function expectedLog(calls: number): string[] {
  const log: string[] = [];
  for (let call = 0; call < calls; call++) {
    log.length = 2 * call - (call % 3 === 2 ? 2 : 0);
    while (log.length < 2 * call + 2) log.push(`${log.length + 1}@${call + 1}`);
  }
  return log;
}

/** What was acknowledged is there, and a call is there whole or not at all, for both groups alike. */
async function checkLogs(db: WalLogDB, acknowledged: number): Promise<number> {
  const state = await db.readRaftState(1, 1, 0);
  const calls = state?.state.commit ?? 0;
  expect(calls).toBeGreaterThanOrEqual(acknowledged);
  expect(calls).toBeLessThanOrEqual(acknowledged + 1);
  for (const clusterID of [1, 2]) expect(await logOf(db, clusterID)).toEqual(expectedLog(calls));
  return calls;
}

describe('a power failure', () => {
  it('loses no acknowledged call after any operation, and halves none, whatever reached the disk', async () => {
    const whole = new MemoryDisk();
    await work(await openOn(whole));
    const { operations } = whole;
    expect(operations).toBeGreaterThan(40);
    for (let failsAt = 1; failsAt <= operations; failsAt++) {
      const disk = new MemoryDisk();
      disk.failsAt = failsAt;
      const db = await openOn(disk).catch(() => undefined);
      const acknowledged = db === undefined ? 0 : await work(db);
      for (const survival of SURVIVALS) {
        const after = disk.survive(survival);
        const calls = await checkLogs(await openOn(after), acknowledged);
        // What was found is durable from the opening on: a second failure at once takes nothing away.
        expect(await checkLogs(await openOn(after.survive(() => false)), calls)).toBe(calls);
      }
    }
  });

  it('during an opening loses nothing, nor does a loss of the process before it', async () => {
    const base = new MemoryDisk();
    const acknowledged = await work(await openOn(base));
    const counted = base.afterKill();
    await openOn(counted);
    for (let failsAt = 1; failsAt <= counted.operations; failsAt++) {
      for (const survival of SURVIVALS) {
        const disk = new MemoryDisk();
        await work(await openOn(disk));
        const reopened = disk.afterKill();
        reopened.failsAt = failsAt;
        await openOn(reopened).catch(() => undefined);
        await checkLogs(await openOn(reopened.survive(survival)), acknowledged);
      }
    }
  });

  it('keeps the segments before one of which nothing is proven, and which is copied whole', async () => {
    const disk = new MemoryDisk();
    const db = await openOn(disk);
    await db.saveRaftState([saveOf(1, entriesOf(1, 3), 1)]);
    await db.close();
    const second = await openOn(disk);
    await second.saveRaftState([saveOf(1, entriesOf(4, 5), 2)]);
    await openOn(disk.afterKill());
    expect(disk.names.has('segment-0000000002')).toBe(false);
    const log = ['1@1', '2@1', '3@1', '4@1', '5@1'];
    expect(await logOf(await openOn(disk.afterKill()), 1)).toEqual(log);
  });

  it('keeps after a loss of the process what the opening has served', async () => {
    const disk = new MemoryDisk();
    const db = await openOn(disk);
    await db.saveRaftState([saveOf(1, entriesOf(1, 3), 1)]);
    // Written, and never synced: only the caches of the system have it.
    disk.failsAt = disk.operations + 2;
    await db.saveRaftState([saveOf(1, entriesOf(4, 5), 2)]).catch(() => undefined);
    const killed = disk.afterKill();
    const served = await logOf(await openOn(killed), 1);
    expect(served).toHaveLength(5);
    expect(await logOf(await openOn(killed.survive(() => false)), 1)).toEqual(served);
  });
});

describe('damage', () => {
  async function closedLog(): Promise<MemoryDisk> {
    const disk = new MemoryDisk();
    const db = await openOn(disk);
    await work(db);
    await db.close();
    return disk;
  }

  it('anywhere in what was acknowledged before a close refuses the opening, and is not passed over', async () => {
    const base = await closedLog();
    const names = [...base.names.keys()].filter((name) => name.startsWith('segment-'));
    expect(names.length).toBeGreaterThan(2);
    for (const name of names) {
      const { length } = base.bytesOf(name);
      for (let offset = 0; offset < length; offset += 1999) {
        const disk = base.survive(() => true);
        disk.damage(name, offset);
        const opened = await openOn(disk).then(
          async (db) => [await logOf(db, 1), await logOf(db, 2)],
          (error: unknown) => (error as { code: string }).code,
        );
        const isServedWhole = [expectedLog(CALLS), expectedLog(CALLS)];
        if (opened !== 'ERR_LOGDB_CORRUPT') expect(opened).toEqual(isServedWhole);
      }
    }
  });

  it('names file, byte, frame and replica, and what to do', async () => {
    const disk = await closedLog();
    disk.damage('segment-0000000001', 4096 + 64 + 100);
    await expect(openOn(disk)).rejects.toMatchObject({
      code: 'ERR_LOGDB_CORRUPT',
      details: { file: '/log/segment-0000000001', offset: 4096, seq: 1 },
    });
    await expect(openOn(disk)).rejects.toThrow(/remove the replicas of this host/);
  });

  it('takes a missing segment, control file or log for a loss', async () => {
    for (const name of ['segment-0000000001', 'segment-0000000002', 'log-control']) {
      const disk = await closedLog();
      disk.names.delete(name);
      await expect(openOn(disk)).rejects.toMatchObject({ code: 'ERR_LOGDB_CORRUPT' });
    }
    const last = await closedLog();
    last.names.delete(
      [...last.names.keys()]
        .filter((name) => name.startsWith('segment-'))
        .sort()
        .at(-1) ?? '',
    );
    await expect(openOn(last)).rejects.toMatchObject({ code: 'ERR_LOGDB_CORRUPT' });
    await expect(openOn(new MemoryDisk(), { isKnown: true })).rejects.toMatchObject({
      code: 'ERR_LOGDB_CORRUPT',
    });
  });

  it('is not assumed where a read stops short: the opening fails, and nothing is changed', async () => {
    const base = await closedLog();
    for (const name of [...base.names.keys()].filter((each) => each.startsWith('segment-'))) {
      const disk = base.survive(() => true);
      if (disk.bytesOf(name).length === 4096) continue;
      disk.shortReads = { name, atMostBytes: 4096 };
      await expect(openOn(disk)).rejects.toThrow();
      disk.shortReads = { name: '', atMostBytes: Infinity };
      expect(await logOf(await openOn(disk), 1)).toEqual(expectedLog(CALLS));
    }
  });

  async function shortLog(): Promise<MemoryDisk> {
    const disk = new MemoryDisk();
    const db = await openOn(disk);
    await db.saveRaftState([saveOf(1, entriesOf(1, 3), 1)]);
    await db.saveRaftState([saveOf(1, entriesOf(4, 5), 2)]);
    return disk.afterKill();
  }

  it('is a segment of another log, or one of a log whose control file is gone', async () => {
    const disk = await shortLog();
    const other = await shortLog();
    for (const [name, node] of other.names) if (name.startsWith('segment-')) disk.names.set(name, node);
    await expect(openOn(disk)).rejects.toMatchObject({ code: 'ERR_LOGDB_CORRUPT' });
    other.names.delete('log-control');
    await expect(openOn(other)).rejects.toMatchObject({ code: 'ERR_LOGDB_CORRUPT' });
  });

  it('is refused in what an opening has copied, even if that one did not come to its end', async () => {
    const counted = await shortLog();
    const before = counted.operations;
    await openOn(counted);
    let copies = 0;
    for (let failsAt = before + 1; failsAt <= counted.operations + 1; failsAt++) {
      const disk = await shortLog();
      disk.failsAt = failsAt;
      await openOn(disk).catch(() => undefined);
      const newest = [...disk.names.keys()].filter((name) => /^segment-\d+$/.test(name)).at(-1);
      if (newest !== 'segment-0000000002') continue;
      copies += 1;
      disk.failsAt = Infinity;
      disk.damage(newest, 4096 + 80);
      await expect(openOn(disk)).rejects.toMatchObject({ code: 'ERR_LOGDB_CORRUPT' });
    }
    expect(copies).toBeGreaterThan(1);
  });

  it('found by a read while the log is open names the replica', async () => {
    const disk = new MemoryDisk();
    const db = await openOn(disk);
    await db.saveRaftState([saveOf(5, entriesOf(1, 3))]);
    disk.damage('segment-0000000001', 4096 + 64 + 60);
    await expect(db.iterateEntries(5, 1, 1, 4, 2 ** 30)).rejects.toMatchObject({
      code: 'ERR_LOGDB_CORRUPT',
      details: { clusterID: 5, nodeID: 1, index: 1 },
    });
  });
});

describe('a failed operation', () => {
  it('fences the log, whichever it is, and nothing is acknowledged after it', async () => {
    const whole = new MemoryDisk();
    await work(await openOn(whole));
    const opening = new MemoryDisk();
    await openOn(opening);
    for (let at = opening.operations + 1; at <= whole.operations; at++) {
      const disk = new MemoryDisk();
      const db = await openOn(disk);
      disk.failsOnceAt = at;
      const acknowledged = await work(db);
      const failure: unknown = await db.readRaftState(1, 1, 0).catch((error: unknown) => error);
      // What was allocated ahead, or is cut off behind a sealed segment, may fail without consequence.
      if (acknowledged === CALLS) expect(failure).toMatchObject({ state: { commit: CALLS } });
      else {
        expect(failure).toMatchObject({ code: 'ERR_LOGDB_FENCED' });
        const later = db.saveRaftState([saveOf(3, entriesOf(1, 1))]);
        await expect(later).rejects.toMatchObject({ code: 'ERR_LOGDB_FENCED' });
      }
      await db.close();
      await checkLogs(await openOn(disk.survive(() => false)), acknowledged);
    }
  });
});
