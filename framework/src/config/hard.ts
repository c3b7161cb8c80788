import { createHash } from 'node:crypto';
import {
  MAX_PROPOSAL_PAYLOAD_BYTES,
  SNAPSHOT_CHUNK_SIZE_BYTES,
  SNAPSHOT_HEADER_BLOCK_BYTES,
  type Uint64,
  uint64FromHalves,
} from '@drakkar/raftio';

/**
 * Settings that data, and the agreement between replicas, depend on: changing one under existing data would corrupt
 * it. The data directory keeps a hash of them, and a host whose hash differs refuses to open it.
 */
export interface HardSettings {
  /**
   * Client sessions kept by each group; the least recently used one is evicted. Replicas that differ in it would
   * evict different sessions, and so diverge: it must be the same on every host of the deployment.
   */
  readonly lruMaxSessionCount: number;
  /** Size of the header in front of a snapshot. */
  readonly snapshotHeaderBytes: number;
  readonly snapshotChunkBytes: number;
  readonly maxProposalPayloadBytes: number;
}

export const DEFAULT_LRU_MAX_SESSION_COUNT = 4096;

/** The hard settings of a deployment, from the one that it may choose. */
export function hardSettings(chosen: { lruMaxSessionCount?: number } = {}): HardSettings {
  return Object.freeze({
    lruMaxSessionCount: chosen.lruMaxSessionCount ?? DEFAULT_LRU_MAX_SESSION_COUNT,
    snapshotHeaderBytes: SNAPSHOT_HEADER_BLOCK_BYTES,
    snapshotChunkBytes: SNAPSHOT_CHUNK_SIZE_BYTES,
    maxProposalPayloadBytes: MAX_PROPOSAL_PAYLOAD_BYTES,
  });
}

/**
 * The same number for the same settings, on every platform and release; the order of the keys does not matter. Adding
 * a setting changes it for everyone, so a new one is left out while it has the value that it had before it existed.
 */
export function hardSettingsHash(settings: HardSettings): Uint64 {
  const pairs = Object.entries(settings as unknown as Record<string, number>)
    .map(([name, value]) => `${name}=${value}`)
    .sort();
  const digest = createHash('sha256').update(pairs.join('\n')).digest();
  return uint64FromHalves(digest.readUInt32BE(0), digest.readUInt32BE(4));
}
