import { crc32 } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { SNAPSHOT_HEADER_BLOCK_BYTES, type SnapshotChunk, encodeMembership } from '@drakkar/raftio';
import fc from 'fast-check';
import { silentLogger } from '../../logging/logger.js';
import { decodeDragonboatSessions } from '../../rsm/dragonboat-sessions.js';
import { dragonboatSessionFormat } from '../../rsm/index.js';
import { encodeSessions } from '../../rsm/session-codec.js';
import { decodeDragonboatHeader, encodeDragonboatHeader } from '../format/dragonboat-header.js';
import { SnapshotStore } from '../store/snapshot-store.js';
import { collect, membershipOf, never, storeOptions } from '../testing/fixture.js';
import { MemoryDisk } from '../testing/memory-disk.js';
import {
  RECORDED_GROUP,
  RECORDED_STREAMS,
  type RecordedStream,
  recordedChunks,
  recordedFile,
} from '../testing/recorded-go.js';
import { MIB, TARGET_DIR, type Target, makeTarget, traces } from '../testing/stream-fixture.js';
import type { SnapshotReceiverDependencies } from './receiver.js';

const { clusterID, nodeID, deploymentID, maxSessionCount } = RECORDED_GROUP;
const SMALL = 'snapshot-small.jsonl';
const FILES = 'snapshot-files.jsonl';

interface GoTarget extends Target {
  /** Reasons of what was not taken. */
  reasons: string[];
}

/** A replica of the recorded group, whose members may be hosts of Dragonboat. */
function goTarget(disk: MemoryDisk, deps: Partial<SnapshotReceiverDependencies> = {}): GoTarget {
  const store = new SnapshotStore({ ...storeOptions(disk, TARGET_DIR), clusterID });
  const reasons: string[] = [];
  const warn = (_message: string, fields?: Record<string, unknown>): void => {
    reasons.push(String(fields?.['reason']));
  };
  const target = makeTarget(
    disk,
    { deploymentID },
    {
      lookup: (offer) =>
        offer.clusterID === clusterID && offer.to === nodeID
          ? { store, dragonboat: dragonboatSessionFormat(maxSessionCount) }
          : undefined,
      logger: { ...silentLogger, warn },
      ...deps,
    },
  );
  return { ...target, store, reasons };
}

/** Gives the chunks to a sink, which is closed. Returns what it said to each. */
async function give(target: Target, chunks: readonly SnapshotChunk[]): Promise<boolean[]> {
  const sink = target.receiver.createSink();
  const taken: boolean[] = [];
  for (const chunk of chunks) taken.push(await sink.addChunk(chunk));
  sink.close();
  await (sink as unknown as { ended: Promise<void> }).ended;
  return taken;
}

async function expectNothing(disk: MemoryDisk, target: GoTarget): Promise<void> {
  expect(target.received).toEqual([]);
  expect(traces(disk)).toEqual([]);
  expect(target.receiver.streamCount).toBe(0);
  expect(target.clock.timerCount).toBe(0);
}

/** A stream of Go's with that data file, cut into chunks as Go cuts. */
function streamOf(file: Uint8Array, head: SnapshotChunk): SnapshotChunk[] {
  const count = Math.ceil(file.length / (2 * MIB));
  return Array.from({ length: count }, (_, chunkID) => {
    const data = file.subarray(chunkID * 2 * MIB, (chunkID + 1) * 2 * MIB);
    const place = { chunkID, fileChunkID: chunkID, chunkCount: count, fileChunkCount: count };
    return { ...head, ...place, data, chunkSize: data.length, fileSize: file.length };
  });
}

/** A snapshot file of Dragonboat whose header fits. */
function fileOf(sessions: Uint8Array, data: Uint8Array): Uint8Array {
  const payload = Buffer.concat([sessions, data]);
  const header = encodeDragonboatHeader({
    sessionSize: sessions.length,
    dataStoreSize: data.length,
    unreliableTime: 1,
    payloadChecksum: crc32(payload),
  });
  return Buffer.concat([header, payload]);
}

function recordedSessions(name: RecordedStream): Uint8Array {
  const file = recordedFile(name);
  const { sessionSize } = decodeDragonboatHeader(file, name);
  return file.subarray(SNAPSHOT_HEADER_BLOCK_BYTES, SNAPSHOT_HEADER_BLOCK_BYTES + sessionSize);
}

