import type { Membership } from '@drakkar/raftio';

/** The members of a group (Go: Membership). */
export interface ClusterMembership {
  /** Log index of the change that made it; what the ordered mode compares (Go: ConfigChangeID). */
  configChangeIndex: number;
  /** Voting members, node id → raft address. */
  nodes: ReadonlyMap<number, string>;
  /** Members without a vote, node id → raft address. */
  observers: ReadonlyMap<number, string>;
  /** Node ids that were members and can never be again. */
  removed: ReadonlySet<number>;
}

export function toClusterMembership(membership: Membership): ClusterMembership {
  return {
    configChangeIndex: membership.configChangeID,
    nodes: new Map(membership.addresses),
    observers: new Map(membership.observers),
    removed: new Set(membership.removed.keys()),
  };
}
