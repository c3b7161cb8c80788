import { createHash } from 'node:crypto';
import { normalAddress } from '@drakkar/raftio';

type Addresses = ReadonlyMap<number, string>;

/** Bits of an identity: as many as a number holds, and a varint of eight bytes. */
const IDENTITY_BITS = 52n;

/** Never 0, which stands for an identity that is not known. */
function identityOf(parts: readonly string[]): number {
  const digest = createHash('sha256').update(parts.join('\n')).digest();
  return Math.max(1, Number(digest.readBigUInt64BE(0) & ((1n << IDENTITY_BITS) - 1n)));
}

function membersIn(members: Addresses): string[] {
  return [...members]
    .sort(([a], [b]) => a - b)
    .map(([nodeID, address]) => `${nodeID}=${normalAddress(address)}`);
}

/** Identity of a group that begins with these members; the same on each of them, however an address is spelled. */
export function initialGroupID(clusterID: number, members: Addresses): number {
  return identityOf([`group ${clusterID}`, ...membersIn(members)]);
}

/** Identity of the group that begins with an imported snapshot; not that of the group which it was taken of. */
export function importedGroupID(
  clusterID: number,
  snapshot: { index: number; term: number },
  members: Addresses,
): number {
  const { index, term } = snapshot;
  return identityOf([`group ${clusterID}`, `imported ${index} of term ${term}`, ...membersIn(members)]);
}
