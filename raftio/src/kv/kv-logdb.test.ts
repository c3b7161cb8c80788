import { beforeEach, describe, expect, it } from '@jest/globals';
import { encodeEntries, hasErrorCode } from '../index.js';
import { KVLogDB } from './kv-logdb.js';
import { KeyKind, makeHeadKey, makeKey } from './keys.js';
import { describeEntries, entries, update } from './testing/fixtures.js';
import { MemoryDisk, MemoryKV } from './testing/memory-kv.js';
import { makeSnapshot } from './testing/model-actions.js';

const ALL = 2 ** 30;

let disk: MemoryDisk;
let kv: MemoryKV;
let db: KVLogDB;

async function open(onDisk: MemoryDisk): Promise<KVLogDB> {
  kv = new MemoryKV(onDisk);
  return KVLogDB.open(kv, { name: 'memory' });
}

async function stored(low = 1, clusterID = 1): Promise<string[]> {
  return describeEntries((await db.iterateEntries(clusterID, 1, low, 1_000_000, ALL)).entries);
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error !== null && typeof error === 'object' && 'code' in error ? String(error.code) : 'none';
}

function makeGate(): { wait: Promise<void>; open: () => void } {
  let openGate!: () => void;
  const wait = new Promise<void>((resolve) => {
    openGate = resolve;
  });
  return { wait, open: openGate };
}

beforeEach(async () => {
  disk = new MemoryDisk();
  db = await open(disk);
});

describe('opening', () => {
  it('writes, so that what a killed process left unsynced is durable before anybody relies on it', async () => {
    await db.saveBootstrapInfo(1, 1, { addresses: new Map([[1, 'a:1']]), join: false });
    const before = disk.writes;
    db = await open(disk);
    expect(disk.writes).toBe(before + 1);
    expect(await db.getBootstrapInfo(1, 1)).toEqual({ addresses: new Map([[1, 'a:1']]), join: false });
  });
});

describe('a snapshot in an update', () => {
  it('puts an end to the log before it, above its index too, permanently', async () => {
    await db.saveRaftState([update({ entriesToSave: entries(1, 9) })]);
    await db.saveRaftState([update({ snapshot: makeSnapshot(5), entriesToSave: [] })]);
    expect(await stored()).toEqual([]);
    db = await open(disk);
    expect(await stored()).toEqual([]);
    expect(await db.readRaftState(1, 1, 5)).toMatchObject({ entryCount: 0 });
    await db.saveRaftState([update({ entriesToSave: entries(6, 6) })]);
    db = await open(disk);
    expect(await stored(6)).toHaveLength(1);
    await db.compactEntriesTo(1, 1, 5);
    expect(await stored(6)).toHaveLength(1);
  });
});

describe('group commit', () => {
  it('writes what is asked in one tick in one batch, and what is asked meanwhile in the next', async () => {
    const before = kv.batches.length;
    const gate = makeGate();
    kv.writeBarrier = gate.wait;
    const first = [1, 2].map((clusterID) =>
      db.saveRaftState([update({ clusterID, entriesToSave: entries(1, 3) })]),
    );
    await Promise.resolve();
    await Promise.resolve();
    const second = [4, 5, 6].map((index) =>
      db.saveRaftState([update({ entriesToSave: entries(index, index) })]),
    );
    gate.open();
    await Promise.all([...first, ...second]);
    expect(kv.batches.length - before).toBe(2);
    expect(await stored()).toEqual(describeEntries(entries(1, 6)));
    expect(await stored(1, 2)).toEqual(describeEntries(entries(1, 3)));
  });

  it('reads nothing to append', async () => {
    await db.saveRaftState([update({ entriesToSave: entries(1, 3) })]);
    const before = kv.reads.length;
    for (let index = 4; index < 10; index++) {
      await db.saveRaftState([update({ entriesToSave: entries(index, index) })]);
    }
    expect(kv.reads.length).toBe(before);
  });

  it('writes one record and one head for an append', async () => {
    await db.saveRaftState([update({ entriesToSave: entries(1, 1000) })]);
    expect(kv.batches.at(-1)?.map((op) => op.type)).toEqual(['put', 'put']);
  });

  it('writes nothing for updates with nothing in them', async () => {
    const before = kv.batches.length;
    await db.saveRaftState([update(), update({ nodeID: 2 })]);
    await db.saveSnapshots([update()]);
    expect(kv.batches.length).toBe(before);
    expect(await db.readRaftState(1, 1, 0)).toBeUndefined();
  });
});