const head = (name: RecordedStream): SnapshotChunk => recordedChunks(name)[0] as SnapshotChunk;

describe.each(RECORDED_STREAMS)('the stream of a Go host in %s', (name) => {
  it('becomes a snapshot of ours with its data, sessions, membership and files', async () => {
    const disk = new MemoryDisk();
    const target = goTarget(disk);
    const chunks = recordedChunks(name);
    expect(await give(target, chunks)).toEqual(chunks.map(() => true));
    const [received] = target.received;
    if (received === undefined) throw new Error('nothing was received');
    const { index, term, membership } = head(name);
    expect(received).toMatchObject({ clusterID, from: 1, to: nodeID, isFromDragonboat: true });
    expect(received.snapshot).toMatchObject({ index, term });
    expect(encodeMembership(received.snapshot.membership)).toEqual(encodeMembership(membership));
    await target.store.verify(received.snapshot, never());
    const open = await target.store.open(received.snapshot, never());
    const file = recordedFile(name);
    const { sessionSize } = decodeDragonboatHeader(file, name);
    const data = file.subarray(SNAPSHOT_HEADER_BLOCK_BYTES + sessionSize);
    expect(Buffer.compare(await collect(open.reader), data)).toBe(0);
    const sessions = decodeDragonboatSessions(recordedSessions(name), maxSessionCount);
    expect(Buffer.compare(open.sessions, encodeSessions(sessions))).toBe(0);
    const external = chunks.filter(({ hasFileInfo }) => hasFileInfo);
    expect(open.files).toHaveLength(external.length);
    for (const [i, { fileID, filepath, metadata }] of open.files.entries()) {
      expect(fileID).toBe(external[i]?.fileInfo?.fileID);
      expect(Buffer.from(metadata).toString()).toBe(`meta${i}`);
      expect(Buffer.compare(await disk.readFile(filepath), external[i]?.data ?? Buffer.of(0))).toBe(0);
    }
    await open.close();
    expect(target.receiver.streamCount).toBe(0);
    expect(target.clock.timerCount).toBe(0);
  });

  it('is dropped whichever bit of its data file is another', async () => {
    const disk = new MemoryDisk();
    const file = recordedFile(name);
    const n = Number(file.readBigUInt64LE());
    const external = recordedChunks(name).filter(({ hasFileInfo }) => hasFileInfo);
    for (let byte = 0; byte < file.length; byte += 13) {
      // Nobody looks at what is between the header and the payload.
      if (byte >= 8 + n && byte < SNAPSHOT_HEADER_BLOCK_BYTES) continue;
      const target = goTarget(disk);
      const data = Uint8Array.from(file);
      data[byte] = (data[byte] ?? 0) ^ (1 << (byte % 8));
      await give(target, [{ ...head(name), data }, ...external]);
      expect([byte, target.received, traces(disk)]).toEqual([byte, [], []]);
    }
  });

  it('is dropped when it is cut, after whichever chunk or byte', async () => {
    const disk = new MemoryDisk();
    const chunks = recordedChunks(name);
    for (let count = 0; count < chunks.length; count++) {
      const target = goTarget(disk);
      await give(target, chunks.slice(0, count));
      await expectNothing(disk, target);
    }
    const file = recordedFile(name);
    for (let size = 0; size < file.length; size += 97) {
      const target = goTarget(disk);
      await give(target, [...streamOf(file.subarray(0, size), head(name)), ...chunks.slice(1)]);
      await expectNothing(disk, target);
    }
  });
});

