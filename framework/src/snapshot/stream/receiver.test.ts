import { describe, expect, it } from '@jest/globals';
import type { IChunkSink, SnapshotChunk } from '@drakkar/raftio';
import fc from 'fast-check';
import { DiskReserve } from '../../fs/disk-reserve.js';
import { SeededRandom } from '../../runtime/random.js';
import { collect, makeStore, membershipOf, never } from '../testing/fixture.js';
import { MemoryDisk, type Survival } from '../testing/memory-disk.js';
import {
  MIB,
  type Source,
  TARGET_DIR,
  type Target,
  chunksFor,
  makeSource,
  makeTarget,
  traces,
} from '../testing/stream-fixture.js';

/** Gives the chunks to a new sink until one is refused, then closes it. Returns how many were taken. */
async function stream(target: Target, chunks: readonly SnapshotChunk[]): Promise<number> {
  const sink = target.receiver.createSink();
  let taken = 0;
  for (const chunk of chunks) {
    if (!(await sink.addChunk(chunk))) break;
    taken++;
  }
  sink.close();
  await endOf(sink);
  return taken;
}

async function endOf(sink: IChunkSink): Promise<void> {
  await (sink as unknown as { ended: Promise<void> }).ended;
}

async function expectArrived(target: Target, disk: MemoryDisk, source: Source): Promise<void> {
  expect(target.received).toHaveLength(1);
  const received = target.received[0];
  if (received === undefined) return;
  expect(received).toMatchObject({ clusterID: 7, from: 1, to: 2, snapshot: source.record });
  expect(await target.store.cleanUp([received.snapshot])).toEqual({ removed: [], problems: [] });
  const open = await target.store.open(received.snapshot, never());
  expect(Buffer.compare(await collect(open.reader), source.data)).toBe(0);
  for (const { fileID, filepath } of open.files) {
    const content = await disk.readFile(filepath);
    expect(Buffer.compare(content, source.files.get(fileID) ?? new Uint8Array(1))).toBe(0);
  }
  expect(open.files).toHaveLength(source.files.size);
  await open.close();
}

describe('SnapshotReceiver', () => {
  it.each([
    { dataBytes: 0, fileSizes: [] },
    { dataBytes: 1, fileSizes: [0] },
    { dataBytes: 2000, fileSizes: [0, 2 * MIB, 1, 2 * MIB + 1] },
    { dataBytes: 5 * MIB, fileSizes: [3] },
  ])('takes a snapshot: %j', async (sizes) => {
    const disk = new MemoryDisk();
    const source = await makeSource(disk, sizes);
    const target = makeTarget(disk);
    const chunks = await chunksFor(disk, source);
    expect(await stream(target, chunks)).toBe(chunks.length);
    await expectArrived(target, disk, source);
    expect(target.receiver.streamCount).toBe(0);
    expect(target.clock.timerCount).toBe(0);
  });

  it('takes none whose sender is not who it says, and leaves the one under way alone', async () => {
    const disk = new MemoryDisk();
    const source = await makeSource(disk, { fileSizes: [3] });
    const target = makeTarget(disk);
    const [first, ...rest] = await chunksFor(disk, source);
    if (first === undefined) throw new Error('no chunk');
    const good = target.receiver.createCheckedSink(({ from, to }) => from === 1 && to === 2);
    const bad = target.receiver.createCheckedSink(() => false);
    expect(await good.addChunk(first)).toBe(true);
    expect(await bad.addChunk(first)).toBe(false);
    for (const chunk of rest) expect(await good.addChunk(chunk)).toBe(true);
    good.close();
    await endOf(good);
    await expectArrived(target, disk, source);
  });

  it('takes one whose data file just fills its chunks', async () => {
    for (const around of [-1, 0, 1]) {
      const disk = new MemoryDisk();
      const small = await makeSource(disk, { dataBytes: 2 * MIB - 10_000, index: 1001 });
      const overhead = small.record.fileSize - small.data.length;
      const source = await makeSource(disk, { dataBytes: 2 * MIB - overhead + around });
      expect(source.record.fileSize).toBe(2 * MIB + around);
      const target = makeTarget(disk);
      const chunks = await chunksFor(disk, source);
      expect(chunks).toHaveLength(around > 0 ? 2 : 1);
      expect(await stream(target, chunks)).toBe(chunks.length);
      await expectArrived(target, disk, source);
    }
  });

  it('reports that the snapshot was there, when it was', async () => {
    const disk = new MemoryDisk();
    const source = await makeSource(disk);
    const target = makeTarget(disk);
    const chunks = await chunksFor(disk, source);
    await stream(target, chunks);
    await stream(target, chunks);
    expect(target.received.map(({ wasThere }) => wasThere)).toEqual([false, true]);
    expect(target.received[1]?.snapshot).toEqual(target.received[0]?.snapshot);
    expect(traces(disk)).toHaveLength(2);
  });
});

