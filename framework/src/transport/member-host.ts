import { type AllowedPeer, type PeerClaim, normalAddress, speaksForAddress } from '@drakkar/raftio';
import type { NodeRegistry } from './node-registry.js';

/** Whether the other end of a connection is a host that a membership names. One that says no address has its certificate. */
export function isHostOfMember(
  { from, identity }: PeerClaim,
  registry: Pick<NodeRegistry, 'isListed' | 'listedHosts'>,
  allowedPeers: readonly AllowedPeer[] | undefined,
): boolean {
  if (from !== undefined) return registry.isListed(normalAddress(from));
  if (identity === undefined) return false;
  for (const host of registry.listedHosts()) if (speaksForAddress(identity, host, allowedPeers)) return true;
  return false;
}