describe('a call of a Go host', () => {
  it('brings one snapshot after another, however long it is silent in between', async () => {
    const disk = new MemoryDisk();
    const target = goTarget(disk);
    const sink = target.receiver.createSink();
    for (const name of RECORDED_STREAMS) {
      target.clock.advance(60_000);
      for (const chunk of recordedChunks(name)) expect(await sink.addChunk(chunk)).toBe(true);
      expect(target.clock.timerCount).toBe(0);
    }
    target.clock.advance(60_000);
    sink.close();
    expect(target.received.map(({ snapshot }) => snapshot.index)).toEqual([233, 237]);
  });

  it('begins the next snapshot in the midst of one that its sender gave up', async () => {
    const disk = new MemoryDisk();
    const target = goTarget(disk);
    const [first, second] = recordedChunks(FILES) as [SnapshotChunk, SnapshotChunk];
    const all = [first, second, ...recordedChunks(FILES)];
    expect(await give(target, all)).toEqual(all.map(() => true));
    expect(target.received.map(({ snapshot }) => snapshot.index)).toEqual([237]);
    expect(traces(disk).filter((path) => path.includes('receiving'))).toEqual([]);
  });

  it('is read to the end of what is refused, since Go would give up the whole host', async () => {
    const disk = new MemoryDisk();
    const target = goTarget(disk);
    const [first, ...rest] = recordedChunks(FILES) as [SnapshotChunk, ...SnapshotChunk[]];
    const refused = [{ ...first, nodeID: 9 }, ...rest.map((chunk) => ({ ...chunk, nodeID: 9 }))];
    const damaged = [first, ...rest.map((chunk) => ({ ...chunk, chunkID: chunk.chunkID + 1 }))];
    const all = [...refused, ...damaged, ...recordedChunks(SMALL)];
    expect(await give(target, all)).toEqual(all.map(() => true));
    expect(target.received.map(({ snapshot }) => snapshot.index)).toEqual([233]);
    expect(target.reasons).toEqual(['no replica here wants it', 'chunkID 2, not 1']);
  });

  it('is not logged for each of what it refuses when there is no end of it', async () => {
    const disk = new MemoryDisk();
    const target = goTarget(disk, { lookup: () => undefined });
    const all = Array.from({ length: 50 }, () => head(SMALL));
    expect(await give(target, all)).toEqual(all.map(() => true));
    expect(target.reasons).toHaveLength(3);
  });

  it('brings nothing to a group that is not meant to have such members, and learns which option that takes', async () => {
    const disk = new MemoryDisk();
    const store = new SnapshotStore({ ...storeOptions(disk, TARGET_DIR), clusterID });
    const target = goTarget(disk, { lookup: () => ({ store }) });
    await give(target, recordedChunks(FILES));
    await expectNothing(disk, target);
    expect(target.reasons).toEqual([expect.stringContaining("compatibility: 'dragonboat-2.1'")]);
  });
});