describe('order of calls for one replica', () => {
  it('lets a read see what was saved before it, and nothing that was saved after', async () => {
    await db.saveRaftState([update({ entriesToSave: entries(1, 5) })]);
    const reads: Promise<string[]>[] = [];
    const saves: Promise<void>[] = [];
    for (const [first, term] of [
      [4, 2],
      [6, 2],
      [1, 3],
      [2, 3],
    ] as const) {
      reads.push(stored());
      saves.push(db.saveRaftState([update({ entriesToSave: entries(first, first + 1, term) })]));
    }
    await Promise.all(saves);
    const [a, b, c, d] = await Promise.all(reads);
    expect(a).toEqual(['1@1', '2@1', '3@1', '4@1', '5@1']);
    expect(b).toEqual(['1@1', '2@1', '3@1', '4@2', '5@2']);
    expect(c).toEqual(['1@1', '2@1', '3@1', '4@2', '5@2', '6@2', '7@2']);
    expect(d).toEqual(['1@3', '2@3']);
    expect(await stored()).toEqual(['1@3', '2@3', '3@3']);
  });

  it('holds back only what takes away entries that a slow read may be looking at', async () => {
    await db.saveRaftState([
      update({ entriesToSave: entries(1, 5) }),
      update({ clusterID: 2, entriesToSave: entries(1, 1) }),
    ]);
    const gate = makeGate();
    kv.readBarrier = gate.wait;
    const read = stored();
    const done: string[] = [];
    await db.saveRaftState([update({ entriesToSave: entries(6, 6) })]);
    const truncating = db
      .saveRaftState([update({ entriesToSave: entries(3, 3, 2) })])
      .then(() => done.push('truncating'));
    const after = db
      .saveRaftState([update({ entriesToSave: entries(4, 4, 2) })])
      .then(() => done.push('after'));
    await db.saveRaftState([update({ clusterID: 2, entriesToSave: entries(1, 1, 2) })]);
    expect(done).toEqual([]);
    gate.open();
    kv.readBarrier = undefined;
    expect(await read).toEqual(describeEntries(entries(1, 5)));
    await Promise.all([truncating, after]);
    expect(done).toEqual(['truncating', 'after']);
    expect(await stored()).toEqual(['1@1', '2@1', '3@2', '4@2']);
  });
});

describe('reading', () => {
  beforeEach(async () => {
    for (const first of [1, 11, 21]) {
      await db.saveRaftState([update({ entriesToSave: entries(first, first + 9) })]);
    }
  });

  it('gives the entries asked for, across records', async () => {
    const { entries: found } = await db.iterateEntries(1, 1, 9, 13, ALL);
    expect(describeEntries(found)).toEqual(['9@1', '10@1', '11@1', '12@1']);
    expect((await db.iterateEntries(1, 1, 13, 13, ALL)).entries).toEqual([]);
    expect((await db.iterateEntries(1, 1, 31, 40, ALL)).entries).toEqual([]);
  });

  it('stops before the entry that would be too much, but gives one', async () => {
    const one = await db.iterateEntries(1, 1, 5, 31, 1);
    expect(describeEntries(one.entries)).toEqual(['5@1']);
    const some = await db.iterateEntries(1, 1, 9, 31, one.sizeBytes * 3 + 2);
    expect(some.entries.length).toBe(3);
    expect(some.sizeBytes).toBeLessThanOrEqual(one.sizeBytes * 3 + 2);
  });

  it('reads a log of more records than come in one page', async () => {
    for (let index = 31; index <= 331; index++) {
      await db.saveRaftState([update({ entriesToSave: entries(index, index) })]);
    }
    expect(await stored(25)).toEqual(describeEntries(entries(25, 331)));
  });

  it('keeps entries apart that a gap divides', async () => {
    await db.saveRaftState([update({ entriesToSave: entries(41, 45) })]);
    expect(await stored(25)).toEqual(describeEntries(entries(25, 30)));
    expect(await stored(35)).toEqual([]);
    expect(await db.readRaftState(1, 1, 35)).toMatchObject({ firstIndex: 41, entryCount: 5 });
    expect(await db.readRaftState(1, 1, 28)).toMatchObject({ firstIndex: 29, entryCount: 2 });
  });

  it('refuses entries that are not consecutive, and has saved nothing then', async () => {
    const wrong = [...entries(31, 32), ...entries(34, 34)];
    await expect(
      db.saveRaftState([
        update({ clusterID: 9, entriesToSave: entries(1, 1) }),
        update({ entriesToSave: wrong }),
      ]),
    ).rejects.toMatchObject({ code: 'ERR_UPDATE_REFUSED', details: { clusterID: 1, nodeID: 1 } });
    expect(await stored(30)).toEqual(['30@1']);
    expect(await db.readRaftState(9, 1, 0)).toBeUndefined();
  });
});

