import type { Membership } from '@drakkar/raftio';
import type { Core } from './core.js';
import { Remote } from './remote.js';

/** Copies, so that what the engine does with its own object has no effect here. */
function copyOf(membership: Membership): Membership {
  return {
    configChangeID: membership.configChangeID,
    addresses: new Map(membership.addresses),
    removed: new Map(membership.removed),
    observers: new Map(membership.observers),
  };
}

/**
 * Makes `membership` the one in force. Remotes that stay keep what is known of them. Only a replica that finds
 * itself among the voting members stops being an observer; a change that concerns others never touches its role.
 */
export function setMembership(core: Core, membership: Membership): void {
  core.membership = copyOf(membership);
  const known = new Map(core.remotes.map((remote) => [remote.nodeID, remote]));
  const remotes: Remote[] = [];
  const add = (nodeID: number, isObserver: boolean): void => {
    if (nodeID === core.nodeID) return;
    // A new remote counts as active for a start, so that adding it can't unseat the leader.
    const remote = known.get(nodeID) ?? new Remote(nodeID, isObserver, core.log.lastIndex + 1, true);
    remote.isObserver = isObserver;
    remotes.push(remote);
  };
  for (const nodeID of membership.addresses.keys()) add(nodeID, false);
  for (const nodeID of membership.observers.keys()) {
    if (!membership.addresses.has(nodeID)) add(nodeID, true);
  }
  core.remotes = remotes.sort((a, b) => a.nodeID - b.nodeID);
  core.streams.keepMembers((nodeID) => core.remote(nodeID) !== undefined);
  core.isVoter = membership.addresses.has(core.nodeID);
  core.quorum = Math.floor(membership.addresses.size / 2) + 1;
  if (core.role === 'observer' && core.isVoter) {
    core.role = 'follower';
    core.resetElectionTimer();
  }
}