describe('a hostile stream in the format of Go hosts', () => {
  const wrong: [string, (chunk: SnapshotChunk) => Partial<SnapshotChunk>][] = [
    ['from', () => ({ from: 3 })],
    ['from itself', () => ({ from: nodeID })],
    ['chunkID', ({ chunkID }) => ({ chunkID: chunkID + 1 })],
    ['chunkSize', ({ chunkSize }) => ({ chunkSize: chunkSize + 1 })],
    ['more chunkCount', ({ chunkCount }) => ({ chunkCount: chunkCount + 1 })],
    ['less chunkCount', ({ chunkCount }) => ({ chunkCount: chunkCount - 1 })],
    ['data', ({ data }) => ({ data: data.subarray(1) })],
    ['index', ({ index }) => ({ index: index + 1 })],
    ['term', ({ term }) => ({ term: term + 1 })],
    ['membership', () => ({ membership: membershipOf(1, 2) })],
    ['a path upwards', ({ filepath }) => ({ filepath: filepath.replace(/[^/]*$/, '../$&') })],
    ['a path upwards of Windows', ({ filepath }) => ({ filepath: `..\\${filepath.split('/').at(-1)}` })],
    ['another name', () => ({ filepath: '/etc/passwd' })],
    ['a name of ours', () => ({ filepath: 'snapshot.data' })],
    ['no name', () => ({ filepath: '' })],
    ['fileSize', ({ fileSize }) => ({ fileSize: fileSize + 1 })],
    ['a huge fileSize', () => ({ fileSize: 2 ** 52 })],
    ['no fileSize', () => ({ fileSize: 0 })],
    ['deploymentID', () => ({ deploymentID: 2 })],
    ['fileChunkID', ({ fileChunkID }) => ({ fileChunkID: fileChunkID + 1 })],
    ['fileChunkCount', ({ fileChunkCount }) => ({ fileChunkCount: fileChunkCount + 1 })],
    ['hasFileInfo', ({ hasFileInfo }) => ({ hasFileInfo: !hasFileInfo })],
    ['binVer', () => ({ binVer: 211 })],
    ['no file info', ({ hasFileInfo }) => (hasFileInfo ? { fileInfo: undefined } : { hasFileInfo: true })],
  ];

  it.each(wrong)('leaves nothing when a field of any chunk is wrong: %s', async (_name, change) => {
    const disk = new MemoryDisk();
    const chunks = recordedChunks(FILES);
    for (const [at, chunk] of chunks.entries()) {
      const target = goTarget(disk);
      await give(target, chunks.with(at, { ...chunk, ...change(chunk) }));
      await expectNothing(disk, target);
    }
  });

  it('leaves nothing when an external file comes twice, is empty, or is another than its info says', async () => {
    const disk = new MemoryDisk();
    const [first, second, third] = recordedChunks(FILES) as [SnapshotChunk, SnapshotChunk, SnapshotChunk];
    const info = third.fileInfo;
    if (info === undefined) throw new Error('no info');
    const lasts: Partial<SnapshotChunk>[] = [
      { ...second, chunkID: 2 },
      { data: new Uint8Array(0), chunkSize: 0, fileSize: 0, fileInfo: { ...info, fileSize: 0 } },
      { fileInfo: { ...info, fileID: 3 } },
      { fileInfo: { ...info, fileSize: 701 } },
      { fileInfo: { ...info, metadata: new Uint8Array(16 * MIB) } },
    ];
    for (const last of lasts) {
      const target = goTarget(disk);
      await give(target, [first, second, { ...third, ...last }]);
      await expectNothing(disk, target);
    }
  });

  it('leaves nothing whichever chunks are missing, doubled or in another order', async () => {
    const disk = new MemoryDisk();
    const chunks = recordedChunks(FILES);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(0, 1, 2), { maxLength: 6 }), async (order) => {
        // A 0 begins again.
        fc.pre(!order.join('').includes('012'));
        const target = goTarget(disk);
        await give(
          target,
          order.map((id) => chunks[id] as SnapshotChunk),
        );
        await expectNothing(disk, target);
      }),
      { numRuns: 100 },
    );
  });

  it('leaves nothing when its header declares other sizes than there are, or more sessions than memory should hold', async () => {
    const disk = new MemoryDisk();
    const payload = recordedFile(SMALL).subarray(SNAPSHOT_HEADER_BLOCK_BYTES);
    const sizes: [number, number][] = [
      [payload.length + 1, 0],
      [payload.length, 1],
      [0, payload.length],
      [2 ** 50, 0],
    ];
    for (const [sessionSize, dataStoreSize] of sizes) {
      const payloadChecksum = crc32(payload);
      const block = encodeDragonboatHeader({
        sessionSize,
        dataStoreSize,
        unreliableTime: 1,
        payloadChecksum,
      });
      const target = goTarget(disk);
      await give(target, streamOf(Buffer.concat([block, payload]), head(SMALL)));
      await expectNothing(disk, target);
    }
    const target = goTarget(disk);
    const chunks = streamOf(fileOf(new Uint8Array(17 * MIB), new Uint8Array(0)), head(SMALL));
    await give(target, chunks);
    await expectNothing(disk, target);
    expect(target.reasons.join()).toContain('bytes of client sessions');
  });

  it('leaves nothing when its sessions are no sessions, or of a group that keeps another number', async () => {
    const disk = new MemoryDisk();
    const other = Buffer.from(recordedSessions(SMALL));
    other.writeBigUInt64LE(4095n);
    for (const sessions of [new Uint8Array(16), new Uint8Array(40), other]) {
      const target = goTarget(disk);
      await give(target, streamOf(fileOf(sessions, new Uint8Array(9)), head(SMALL)));
      await expectNothing(disk, target);
    }
  });
});

describe('a large snapshot of a Go host', () => {
  it('is taken whatever of it lies across the border of two chunks', async () => {
    const disk = new MemoryDisk();
    const sessions = recordedSessions(SMALL);
    for (const dataBytes of [0, 1, 2 * MIB - 1024 - sessions.length, 4 * MIB + 5]) {
      const target = goTarget(disk);
      const data = new Uint8Array(dataBytes).map((_, i) => i * 7);
      await give(target, streamOf(fileOf(sessions, data), head(SMALL)));
      const [received] = target.received;
      if (received === undefined) throw new Error(`nothing was received: ${target.reasons.join()}`);
      const open = await target.store.open(received.snapshot, never());
      expect(Buffer.compare(await collect(open.reader), data)).toBe(0);
      await open.close();
      await target.store.removeAll();
    }
  });
});