describe('an update that can not be encoded', () => {
  it.each([2 ** 53, -1, 1.5, Number.NaN])(
    'is refused for a term of %s, and the store goes on',
    async (term) => {
      const state = { term, vote: 0, commit: 0 };
      await expect(
        db.saveRaftState([update({ clusterID: 9, entriesToSave: entries(1, 1) }), update({ state })]),
      ).rejects.toMatchObject({ code: 'ERR_UPDATE_REFUSED', details: { clusterID: 1, nodeID: 1 } });
      await db.saveRaftState([update({ clusterID: 9, entriesToSave: entries(1, 1) })]);
      expect(await db.readRaftState(9, 1, 0)).toMatchObject({ entryCount: 1 });
    },
  );
});

describe('removal', () => {
  it('deletes in slices, between which saves get in', async () => {
    for (let index = 1; index <= 1200; index++) {
      await db.saveRaftState([update({ entriesToSave: entries(index, index) })]);
    }
    await db.removeEntriesTo(1, 1, 1150);
    const before = kv.batches.length;
    await db.compactEntriesTo(1, 1, 1150);
    const slices = kv.batches.slice(before);
    expect(slices.length).toBeGreaterThan(2);
    expect(Math.max(...slices.map((ops) => ops.length))).toBeLessThan(600);
    expect(kv.disk.pairs.length).toBe(52);
    expect(await stored(1151)).toEqual(describeEntries(entries(1151, 1200)));
  });

  it('does not delete entries that were not removed', async () => {
    await db.saveRaftState([update({ entriesToSave: entries(1, 10) })]);
    await db.compactEntriesTo(1, 1, 5);
    await db.removeEntriesTo(1, 1, 7);
    await db.compactEntriesTo(1, 1, 3);
    await db.close();
    db = await open(disk);
    expect(await stored(8)).toEqual(['8@1', '9@1', '10@1']);
  });

  /** Records begin at 1, 5 and 7. */
  async function saveThree(): Promise<void> {
    for (const [first, last] of [
      [1, 4],
      [5, 6],
      [7, 9],
    ] as const) {
      await db.saveRaftState([update({ entriesToSave: entries(first, last) })]);
    }
  }

  /** The last two are replaced by one, of which the first two entries are removed. */
  async function rewrite(): Promise<void> {
    await Promise.all([
      db.saveRaftState([update({ entriesToSave: entries(5, 9, 2) })]),
      db.removeEntriesTo(1, 1, 6),
    ]);
  }

  it('keeps what is on its way to the disk while it compacts, in the place of another record', async () => {
    await saveThree();
    const { wait, open: openGate } = makeGate();
    kv.writeBarrier = wait;
    const saved = rewrite();
    const compacted = db.compactEntriesTo(1, 1, 6);
    openGate();
    await Promise.all([saved, compacted]);
    await db.close();
    db = await open(disk);
    expect(await stored(7)).toEqual(['7@2', '8@2', '9@2']);
  });

  it('keeps what is saved while it looks for records to be deleted', async () => {
    await saveThree();
    await db.removeEntriesTo(1, 1, 6);
    const { wait, open: openGate } = makeGate();
    kv.readBarrier = wait;
    const compacted = db.compactEntriesTo(1, 1, 6);
    await rewrite();
    openGate();
    await compacted;
    await db.close();
    db = await open(disk);
    expect(await stored(7)).toEqual(['7@2', '8@2', '9@2']);
  });

  it.each(['removeNodeData', 'importSnapshot'] as const)(
    '%s is all or nothing at any instant',
    async (call) => {
      for (let index = 1; index <= 1200; index++) {
        await db.saveRaftState([update({ entriesToSave: entries(index, index) })]);
      }
      await db.saveBootstrapInfo(1, 1, { addresses: new Map([[1, 'a:1']]), join: false });
      const before = { pairs: [...disk.pairs] };
      const first = kv.batches.length;
      if (call === 'removeNodeData') await db.removeNodeData(1, 1);
      else await db.importSnapshot(makeSnapshot(50), { clusterID: 1, nodeID: 1 });
      const batches = kv.batches.slice(first);
      expect(batches.length).toBeGreaterThan(2);
      for (let count = 1; count <= batches.length; count++) {
        const crashed = new MemoryDisk();
        crashed.pairs = [...before.pairs];
        const replay = new MemoryKV(crashed);
        for (const ops of batches.slice(0, count)) await replay.write(ops);
        db = await open(crashed);
        expect(await stored()).toEqual([]);
        const state = await db.readRaftState(1, 1, 0);
        expect(state?.state.commit).toBe(call === 'removeNodeData' ? undefined : 50);
        await db.saveRaftState([update({ entriesToSave: entries(51, 52, 5) })]);
        expect(await stored(51)).toEqual(['51@5', '52@5']);
        if (call === 'removeNodeData') expect(crashed.pairs.length).toBe(3);
      }
    },
  );
});

