import { describe, expect, it } from '@jest/globals';
import {
  BIN_VER,
  type ISnapshotConnection,
  type Message,
  MessageType,
  type SnapshotChunk,
  emptyMembership,
  makeMessage,
} from '@drakkar/raftio';
import type { Replica } from '../engine/replica.js';
import { EventHub } from '../events/event-hub.js';
import { DiskReserve } from '../fs/disk-reserve.js';
import { silentLogger } from '../logging/logger.js';
import { ManualClock } from '../runtime/testing/manual-clock.js';
import { DEFAULT_SOFT_SETTINGS } from '../config/soft-schema.js';
import { encodeSessions } from '../rsm/session-codec.js';
import { SessionManager } from '../rsm/session-manager.js';
import { SnapshotStore } from '../snapshot/index.js';
import { creation, makeStore, never, storeOptions } from '../snapshot/testing/fixture.js';
import { MemoryDisk } from '../snapshot/testing/memory-disk.js';
import { RECORDED_GROUP, recordedChunks } from '../snapshot/testing/recorded-go.js';
import { SnapshotStreams, type SnapshotStreamsDependencies } from './snapshot-streams.js';

const APPLIED = 9;
const TERM = 4;

function firstChunk(index: number, term: number): SnapshotChunk {
  const data = new Uint8Array(10);
  return {
    clusterID: 7,
    nodeID: 2,
    from: 1,
    chunkID: 0,
    chunkSize: data.length,
    chunkCount: 1,
    data,
    index,
    term,
    membership: { ...emptyMembership(), addresses: new Map([[1, 'a:1']]) },
    filepath: 'snapshot.data',
    fileSize: data.length,
    deploymentID: 1,
    fileChunkID: 0,
    fileChunkCount: 1,
    hasFileInfo: false,
    fileInfo: undefined,
    binVer: BIN_VER,
  };
}

/** The streams of a host on which node 2 of group 7 runs. */
function streamsOf(
  replica: Partial<Replica>,
  deps: Partial<SnapshotStreamsDependencies> = {},
): SnapshotStreams {
  const clock = new ManualClock();
  return new SnapshotStreams({
    deploymentID: 1,
    settings: DEFAULT_SOFT_SETTINGS,
    connect: () => Promise.reject(new Error('not here')),
    resolve: () => undefined,
    findReplica: () => replica as Replica,
    mayHaveDragonboat: () => false,
    featuresOf: () => 0,
    fileSystem: new MemoryDisk(),
    reserve: new DiskReserve({ fileSystem: new MemoryDisk(), dir: '/', reserveBytes: 0 }),
    events: new EventHub({}, clock, silentLogger),
    clock,
    logger: silentLogger,
    ...deps,
  });
}

/** What the core of a replica that has applied up to 9 in term 4 is told of a snapshot that is offered to it. */
async function offered(index: number, term: number): Promise<{ taken: boolean; told: Message[] }> {
  const told: Message[] = [];
  const replica = {
    stopped: false,
    rsm: { lastApplied: APPLIED },
    raft: { term: TERM },
    receiveSnapshot: (message: Message, discard: number | undefined) => {
      expect(discard).toBeUndefined();
      told.push(message);
    },
  } as unknown as Replica;
  const streams = streamsOf(replica);
  const sink = streams.createSink();
  const taken = await sink.addChunk(firstChunk(index, term));
  sink.close();
  await streams.stop();
  return { taken, told };
}

describe('a snapshot of what is applied already', () => {
  it('is refused, but the core hears of it: else the leader would offer it indefinitely', async () => {
    const { taken, told } = await offered(APPLIED, TERM);
    expect(taken).toBe(false);
    expect(told).toMatchObject([
      {
        type: MessageType.InstallSnapshot,
        from: 1,
        to: 2,
        term: 0,
        snapshot: { index: APPLIED, term: TERM },
      },
    ]);
  });

  it('reports nothing to the core when it can not be true', async () => {
    expect(await offered(APPLIED, TERM + 1)).toEqual({ taken: false, told: [] });
  });
});

const GO_INDEX = 9;

