import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import {
  type ISnapshotConnection,
  type Snapshot,
  type SnapshotChunk,
  type Uint64,
  encodeSnapshotChunk,
} from '@drakkar/raftio';
import { silentLogger } from '../../logging/logger.js';
import { dragonboatSessionFormat } from '../../rsm/index.js';
import { encodeSessions } from '../../rsm/session-codec.js';
import { ClientSession, SessionManager } from '../../rsm/session-manager.js';
import { ManualClock } from '../../runtime/testing/manual-clock.js';
import type { SnapshotStore } from '../store/snapshot-store.js';
import { creation, makeStore, never, pattern } from '../testing/fixture.js';
import { type GoChunk, type GoFile, readGoChunk, readGoFile } from '../testing/go-reader.js';
import { MemoryDisk } from '../testing/memory-disk.js';
import { MIB } from '../testing/stream-fixture.js';
import { type SendOutcome, SnapshotSender } from './sender.js';

const FIXED = join(import.meta.dirname, '../../../../raftio/testdata/to-go/snapshot.jsonl');
const format = dragonboatSessionFormat(4096);
const SESSIONS: [Uint64, Uint64, [Uint64, Uint64][]][] = [
  [
    2n ** 64n - 1n,
    3,
    [
      [9, 2n ** 64n - 1n],
      [10, 0],
    ],
  ],
  [17, 0, []],
  [2n ** 63n + 1n, 2n ** 60n, [[2n ** 60n + 1n, 5]]],
];

function sessions(): Uint8Array {
  const manager = new SessionManager(4096);
  for (const [id, respondedTo, history] of SESSIONS) {
    manager.add(new ClientSession(id, respondedTo, new Map(history)));
  }
  return encodeSessions(manager);
}

/** A call to a host of Dragonboat, which takes everything and says that all is well. */
class GoCall implements ISnapshotConnection {
  readonly bytes: Buffer[] = [];
  isFinished = false;
  isClosed = false;
  onChunk: (chunk: SnapshotChunk) => void | Promise<void> = () => undefined;

  async sendSnapshotChunk(chunk: SnapshotChunk): Promise<void> {
    await this.onChunk(chunk);
    this.bytes.push(Buffer.from(encodeSnapshotChunk(chunk)));
  }

  finish(): Promise<void> {
    this.isFinished = true;
    return Promise.resolve();
  }

  close(): void {
    this.isClosed = true;
  }
}

interface Setup {
  disk: MemoryDisk;
  store: SnapshotStore;
  snapshot: Snapshot;
  clock: ManualClock;
  sender: SnapshotSender;
  calls: GoCall[];
  data: Uint8Array;
  send: () => Promise<SendOutcome>;
}

async function setUp(options: { dataBytes?: number; fileSizes?: number[] } = {}): Promise<Setup> {
  const { dataBytes = 3_000, fileSizes = [] } = options;
  const disk = new MemoryDisk();
  const clock = new ManualClock();
  const store = makeStore(disk, '/source/7-1');
  const data = pattern(5, dataBytes);
  await disk.makeDir('/app');
  for (const [i, size] of fileSizes.entries()) {
    const file = await disk.open(`/app/${i}`, 'overwrite');
    await file.write(pattern(i, size), 0);
    await file.close();
  }
  const snapshot = await store.create(
    creation(0xabc, data, {
      sessions: sessions(),
      compression: 'snappy',
      write: async (writer, collection) => {
        for (const i of fileSizes.keys()) collection.addFile(i + 1, `/app/${i}`, Buffer.from(`meta${i}`));
        await writer.write(data);
      },
    }),
  );
  const calls: GoCall[] = [];
  const sender = new SnapshotSender(
    { deploymentID: 1, maxStreams: 2, bytesPerSecond: 0, connectTimeoutMs: 500, stallTimeoutMs: 10_000 },
    {
      connect: () => {
        const call = new GoCall();
        calls.push(call);
        return Promise.resolve(call);
      },
      fileSystem: disk,
      clock,
      logger: silentLogger,
    },
  );
  const send = (): Promise<SendOutcome> =>
    sender.send({
      store,
      snapshot,
      from: 1,
      to: 2,
      target: 'host2:1',
      signal: never(),
      groupID: 77,
      settings: 88,
      dragonboat: format,
    });
  return { disk, store, snapshot, clock, sender, calls, data, send };
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 100_000 && !condition(); i++) await new Promise((resolve) => setImmediate(resolve));
  expect(condition()).toBe(true);
}