describe('a stream that is not as it was sent', () => {
  const wrong: [string, (chunk: SnapshotChunk) => Partial<SnapshotChunk>][] = [
    ['clusterID', () => ({ clusterID: 8 })],
    ['nodeID', () => ({ nodeID: 3 })],
    ['from', () => ({ from: 3 })],
    ['from itself', () => ({ from: 2 })],
    ['no from', () => ({ from: 0 })],
    ['chunkID', ({ chunkID }) => ({ chunkID: chunkID + 1 })],
    ['chunkSize', ({ chunkSize }) => ({ chunkSize: chunkSize + 1 })],
    ['chunkCount', ({ chunkCount }) => ({ chunkCount: chunkCount + 1 })],
    ['less chunkCount', ({ chunkCount }) => ({ chunkCount: chunkCount - 1 })],
    ['data', ({ data }) => ({ data: data.subarray(1) })],
    ['data and chunkSize', ({ data }) => ({ data: data.subarray(1), chunkSize: data.length - 1 })],
    ['index', ({ index }) => ({ index: index + 1 })],
    ['term', ({ term }) => ({ term: term + 1 })],
    ['membership', () => ({ membership: membershipOf(1, 2) })],
    ['filepath', () => ({ filepath: '../../other' })],
    ['fileSize', ({ fileSize }) => ({ fileSize: fileSize + 1 })],
    ['deploymentID', () => ({ deploymentID: 43 })],
    ['fileChunkID', ({ fileChunkID }) => ({ fileChunkID: fileChunkID + 1 })],
    ['fileChunkCount', ({ fileChunkCount }) => ({ fileChunkCount: fileChunkCount + 1 })],
    ['hasFileInfo', ({ hasFileInfo }) => ({ hasFileInfo: !hasFileInfo })],
    ['binVer', () => ({ binVer: 211 })],
  ];
  /** A name that is the same in all chunks of its file; it is not used here. */
  const isHarmless = (field: string, { fileChunkCount }: SnapshotChunk): boolean =>
    field === 'filepath' && fileChunkCount === 1;

  it.each(wrong)(
    'is dropped without a trace when a field of any chunk is wrong: %s',
    async (field, change) => {
      const disk = new MemoryDisk();
      const source = await makeSource(disk, { dataBytes: 2 * MIB, fileSizes: [10, 2 * MIB + 5] });
      const chunks = await chunksFor(disk, source);
      expect(chunks).toHaveLength(5);
      for (const [at, chunk] of chunks.entries()) {
        const target = makeTarget(disk);
        const altered = chunks.with(at, { ...chunk, ...change(chunk) });
        const taken = await stream(target, altered);
        if (isHarmless(field, chunk)) {
          expect(taken).toBe(chunks.length);
          expect(traces(disk).some((path) => path.includes('other'))).toBe(false);
          await target.store.removeAll();
          continue;
        }
        // A wrong first chunk may be found out by the second only.
        expect(taken).toBeLessThanOrEqual(at + 1);
        expect(taken).toBeLessThan(chunks.length);
        expect([at, traces(disk), target.received]).toEqual([at, [], []]);
        expect(target.receiver.streamCount).toBe(0);
        expect(target.clock.timerCount).toBe(0);
      }
    },
  );

  it('is dropped when the info of an external file is wrong', async () => {
    const disk = new MemoryDisk();
    const source = await makeSource(disk, { fileSizes: [10, 20] });
    const chunks = await chunksFor(disk, source);
    const info = chunks[1]?.fileInfo;
    if (info === undefined || chunks[1] === undefined) throw new Error('no info');
    const infos = [
      undefined,
      { ...info, fileID: 2 },
      { ...info, fileSize: 11 },
      { ...info, metadata: new Uint8Array(9) },
    ];
    for (const fileInfo of infos) {
      const target = makeTarget(disk);
      expect(await stream(target, chunks.with(1, { ...chunks[1], fileInfo }))).toBe(1);
      expect(traces(disk)).toEqual([]);
    }
  });

  it('is dropped whichever chunks are missing, doubled or in another order', async () => {
    const disk = new MemoryDisk();
    const source = await makeSource(disk, { dataBytes: 2 * MIB, fileSizes: [10, 10, 30] });
    const chunks = await chunksFor(disk, source);
    const ids = chunks.map((_, i) => i);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...ids), { maxLength: 8 }), async (order) => {
        fc.pre(order.slice(0, ids.length).join() !== ids.join());
        const target = makeTarget(disk);
        const good = order.findIndex((id, i) => id !== i);
        const taken = await stream(
          target,
          order.map((id) => chunks[id] as SnapshotChunk),
        );
        expect(taken).toBe(good === -1 ? order.length : good);
        expect(traces(disk)).toEqual([]);
        expect(target.received).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it('is dropped for a flipped bit anywhere in its data', async () => {
    const disk = new MemoryDisk();
    const source = await makeSource(disk, { dataBytes: 300, fileSizes: [40] });
    const chunks = await chunksFor(disk, source);
    for (const [at, chunk] of chunks.entries()) {
      for (let byte = 0; byte < chunk.data.length; byte += at === 0 ? 7 : 1) {
        const target = makeTarget(disk);
        const data = chunk.data.slice();
        data[byte] = (data[byte] ?? 0) ^ (1 << (byte % 8));
        expect([at, byte, await stream(target, chunks.with(at, { ...chunk, data }))]).toEqual([at, byte, at]);
        expect(traces(disk)).toEqual([]);
        expect(target.received).toEqual([]);
      }
    }
  });

  it('is dropped when it is of another snapshot than it says', async () => {
    const disk = new MemoryDisk();
    const source = await makeSource(disk);
    const chunks = await chunksFor(disk, source);
    const target = makeTarget(disk);
    expect(
      await stream(
        target,
        chunks.map((chunk) => ({ ...chunk, index: 1001 })),
      ),
    ).toBe(0);
    expect(
      await stream(
        target,
        chunks.map((chunk) => ({ ...chunk, term: 4 })),
      ),
    ).toBe(0);
    expect(traces(disk)).toEqual([]);
  });

  it('is dropped when nobody here wants it', async () => {
    const disk = new MemoryDisk();
    const chunks = await chunksFor(disk, await makeSource(disk));
    const target = makeTarget(disk, {}, { lookup: () => undefined });
    expect(await stream(target, chunks)).toBe(0);
    const throwing = makeTarget(
      disk,
      {},
      {
        onReceived: () => {
          throw new Error('no');
        },
      },
    );
    expect(await stream(throwing, chunks)).toBe(0);
    expect(throwing.receiver.streamCount).toBe(0);
  });

  it('is dropped when it brings two chunks at a time', async () => {
    const disk = new MemoryDisk();
    const chunks = await chunksFor(disk, await makeSource(disk, { fileSizes: [1] }));
    const target = makeTarget(disk);
    const sink = target.receiver.createSink();
    const both = chunks.map((chunk) => sink.addChunk(chunk));
    expect(await Promise.all(both)).toEqual([false, false]);
    expect(traces(disk)).toEqual([]);
  });
});

describe('a stream that is cut', () => {
  it('leaves nothing, after whichever chunk', async () => {
    const disk = new MemoryDisk();
    const chunks = await chunksFor(disk, await makeSource(disk, { fileSizes: [10, 0, 5] }));
    for (let count = 0; count < chunks.length; count++) {
      const target = makeTarget(disk);
      expect(await stream(target, chunks.slice(0, count))).toBe(count);
      expect(traces(disk)).toEqual([]);
      expect(target.clock.timerCount).toBe(0);
    }
  });

  it('leaves nothing when the cut comes while a chunk is being written', async () => {
    const disk = new MemoryDisk();
    const source = await makeSource(disk, { fileSizes: [10] });
    const chunks = await chunksFor(disk, source);
    for (const before of [0, 1]) {
      const target = makeTarget(disk);
      const sink = target.receiver.createSink();
      for (const chunk of chunks.slice(0, before)) await sink.addChunk(chunk);
      const adding = sink.addChunk(chunks[before] as SnapshotChunk);
      sink.close();
      expect(await adding).toBe(false);
      await endOf(sink);
      expect(traces(disk)).toEqual([]);
    }
  });

  it('is dropped when no chunk comes for too long', async () => {
    const disk = new MemoryDisk();
    const chunks = await chunksFor(disk, await makeSource(disk, { fileSizes: [10] }));
    const target = makeTarget(disk);
    const sink = target.receiver.createSink();
    target.clock.advance(900);
    expect(await sink.addChunk(chunks[0] as SnapshotChunk)).toBe(true);
    target.clock.advance(999);
    expect(target.receiver.streamCount).toBe(1);
    target.clock.advance(1);
    await endOf(sink);
    expect(traces(disk)).toEqual([]);
    expect(await sink.addChunk(chunks[1] as SnapshotChunk)).toBe(false);
    expect(target.receiver.streamCount).toBe(0);
  });

  it('leaves nothing when the host, or the replica, stops', async () => {
    const disk = new MemoryDisk();
    const chunks = await chunksFor(disk, await makeSource(disk, { fileSizes: [10] }));
    const target = makeTarget(disk);
    const first = target.receiver.createSink();
    await first.addChunk(chunks[0] as SnapshotChunk);
    await target.receiver.cancel(7, 2);
    expect(traces(disk)).toEqual([]);
    const second = target.receiver.createSink();
    await second.addChunk(chunks[0] as SnapshotChunk);
    await target.receiver.stop();
    await target.receiver.stop();
    expect(traces(disk)).toEqual([]);
    expect(await second.addChunk(chunks[1] as SnapshotChunk)).toBe(false);
    expect(await stream(target, chunks)).toBe(0);
    expect(target.clock.timerCount).toBe(0);
  });
});

describe('streams at the same time', () => {
  const only = (chunks: SnapshotChunk[], at: number): SnapshotChunk => chunks[at] as SnapshotChunk;

  it('supersede older ones of one replica, and are refused when older', async () => {
    const disk = new MemoryDisk();
    const old = await chunksFor(disk, await makeSource(disk, { index: 1000, fileSizes: [10] }));
    const source = await makeSource(disk, { index: 2000, fileSizes: [20] });
    const young = await chunksFor(disk, source);
    const target = makeTarget(disk);
    const first = target.receiver.createSink();
    expect(await first.addChunk(only(old, 0))).toBe(true);
    const second = target.receiver.createSink();
    expect(await second.addChunk(only(young, 0))).toBe(true);
    expect(await first.addChunk(only(old, 1))).toBe(false);
    expect(await stream(target, old)).toBe(0);
    // A chunk from the middle of a stream calls nothing off.
    expect(await stream(target, young.slice(1))).toBe(0);
    expect(target.receiver.streamCount).toBe(1);
    expect(await second.addChunk(only(young, 1))).toBe(true);
    second.close();
    await expectArrived(target, disk, source);
    expect(traces(disk)).toHaveLength(3);
  });

  it('are bounded for many replicas', async () => {
    const disk = new MemoryDisk();
    const chunks = await chunksFor(disk, await makeSource(disk, { fileSizes: [10] }));
    const target = makeTarget(
      disk,
      {},
      { lookup: ({ to }) => ({ store: makeStore(disk, `/target/7-${to}`, to) }) },
    );
    const to = (nodeID: number, at: number): SnapshotChunk => ({ ...only(chunks, at), nodeID });
    const sinks = [2, 3, 4].map(() => target.receiver.createSink());
    const [a, b, c] = sinks as [IChunkSink, IChunkSink, IChunkSink];
    expect(await a.addChunk(to(2, 0))).toBe(true);
    expect(await b.addChunk(to(3, 0))).toBe(true);
    expect(await c.addChunk(to(4, 0))).toBe(false);
    expect(await a.addChunk(to(2, 1))).toBe(true);
    a.close();
    const again = target.receiver.createSink();
    expect(await again.addChunk(to(4, 0))).toBe(true);
    expect(await again.addChunk(to(4, 1))).toBe(true);
    expect(await b.addChunk(to(3, 1))).toBe(true);
    expect(target.received.map((received) => received.to)).toEqual([2, 4, 3]);
  });
});

describe('streams in which nothing moves', () => {
  it('do not count, up to a bound', async () => {
    const disk = new MemoryDisk();
    const chunks = await chunksFor(disk, await makeSource(disk, { fileSizes: [10] }));
    const target = makeTarget(
      disk,
      { idleTimeoutMs: 30_000 },
      { lookup: ({ to }) => ({ store: makeStore(disk, `/target/7-${to}`, to) }) },
    );
    const begin = (nodeID: number): Promise<boolean> =>
      target.receiver.createSink().addChunk({ ...(chunks[0] as SnapshotChunk), nodeID });
    const taken: number[] = [];
    for (let nodeID = 2; nodeID <= 12; nodeID++) {
      if (await begin(nodeID)) taken.push(nodeID);
      target.clock.advance(nodeID === 2 ? 0 : 2500);
    }
    expect(taken).toEqual([2, 3, 5, 6, 7, 8, 9, 10]);
    await target.receiver.stop();
  });
});

describe('a stream for which there is no room', () => {
  it('is refused by what its first chunk declares, with room kept for the others', async () => {
    const disk = new MemoryDisk();
    const chunks = await chunksFor(disk, await makeSource(disk, { dataBytes: 5 * MIB }));
    disk.capacityBytes = disk.usedBytes + 12 * MIB;
    const refused: number[] = [];
    const target = makeTarget(
      disk,
      {},
      {
        lookup: ({ to }) => ({ store: makeStore(disk, `/target/7-${to}`, to) }),
        reserve: new DiskReserve({ fileSystem: disk, dir: '/', reserveBytes: MIB }),
        onDiskFailed: ({ to }) => void refused.push(to),
      },
    );
    const sinks = [2, 3].map(() => target.receiver.createSink());
    const add = (at: number, chunk: number): Promise<boolean> =>
      (sinks[at] as IChunkSink).addChunk({ ...(chunks[chunk] as SnapshotChunk), nodeID: at + 2 });
    expect(await add(0, 0)).toBe(true);
    // 10 MiB are free, and 3 of them are for the rest of the first one.
    expect(await add(1, 0)).toBe(true);
    sinks[1] = target.receiver.createSink();
    disk.capacityBytes -= 3 * MIB;
    expect(await add(1, 0)).toBe(false);
    expect(refused).toEqual([3]);
    expect(await add(0, 1)).toBe(true);
    await target.receiver.stop();
  });
});

describe('a disk that fails while a snapshot is received', () => {
  async function operationsOf(chunks: SnapshotChunk[]): Promise<number> {
    const disk = new MemoryDisk();
    await stream(makeTarget(disk), chunks);
    return disk.operations.length;
  }

  it('leaves nothing when it is full, at whichever operation', async () => {
    const elsewhere = new MemoryDisk();
    const chunks = await chunksFor(elsewhere, await makeSource(elsewhere, { fileSizes: [10] }));
    const count = await operationsOf(chunks);
    expect(count).toBeGreaterThan(12);
    for (let at = 1; at <= count; at++) {
      const disk = new MemoryDisk();
      disk.failure = { at, code: 'ENOSPC' };
      const target = makeTarget(disk);
      expect(await stream(target, chunks)).toBeLessThan(chunks.length);
      expect([disk.operations[at - 1], traces(disk)]).toEqual([disk.operations[at - 1], []]);
      expect(target.received).toEqual([]);
      expect(target.receiver.streamCount).toBe(0);
    }
  });

  const survivals: [string, () => Survival][] = [
    ['everything', () => 'all'],
    ['what was synced', () => 'synced'],
    ['chance 1', () => new SeededRandom(1)],
    ['chance 2', () => new SeededRandom(2)],
  ];

  it.each(survivals)(
    'leaves it whole or not at all in a crash at any operation, when %s survives',
    async (_n, survival) => {
      const elsewhere = new MemoryDisk();
      const source = await makeSource(elsewhere, { fileSizes: [10, 0] });
      const chunks = await chunksFor(elsewhere, source);
      const count = await operationsOf(chunks);
      for (let at = 1; at <= count + 1; at++) {
        const disk = new MemoryDisk();
        disk.crashAt = at;
        const target = makeTarget(disk);
        await stream(target, chunks);
        const records = target.received.map(({ snapshot }) => snapshot);
        expect(records).toHaveLength(at <= count ? 0 : 1);
        const after = disk.restart(survival());
        const store = makeStore(after, TARGET_DIR, 9);
        expect((await store.cleanUp(records)).problems).toEqual([]);
        for (const record of records) await store.verify(record, never());
        expect(traces(after)).toHaveLength(records.length * 4);
      }
    },
  );
});