/** A stream of this host to node 3 that has sent all its chunks, and what became of it. */
async function sentTo(
  features: number,
  mayHaveDragonboat: boolean,
): Promise<{ streams: SnapshotStreams; chunks: SnapshotChunk[]; reports: unknown[] }> {
  const disk = new MemoryDisk();
  const store = makeStore(disk);
  const snapshot = await store.create(
    creation(GO_INDEX, Buffer.from('state'), { sessions: encodeSessions(new SessionManager(4096)) }),
  );
  const chunks: SnapshotChunk[] = [];
  const reports: unknown[] = [];
  const replica = {
    snapshotter: { store, signal: never(), isDamaged: () => false },
    rsm: { settings: { lruMaxSessionCount: 4096, orderedConfigChange: false } },
    streamEnded: (report: unknown) => void reports.push(report),
  } as unknown as Replica;
  const connection: ISnapshotConnection = {
    sendSnapshotChunk: (chunk) => Promise.resolve(void chunks.push(chunk)),
    finish: () => Promise.resolve(),
    close: () => undefined,
  };
  const streams = streamsOf(replica, {
    connect: () => Promise.resolve(connection),
    resolve: () => 'host3:1',
    mayHaveDragonboat: () => mayHaveDragonboat,
    featuresOf: () => features,
    fileSystem: disk,
  });
  const type = MessageType.InstallSnapshot;
  streams.send(makeMessage({ type, clusterID: 7, from: 1, to: 3, snapshot, hint: 5 }));
  for (let i = 0; i < 10_000 && chunks.length === 0; i++) await nextTurn();
  for (let i = 0; i < 100; i++) await nextTurn();
  return { streams, chunks, reports };
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a snapshot for a member on a host of Dragonboat', () => {
  it('is in its format, and counts as sent when that host reports it', async () => {
    const { streams, chunks, reports } = await sentTo(0, true);
    expect(chunks[0]?.filepath).toBe('snapshot-0000000000000009.gbsnap');
    expect(reports).toEqual([]);
    streams.confirmed(makeMessage({ type: MessageType.SnapshotReceived, clusterID: 7, from: 3, to: 1 }));
    for (let i = 0; i < 1_000 && reports.length === 0; i++) await nextTurn();
    await streams.stop();
    expect(reports).toEqual([{ nodeID: 3, streamID: 5, index: GO_INDEX, failed: false }]);
  });

  it('is in our format for a host that announces features, and in a group without such members', async () => {
    for (const [features, mayHave] of [
      [1, true],
      [0, false],
    ] as const) {
      const { streams, chunks, reports } = await sentTo(features, mayHave);
      expect(chunks[0]?.filepath).toBe('snapshot.data');
      await streams.stop();
      expect(reports).toEqual([{ nodeID: 3, streamID: 5, index: GO_INDEX, failed: false }]);
    }
  });
});

describe('a snapshot from a host of Dragonboat', () => {
  it('is answered by the message that it waits for, once it is whole', async () => {
    const disk = new MemoryDisk();
    const told: Message[] = [];
    const own: Message[] = [];
    const store = new SnapshotStore({ ...storeOptions(disk), clusterID: RECORDED_GROUP.clusterID });
    const replica = {
      stopped: false,
      rsm: { lastApplied: 0, settings: { lruMaxSessionCount: 4096, orderedConfigChange: false } },
      raft: { term: 0 },
      snapshotter: { store },
      receiveSnapshot: (message: Message) => void told.push(message),
      sendOwn: (message: Message) => void own.push(message),
    } as unknown as Replica;
    const streams = streamsOf(replica, { mayHaveDragonboat: () => true, fileSystem: disk });
    const sink = streams.createSink();
    for (const chunk of recordedChunks('snapshot-files.jsonl')) {
      expect(own).toEqual([]);
      expect(await sink.addChunk(chunk)).toBe(true);
    }
    expect(told).toMatchObject([{ type: MessageType.InstallSnapshot, term: 0, snapshot: { index: 237 } }]);
    expect(own).toMatchObject([
      { type: MessageType.SnapshotReceived, clusterID: 1, from: 4, to: 1, term: 0 },
    ]);
    sink.close();
    await streams.stop();
  });
});