/** Sends, and says what a host of Dragonboat says that has taken the snapshot. */
async function sendAndConfirm(setup: Setup): Promise<GoChunk[]> {
  const sending = setup.send();
  await until(() => setup.calls.at(-1)?.isFinished === true);
  setup.sender.confirm(7, 2);
  expect(await sending).toMatchObject({ sent: true });
  return setup.calls.at(-1)?.bytes.map((bytes) => readGoChunk(bytes)) ?? [];
}

function dataFile(chunks: readonly GoChunk[]): GoFile {
  return readGoFile(Buffer.concat(chunks.filter(({ info }) => info === undefined).map(({ data }) => data)));
}

function expectSessions(file: GoFile): void {
  expect(file.capacity).toBe(4096);
  expect(file.sessions).toEqual([
    {
      clientID: '18446744073709551615',
      respondedUpTo: '3',
      history: [
        ['10', '0'],
        ['9', '18446744073709551615'],
      ],
    },
    { clientID: '17', respondedUpTo: '0', history: [] },
    {
      clientID: '9223372036854775809',
      respondedUpTo: '1152921504606846976',
      history: [['1152921504606846977', '5']],
    },
  ]);
}

describe('a snapshot for a host of Dragonboat', () => {
  it('has sessions, data and files as Go reads them, in chunks as Go cuts them', async () => {
    const setup = await setUp({ dataBytes: 5 * MIB, fileSizes: [1, 2 * MIB + 3, 2 * MIB] });
    const chunks = await sendAndConfirm(setup);
    const file = dataFile(chunks);
    expectSessions(file);
    expect(Buffer.compare(file.data, setup.data)).toBe(0);
    const name = 'snapshot-0000000000000ABC.gbsnap';
    expect(chunks.map(({ filepath }) => filepath)).toEqual([
      name,
      name,
      name,
      'external-file-1',
      'external-file-2',
      'external-file-2',
      'external-file-3',
    ]);
    expect(chunks.map(({ head }) => [head['chunkID'], head['fileChunkID'], head['fileChunkCount']])).toEqual([
      [0, 0, 3],
      [1, 1, 3],
      [2, 2, 3],
      [3, 0, 1],
      [4, 0, 2],
      [5, 1, 2],
      [6, 0, 1],
    ]);
    const { index, term } = setup.snapshot;
    for (const { head, data, membership, hasFileInfo, info, unknown } of chunks) {
      expect(head).toMatchObject({ clusterID: 7, nodeID: 2, from: 1, chunkCount: 7, index, term });
      expect(head).toMatchObject({ deploymentID: 1, binVer: 210, chunkSize: data.length });
      expect(membership).toMatchObject({ addresses: { 1: 'host1:1', 2: 'host2:1', 3: 'host3:1' } });
      // The checksum of the chunk.
      expect(unknown).toEqual([101]);
      expect(info?.fileSize).toBe(hasFileInfo ? head['fileSize'] : undefined);
    }
    const infos = chunks.flatMap(({ info }) => (info === undefined ? [] : [info]));
    expect(infos.map(({ fileID, filepath }) => `${fileID} ${filepath}`)).toEqual([
      '1 external-file-1',
      '2 external-file-2',
      '2 external-file-2',
      '3 external-file-3',
    ]);
    expect(Buffer.from(infos[0]?.metadata ?? '', 'hex').toString()).toBe('meta0');
    const second = Buffer.concat(chunks.slice(4, 6).map(({ data }) => data));
    expect(Buffer.compare(second, pattern(1, 2 * MIB + 3))).toBe(0);
  });

  it('is read by Go wherever the data ends in a chunk', async () => {
    const empty = await setUp({ dataBytes: 0 });
    const front = (await sendAndConfirm(empty))[0]?.data.length ?? 0;
    for (const dataBytes of [1, 2 * MIB - front - 1, 2 * MIB - front, 2 * MIB - front + 1, 4 * MIB - front]) {
      const setup = await setUp({ dataBytes });
      const chunks = await sendAndConfirm(setup);
      expect(chunks).toHaveLength(Math.ceil((front + dataBytes) / (2 * MIB)));
      expect(Buffer.compare(dataFile(chunks).data, setup.data)).toBe(0);
    }
  });

  it('has the bytes that are fixed in raftio/testdata/to-go', async () => {
    const setup = await setUp({ dataBytes: 700, fileSizes: [30, 5] });
    await sendAndConfirm(setup);
    const lines = setup.calls[0]?.bytes.map((bytes) => JSON.stringify({ hex: bytes.toString('hex') })) ?? [];
    expect(`${lines.join('\n')}\n`).toBe(readFileSync(FIXED, 'utf8'));
    const chunks = lines.map((line) =>
      readGoChunk(Buffer.from((JSON.parse(line) as { hex: string }).hex, 'hex')),
    );
    expectSessions(dataFile(chunks));
    expect(Buffer.compare(dataFile(chunks).data, pattern(5, 700))).toBe(0);
  });

  it('is not sent when an external file is empty, which would end the process there', async () => {
    const setup = await setUp({ fileSizes: [4, 0] });
    const outcome = await setup.send();
    expect(outcome).toMatchObject({ sent: false, error: { code: 'ERR_SNAPSHOT_NOT_SENT' } });
    expect(outcome.sent ? '' : outcome.error.message).toContain('external file 2');
    expect(setup.calls).toEqual([]);
    expect(setup.clock.timerCount).toBe(0);
  });

  it('is not sent when the group has agreed on what Dragonboat does not know', async () => {
    const setup = await setUp();
    const settings = { orderedConfigChange: false, lruMaxSessionCount: 4096 };
    const agreed = { level: 1, settings, initialSettings: settings };
    const snapshot = await setup.store.create(
      creation(0xabd, setup.data, { sessions: encodeSessions(new SessionManager(4096), agreed) }),
    );
    const outcome = await setup.sender.send({
      store: setup.store,
      snapshot,
      from: 1,
      to: 2,
      target: 'host2:1',
      signal: never(),
      dragonboat: format,
    });
    expect(outcome).toMatchObject({ sent: false, error: { code: 'ERR_INCOMPATIBLE_DATA' } });
    expect(setup.calls).toEqual([]);
  });

  it('is not sent when its data is damaged, and is never completed when a file is', async () => {
    for (const part of [0.1, 0.9]) {
      const setup = await setUp({ dataBytes: 4 * MIB });
      const path = '/source/7-1/snapshot-0000000000000abc/snapshot.data';
      const offset = Math.floor(setup.snapshot.fileSize * part);
      setup.disk.damage(path, (bytes) => bytes.fill((bytes[offset] ?? 0) ^ 1, offset, offset + 1));
      const error = { code: 'ERR_SNAPSHOT_CORRUPT', details: { path } };
      expect(await setup.send()).toMatchObject({ sent: false, error });
      expect(setup.calls).toEqual([]);
    }
    const external = await setUp({ fileSizes: [2 * MIB + 5] });
    const path = '/source/7-1/snapshot-0000000000000abc/external-file-1';
    external.disk.damage(path, (bytes) => bytes.fill((bytes[3] ?? 0) ^ 1, 3, 4));
    expect(await external.send()).toMatchObject({ sent: false, error: { details: { path } } });
    expect(external.calls[0]?.isFinished).toBe(false);
  });
});

