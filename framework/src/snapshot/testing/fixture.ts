import { type Membership, emptyMembership } from '@drakkar/raftio';
import { silentLogger } from '../../logging/logger.js';
import { SeededRandom } from '../../runtime/random.js';
import { ManualClock } from '../../runtime/testing/manual-clock.js';
import type { IFileSystem } from '../../fs/file-system.js';
import type { CreateSnapshot } from '../store/snapshot-draft.js';
import { SnapshotStore, type SnapshotStoreOptions } from '../store/snapshot-store.js';

export const CLUSTER_ID = 7;

export function never(): AbortSignal {
  return new AbortController().signal;
}

export function membershipOf(...nodeIDs: number[]): Membership {
  const membership = emptyMembership();
  membership.configChangeID = nodeIDs.length;
  for (const nodeID of nodeIDs) membership.addresses.set(nodeID, `host${nodeID}:1`);
  return membership;
}

/** Bytes that look random and are the same for the same seed. */
export function noise(seed: number, sizeBytes: number): Uint8Array {
  return new SeededRandom(seed).bytes(sizeBytes);
}

export function storeOptions(fileSystem: IFileSystem, dir = '/data/7-1', seed = 1): SnapshotStoreOptions {
  return {
    dir,
    clusterID: CLUSTER_ID,
    fileSystem,
    clock: new ManualClock(),
    random: new SeededRandom(seed),
    logger: silentLogger,
  };
}

export function makeStore(fileSystem: IFileSystem, dir?: string, seed?: number): SnapshotStore {
  return new SnapshotStore(storeOptions(fileSystem, dir, seed));
}

/** A snapshot to be made, with the state machine data given. */
export function creation(
  index: number,
  data: Uint8Array,
  fields: Partial<CreateSnapshot> = {},
): CreateSnapshot {
  return {
    index,
    term: 3,
    membership: membershipOf(1, 2, 3),
    sessions: noise(index, 100),
    write: (writer) => writer.write(data),
    compression: 'none',
    signal: never(),
    ...fields,
  };
}

export async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Like `noise`, for sizes for which that would take too long. */
export function pattern(seed: number, sizeBytes: number): Uint8Array {
  return new Uint8Array(Buffer.alloc(sizeBytes, noise(seed, 4099)));
}