describe('failure', () => {
  it('fences after a failed write: nothing is written any more', async () => {
    await db.saveRaftState([update({ entriesToSave: entries(1, 1) })]);
    const before = disk.writes;
    kv.failNextWrite = new Error('no space');
    const failing = db.saveRaftState([update({ entriesToSave: entries(2, 2) })]);
    const together = db.saveRaftState([update({ clusterID: 2, entriesToSave: entries(1, 1) })]);
    expect(await codeOf(failing)).toBe('ERR_LOGDB_FENCED');
    expect(await codeOf(together)).toBe('ERR_LOGDB_FENCED');
    const calls = [
      () => db.saveRaftState([update({ entriesToSave: entries(2, 2) })]),
      () => db.saveRaftState([]),
      () => db.readRaftState(1, 1, 0),
      () => db.iterateEntries(1, 1, 1, 2, ALL),
      () => db.listNodeInfo(),
      () => db.saveBootstrapInfo(1, 1, { addresses: new Map(), join: true }),
      () => db.getBootstrapInfo(1, 1),
      () => db.removeEntriesTo(1, 1, 1),
      () => db.compactEntriesTo(1, 1, 1),
      () => db.saveSnapshots([]),
      () => db.deleteSnapshot(1, 1, 1),
      () => db.listSnapshots(1, 1, 1),
      () => db.removeNodeData(1, 1),
      () => db.importSnapshot(makeSnapshot(3), { clusterID: 1, nodeID: 1 }),
    ];
    for (const call of calls) expect(await codeOf(call())).toBe('ERR_LOGDB_FENCED');
    expect(disk.writes).toBe(before);
    await db.close();
    expect(kv.isClosed).toBe(true);
    db = await open(disk);
    expect(await stored()).toEqual(['1@1']);
  });

  it('finds a flipped bit in any record and names the replica', async () => {
    await db.saveRaftState([
      update({ clusterID: 5, entriesToSave: entries(1, 3), snapshot: makeSnapshot(2) }),
      update({ clusterID: 6, entriesToSave: entries(1, 3) }),
    ]);
    await db.saveBootstrapInfo(5, 1, { addresses: new Map([[1, 'a:1']]), join: false });
    const keys = [
      makeKey(KeyKind.log, 5, 1, 1),
      makeHeadKey(5, 1),
      makeKey(KeyKind.snapshot, 5, 1, 2),
      makeKey(KeyKind.bootstrap, 5, 1, 0),
    ];
    for (const key of keys) {
      const damaged = new MemoryDisk();
      damaged.pairs = disk.pairs.map((pair) => {
        const value = pair.value.slice();
        const hit = value.length - 3;
        if (Buffer.compare(pair.key, key) === 0) value[hit] = (value[hit] ?? 0) ^ 4;
        return { key: pair.key, value };
      });
      db = await open(damaged);
      const errors = await Promise.all(
        [
          db.iterateEntries(5, 1, 1, 4, ALL),
          db.readRaftState(5, 1, 0),
          db.listSnapshots(5, 1, 9),
          db.getBootstrapInfo(5, 1),
        ].map((call: Promise<unknown>) =>
          call.then(
            () => undefined,
            (error: unknown) => error,
          ),
        ),
      );
      const found = errors.filter((error) => hasErrorCode(error, 'ERR_LOGDB_CORRUPT'));
      expect(found.length).toBeGreaterThan(0);
      expect(found[0]).toMatchObject({ details: { clusterID: 5, nodeID: 1 } });
      expect(await stored(1, 6)).toEqual(describeEntries(entries(1, 3)));
    }
  });

  it('finds an entry that was damaged before its record was written, and names it', async () => {
    const damaged = entries(1, 3);
    encodeEntries(damaged);
    const [, second] = damaged;
    // Its record gets a checksum that fits what is in it.
    if (second?.wire !== undefined) second.wire[second.wireEnd - 7] = 0xee;
    await db.saveRaftState([
      update({ clusterID: 5, entriesToSave: damaged }),
      update({ clusterID: 6, entriesToSave: entries(1, 3) }),
    ]);
    await expect(db.iterateEntries(5, 1, 1, 4, ALL)).rejects.toMatchObject({
      code: 'ERR_LOGDB_CORRUPT',
      message: expect.stringContaining('the checksum of entry 2 does not match') as unknown,
      details: { clusterID: 5, nodeID: 1, index: 2 },
    });
    expect((await db.iterateEntries(5, 1, 3, 4, ALL)).entries).toHaveLength(1);
    expect(await stored(1, 6)).toEqual(describeEntries(entries(1, 3)));
  });

  it('takes nothing more for a replica whose head is damaged, until that is removed', async () => {
    await db.saveRaftState([update({ entriesToSave: entries(1, 3) })]);
    const head = disk.pairs.find((pair) => Buffer.compare(pair.key, makeHeadKey(1, 1)) === 0);
    head?.value.fill(0, 0, 4);
    db = await open(disk);
    const save = (): Promise<void> => db.saveRaftState([update({ entriesToSave: entries(1, 1, 2) })]);
    expect(await codeOf(save())).toBe('ERR_LOGDB_CORRUPT');
    expect(await codeOf(db.removeEntriesTo(1, 1, 1))).toBe('ERR_LOGDB_CORRUPT');
    expect(await codeOf(db.compactEntriesTo(1, 1, 1))).toBe('ERR_LOGDB_CORRUPT');
    await db.removeNodeData(1, 1);
    await save();
    expect(await stored()).toEqual(['1@2']);
  });

  it('reports a record that is gone', async () => {
    for (const first of [1, 2, 3]) await db.saveRaftState([update({ entriesToSave: entries(first, first) })]);
    const gone = makeKey(KeyKind.log, 1, 1, 2);
    disk.pairs = disk.pairs.filter((pair) => Buffer.compare(pair.key, gone) !== 0);
    expect(await codeOf(db.iterateEntries(1, 1, 1, 4, ALL))).toBe('ERR_LOGDB_CORRUPT');
    expect(await codeOf(db.iterateEntries(1, 1, 2, 4, ALL))).toBe('ERR_LOGDB_CORRUPT');
    expect(await stored(3)).toEqual(['3@1']);
  });

  it('refuses a store that holds something else', async () => {
    const foreign = new MemoryDisk();
    foreign.pairs = [{ key: Uint8Array.of(5), value: Uint8Array.of(1) }];
    expect(await codeOf(open(foreign))).toBe('ERR_LOGDB_CORRUPT');
    expect(kv.isClosed).toBe(true);
  });
});

describe('close', () => {
  it('waits for what is under way, and refuses what comes later', async () => {
    const gate = makeGate();
    kv.writeBarrier = gate.wait;
    const save = db.saveRaftState([update({ entriesToSave: entries(1, 3) })]);
    const read = stored();
    const closing = db.close();
    expect(await codeOf(db.readRaftState(1, 1, 0))).toBe('ERR_LOGDB_CLOSED');
    expect(kv.isClosed).toBe(false);
    gate.open();
    await Promise.all([save, closing, db.close()]);
    expect(await read).toEqual(describeEntries(entries(1, 3)));
    expect(kv.isClosed).toBe(true);
    expect(await codeOf(db.saveRaftState([]))).toBe('ERR_LOGDB_CLOSED');
    db = await open(disk);
    expect(await stored()).toEqual(describeEntries(entries(1, 3)));
  });

  it('keeps in mind what was removed', async () => {
    await db.saveRaftState([update({ entriesToSave: entries(1, 5) })]);
    await db.removeEntriesTo(1, 1, 3);
    await db.close();
    db = await open(disk);
    expect(await db.readRaftState(1, 1, 0)).toMatchObject({ firstIndex: 4, entryCount: 2 });
  });
});