describe('the end of a stream to a host of Dragonboat', () => {
  it('is a success only by the message that reports it', async () => {
    const setup = await setUp();
    const sending = setup.send();
    await until(() => setup.calls[0]?.isFinished === true && setup.clock.timerCount === 1);
    setup.clock.advance(9_999);
    expect(setup.sender.streamCount).toBe(1);
    setup.clock.advance(1);
    expect(await sending).toMatchObject({ sent: false, error: { code: 'ERR_SNAPSHOT_NOT_SENT' } });
    expect(setup.calls[0]?.isClosed).toBe(true);
    // Too late: it is about a stream that has ended.
    setup.sender.confirm(7, 2);
    expect(setup.sender.streamCount).toBe(0);
    expect(setup.clock.timerCount).toBe(0);
  });

  it('is no success by a message that comes before all was sent, or from another replica', async () => {
    const setup = await setUp({ dataBytes: 3 * MIB });
    const sending = setup.send();
    await until(() => setup.calls.length === 1);
    const [call] = setup.calls;
    if (call !== undefined) call.onChunk = () => setup.sender.confirm(7, 2);
    await until(() => call?.isFinished === true && setup.clock.timerCount === 1);
    setup.sender.confirm(7, 3);
    setup.sender.confirm(8, 2);
    setup.clock.advance(10_000);
    expect(await sending).toMatchObject({ sent: false });
  });

  it('is waited for by the next stream to the same replica', async () => {
    const setup = await setUp();
    const first = setup.send();
    await until(() => setup.calls[0]?.isFinished === true);
    const second = setup.send();
    for (let i = 0; i < 100; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(setup.calls).toHaveLength(1);
    // About the one that is all sent, not about the one that waits.
    setup.sender.confirm(7, 2);
    expect(await first).toMatchObject({ sent: true });
    await until(() => setup.calls[1]?.isFinished === true);
    setup.sender.confirm(7, 2);
    expect(await second).toMatchObject({ sent: true });
  });
});
