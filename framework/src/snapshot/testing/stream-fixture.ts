import { type Snapshot, type SnapshotChunk, decodeSnapshotChunk, encodeSnapshotChunk } from '@drakkar/raftio';
import { DiskReserve } from '../../fs/disk-reserve.js';
import { silentLogger } from '../../logging/logger.js';
import { ManualClock } from '../../runtime/testing/manual-clock.js';
import type { SnapshotStore } from '../store/snapshot-store.js';
import { chunksOf } from '../stream/chunks.js';
import type { ReceivedSnapshot } from '../stream/reception.js';
import {
  SnapshotReceiver,
  type SnapshotReceiverDependencies,
  type SnapshotReceiverOptions,
} from '../stream/receiver.js';
import { CLUSTER_ID, creation, makeStore, noise, pattern } from './fixture.js';
import type { MemoryDisk } from './memory-disk.js';

export const DEPLOYMENT_ID = 42;
export const MIB = 1024 * 1024;
export const TARGET_DIR = '/target/7-2';

export interface Source {
  store: SnapshotStore;
  record: Snapshot;
  data: Uint8Array;
  /** By file id. */
  files: Map<number, Uint8Array>;
}

/** A snapshot to be sent; `fileSizes` are those of its external files, from id 1 on. */
export async function makeSource(
  disk: MemoryDisk,
  options: { index?: number; dataBytes?: number; fileSizes?: number[] } = {},
): Promise<Source> {
  const { index = 1000, dataBytes = 2000, fileSizes = [] } = options;
  const files = new Map(fileSizes.map((size, i) => [i + 1, pattern(i, size)]));
  await disk.makeDir('/app');
  for (const [fileID, content] of files) {
    const file = await disk.open(`/app/${fileID}`, 'overwrite');
    await file.write(content, 0);
    await file.close();
  }
  const data = pattern(99, dataBytes);
  const store = makeStore(disk, '/source/7-1');
  const record = await store.create(
    creation(index, data, {
      write: async (writer, collection) => {
        for (const fileID of files.keys()) collection.addFile(fileID, `/app/${fileID}`, noise(fileID, 9));
        await writer.write(data);
      },
    }),
  );
  return { store, record, data, files };
}

/** The chunks of the snapshot, as they come off the wire. */
export async function chunksFor(disk: MemoryDisk, { store, record }: Source): Promise<SnapshotChunk[]> {
  const lease = await store.lease(record);
  const head = {
    clusterID: CLUSTER_ID,
    from: 1,
    to: 2,
    index: record.index,
    term: record.term,
    membership: record.membership,
    deploymentID: DEPLOYMENT_ID,
  };
  const chunks: SnapshotChunk[] = [];
  for await (const chunk of chunksOf(disk, lease, head)) {
    chunks.push(decodeSnapshotChunk(encodeSnapshotChunk(chunk)));
  }
  await lease.release();
  return chunks;
}

export interface Target {
  receiver: SnapshotReceiver;
  store: SnapshotStore;
  received: ReceivedSnapshot[];
  clock: ManualClock;
}

export function makeTarget(
  disk: MemoryDisk,
  options: Partial<SnapshotReceiverOptions> = {},
  deps: Partial<SnapshotReceiverDependencies> = {},
): Target {
  const store = makeStore(disk, TARGET_DIR, 3);
  const received: ReceivedSnapshot[] = [];
  const clock = new ManualClock();
  const receiver = new SnapshotReceiver(
    { deploymentID: DEPLOYMENT_ID, maxStreams: 2, idleTimeoutMs: 1000, ...options },
    {
      lookup: ({ clusterID, to }) => (clusterID === CLUSTER_ID && to === 2 ? { store } : undefined),
      onReceived: (snapshot) => void received.push(snapshot),
      fileSystem: disk,
      reserve: new DiskReserve({ fileSystem: disk, dir: '/', reserveBytes: 0 }),
      onDiskFailed: () => undefined,
      clock,
      logger: silentLogger,
      ...deps,
    },
  );
  return { receiver, store, received, clock };
}

/** What there is of the target replica on disk. */
export function traces(disk: MemoryDisk): string[] {
  return [...disk.tree().keys()].filter((path) => path.startsWith(`${TARGET_DIR}/`));
}
