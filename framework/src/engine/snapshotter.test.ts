import { describe, expect, it } from '@jest/globals';
import type { ILogDB, Snapshot, Update } from '@drakkar/raftio';
import { DiskReserve, ReservingFileSystem } from '../fs/disk-reserve.js';
import { silentLogger } from '../logging/logger.js';
import { Operations } from '../runtime/operations.js';
import { Places } from '../runtime/places.js';
import { ManualClock } from '../runtime/testing/manual-clock.js';
import { makeStore, membershipOf, noise } from '../snapshot/testing/fixture.js';
import { MemoryDisk } from '../snapshot/testing/memory-disk.js';
import type { Replica } from './replica.js';
import { Snapshotter } from './snapshotter.js';

const MIB = 1024 * 1024;
const RESERVE_BYTES = MIB;
const CLUSTER = { clusterID: 7, nodeID: 1 };

/** A snapshotter of a replica whose core says what the test has it say. */
class Bench {
  readonly disk = new MemoryDisk();
  readonly reserve = new DiskReserve({ fileSystem: this.disk, dir: '/', reserveBytes: RESERVE_BYTES });
  readonly store = makeStore(new ReservingFileSystem(this.disk, this.reserve));
  readonly events: string[] = [];
  /** Of the state machine. */
  sizeBytes = 100;
  readonly removed: number[] = [];
  readonly recorded: Snapshot[] = [];
  readonly raft = { appliedIndex: 0, heldFrom: Infinity };
  readonly rsm = {
    lastApplied: 0,
    saveSnapshot: (prepare: (source: unknown) => Promise<unknown>) =>
      prepare({
        index: this.rsm.lastApplied,
        term: 1,
        membership: membershipOf(1, 2),
        sessions: noise(1, 10),
        writeStateMachine: (writer: { write: (data: Uint8Array) => void }) =>
          writer.write(new Uint8Array(this.sizeBytes).fill(2)),
      }),
  };
  readonly clock = new ManualClock();
  readonly slots = new Places({ count: 1, patienceMs: 1000, clock: this.clock });
  /** Runs before a list of the recorded snapshots is given. */
  beforeList: () => Promise<void> = () => Promise.resolve();
  readonly snapshotter: Snapshotter;

  constructor(maxHeldLogBytes: number, compactionOverhead = 2) {
    const replica = {
      ...CLUSTER,
      raft: this.raft,
      rsm: this.rsm,
      stopped: false,
      nowTick: 0,
      snapshotCreated: () => undefined,
      compacted: () => undefined,
    } as unknown as Replica;
    const logDB = {
      saveSnapshots: ([update]: Update[]) => {
        if (update?.snapshot !== undefined) this.recorded.push(update.snapshot);
        return Promise.resolve();
      },
      listSnapshots: async () => {
        const list = [...this.recorded];
        await this.beforeList();
        return list;
      },
      deleteSnapshot: (_clusterID: number, _nodeID: number, index: number) => {
        this.recorded.splice(
          this.recorded.findIndex((each) => each.index === index),
          1,
        );
        return Promise.resolve();
      },
      removeEntriesTo: (_clusterID: number, _nodeID: number, index: number) => {
        this.removed.push(index);
        return Promise.resolve();
      },
      compactEntriesTo: () => Promise.resolve(),
    } as unknown as ILogDB;
    const policy = {
      snapshotEntries: 0,
      compactionOverhead,
      maxHeldLogBytes,
      compression: 'none' as const,
      autoCompacts: true,
    };
    this.snapshotter = new Snapshotter(replica, policy, 0, {
      store: this.store,
      logDB,
      slots: this.slots,
      operations: new Operations(this.clock, () => undefined),
      reserve: this.reserve,
      events: { emit: (name) => void this.events.push(name) },
      log: silentLogger,
      onDamaged: () => undefined,
    });
  }

  apply(index: number, sizeBytes: number): void {
    this.snapshotter.handedOut(index, sizeBytes);
    this.rsm.lastApplied = index;
    this.raft.appliedIndex = index;
  }

