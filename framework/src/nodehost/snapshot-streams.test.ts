import { describe, expect, it } from '@jest/globals';
import { BIN_VER, type Message, MessageType, type SnapshotChunk, emptyMembership } from '@drakkar/raftio';
import type { Replica } from '../engine/replica.js';
import { EventHub } from '../events/event-hub.js';
import { DiskReserve } from '../fs/disk-reserve.js';
import { silentLogger } from '../logging/logger.js';
import { ManualClock } from '../runtime/testing/manual-clock.js';
import { DEFAULT_SOFT_SETTINGS } from '../settings/soft-schema.js';
import { MemoryDisk } from '../snapshot/testing/memory-disk.js';
import { SnapshotStreams } from './snapshot-streams.js';

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
  const streams = new SnapshotStreams({
    deploymentID: 1,
    settings: DEFAULT_SOFT_SETTINGS,
    connect: () => Promise.reject(new Error('not here')),
    resolve: () => undefined,
    findReplica: () => replica,
    mayHaveDragonboat: () => false,
    featuresOf: () => 0,
    fileSystem: new MemoryDisk(),
    reserve: new DiskReserve({ fileSystem: new MemoryDisk(), dir: '/', reserveBytes: 0 }),
    events: new EventHub({}, new ManualClock(), silentLogger),
    clock: new ManualClock(),
    logger: silentLogger,
  });
  const sink = streams.createSink();
  const taken = await sink.addChunk(firstChunk(index, term));
  sink.close();
  await streams.stop();
  return { taken, told };
}

describe('a snapshot of what is applied already', () => {
  it('is refused, but the core hears of it: else the leader would offer it for ever', async () => {
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

  it('tells the core nothing when it can not be true', async () => {
    expect(await offered(APPLIED, TERM + 1)).toEqual({ taken: false, told: [] });
  });
});
