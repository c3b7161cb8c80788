import { createHash } from 'node:crypto';
import { type Uint64, uint64FromHalves } from '@drakkar/raftio';

/** The first 64 bits of the SHA-256 of `parts`, one after the other. To compare replicas, not against forgery. */
export function hash64(...parts: (Uint8Array | string)[]): Uint64 {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  const digest = hash.digest();
  return uint64FromHalves(digest.readUInt32BE(0), digest.readUInt32BE(4));
}