  async settle(): Promise<void> {
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('a compaction', () => {
  it('leaves the log behind a snapshot that is on its way, and goes on when it is not needed any more', async () => {
    const bench = new Bench(10 * MIB);
    bench.apply(10, MIB);
    await bench.snapshotter.request();
    expect(bench.removed).toEqual([8]);
    bench.raft.heldFrom = 10;
    bench.apply(20, MIB);
    await bench.snapshotter.request();
    bench.snapshotter.resumeCompaction();
    await bench.settle();
    expect(bench.removed).toEqual([8, 10]);
    expect(() => bench.snapshotter.compact()).toThrow(/kept for a member/);
    bench.raft.heldFrom = 15;
    bench.snapshotter.resumeCompaction();
    await bench.settle();
    expect(bench.removed).toEqual([8, 10]);
    bench.raft.heldFrom = Infinity;
    bench.snapshotter.resumeCompaction();
    bench.snapshotter.resumeCompaction();
    await bench.settle();
    expect(bench.removed).toEqual([8, 10, 18]);
  });

  it('gives way when more is held than the bound allows', async () => {
    const bench = new Bench(3 * MIB);
    bench.apply(10, MIB);
    bench.raft.heldFrom = 10;
    await bench.snapshotter.request();
    for (let index = 11; index <= 20; index++) bench.apply(index, MIB);
    await bench.snapshotter.request();
    expect(bench.removed).toEqual([8, 18]);
    const none = new Bench(0);
    none.apply(10, MIB);
    none.raft.heldFrom = 1;
    none.apply(20, MIB);
    await none.snapshotter.request();
    expect(none.removed).toEqual([18]);
  });

  it('leaves what the core does not know to be applied', async () => {
    const bench = new Bench(MIB, 0);
    bench.apply(10, 10);
    bench.raft.appliedIndex = 6;
    await bench.snapshotter.request();
    expect(bench.removed).toEqual([6]);
    bench.raft.appliedIndex = 10;
    bench.snapshotter.resumeCompaction();
    await bench.settle();
    expect(bench.removed).toEqual([6, 10]);
  });
});

describe('a received snapshot that the core has no use for', () => {
  it('stays when the replica records its own at the same index meanwhile', async () => {
    const bench = new Bench(MIB);
    bench.apply(10, 10);
    const folder = await bench.store.newFolder(10, 'receiving');
    await folder.discard();
    // As received: published, and not recorded.
    const { snapshot } = await received(bench, 10);
    let taken: Promise<number> | undefined;
    bench.beforeList = async () => {
      if (taken !== undefined) return;
      taken = bench.snapshotter.request();
      await bench.settle();
    };
    bench.snapshotter.discard(10);
    await bench.settle();
    await taken;
    expect(bench.recorded.map(({ index }) => index)).toEqual([10]);
    const lease = await bench.store.lease(bench.recorded[0] ?? snapshot);
    await lease.release();
  });

  it('goes when nobody counts on it', async () => {
    const bench = new Bench(MIB);
    const { snapshot } = await received(bench, 10);
    bench.snapshotter.discard(10);
    await bench.settle();
    await expect(bench.store.lease(snapshot)).rejects.toMatchObject({ code: 'ERR_SNAPSHOT_CORRUPT' });
  });

  it('stays while the same has been received again and waits for the core', async () => {
    const bench = new Bench(MIB);
    const { snapshot } = await received(bench, 10);
    await received(bench, 10);
    bench.snapshotter.discard(10);
    await bench.settle();
    const lease = await bench.store.lease(snapshot);
    await lease.release();
    bench.snapshotter.discard(10);
    await bench.settle();
    await expect(bench.store.lease(snapshot)).rejects.toMatchObject({ code: 'ERR_SNAPSHOT_CORRUPT' });
  });
});

async function received(bench: Bench, index: number): Promise<{ snapshot: Snapshot }> {
  const snapshot = await bench.store.create({
    index,
    term: 1,
    membership: membershipOf(1, 2),
    sessions: noise(1, 10),
    write: (writer) => writer.write(noise(2, 100)),
    compression: 'none',
    signal: new AbortController().signal,
  });
  return { snapshot };
}

describe('a snapshot that waits for its turn', () => {
  it('is given up as soon as the replica stops, whatever the others do', async () => {
    const bench = new Bench(MIB);
    bench.apply(10, 10);
    const taken = await bench.slots.take(new AbortController().signal);
    const asked = bench.snapshotter.request();
    await bench.settle();
    expect(bench.slots.waitingCount).toBe(1);
    await Promise.all([
      bench.snapshotter.stop(),
      expect(asked).rejects.toMatchObject({ code: 'ERR_CLUSTER_CLOSED' }),
    ]);
    expect(bench.slots.waitingCount).toBe(0);
    taken.giveBack();
  });

  it('is taken though the one before it hangs', async () => {
    const bench = new Bench(MIB);
    bench.apply(10, 10);
    await bench.slots.take(new AbortController().signal);
    const asked = bench.snapshotter.request();
    bench.clock.advance(1000);
    expect(await asked).toBe(10);
  });
});

describe('a snapshot for which there is no room', () => {
  it('is given up before it takes what is reserved for the log', async () => {
    const bench = new Bench(MIB);
    bench.disk.capacityBytes = 20 * MIB;
    bench.sizeBytes = 30 * MIB;
    bench.apply(10, 10);
    let mostBytes = 0;
    bench.disk.onWrite = () => {
      mostBytes = Math.max(mostBytes, bench.disk.usedBytes);
    };
    await expect(bench.snapshotter.request()).rejects.toMatchObject({ code: 'ERR_SNAPSHOT_NO_SPACE' });
    expect(bench.events).toEqual(['snapshotNoSpace']);
    expect(mostBytes).toBeGreaterThan(16 * MIB);
    expect(mostBytes).toBeLessThanOrEqual(19 * MIB);
    expect(bench.disk.usedBytes).toBe(0);
  });

  it('is not begun when one as large as the last would not fit', async () => {
    const bench = new Bench(MIB);
    bench.disk.capacityBytes = 20 * MIB;
    bench.sizeBytes = 11 * MIB;
    bench.apply(10, 10);
    await bench.snapshotter.request();
    bench.apply(20, 10);
    const { length } = bench.disk.operations;
    await expect(bench.snapshotter.request()).rejects.toMatchObject({ code: 'ERR_SNAPSHOT_NO_SPACE' });
    expect(bench.disk.operations).toHaveLength(length);
    bench.disk.capacityBytes = 40 * MIB;
    expect(await bench.snapshotter.request()).toBe(20);
  });
});
