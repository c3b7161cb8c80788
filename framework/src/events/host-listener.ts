import type { ClusterMembership } from '../nodehost/membership-requests.js';

/** Names the replica that an event is about. */
export interface ReplicaEvent {
  clusterID: number;
  nodeID: number;
}

export interface LeaderUpdatedEvent extends ReplicaEvent {
  /** 0: none is known now. */
  leaderID: number;
  term: number;
}

export interface MembershipChangedEvent extends ReplicaEvent {
  membership: ClusterMembership;
}

export interface NodeUnloadedEvent extends ReplicaEvent {
  /** `stopped` by a call, `removed` from its group, or `failed`. */
  reason: 'stopped' | 'removed' | 'failed';
}

export interface ReplicaFailedEvent extends ReplicaEvent {
  error: unknown;
}

export interface SnapshotDamagedEvent extends ReplicaEvent {
  /** Of the snapshot. */
  index: number;
  /** What is wrong with it, as a rule ErrSnapshotCorrupt, which names the file and the offset. */
  error: unknown;
}

export interface LogDBFailedEvent {
  error: unknown;
}

export interface ConnectionEvent {
  /** Raft address of the other host. */
  address: string;
}

export interface ConnectionFailedEvent extends ConnectionEvent {
  /** Undefined when the connection ended without an error. */
  error: Error | undefined;
}

/** What may happen on a host. */
export interface HostEvents {
  /** The leader of a group, or the term, is another than before, as far as the replica here knows. */
  leaderUpdated: LeaderUpdatedEvent;
  /** A replica has replayed its log and takes requests; whether its group has a leader is another matter. */
  nodeReady: ReplicaEvent;
  /** A replica does not run here any more. */
  nodeUnloaded: NodeUnloadedEvent;
  /** A replica has applied a membership change. */
  membershipChanged: MembershipChangedEvent;
  /** A replica stopped itself: its state machine threw, or an invariant broke. `nodeUnloaded` follows. */
  replicaFailed: ReplicaFailedEvent;
  /**
   * A recorded snapshot proved damaged when it was read: at the start of the replica, which goes on with an older one
   * and its log, or when it was to be sent or exported, for which another one is taken in its place. The disk is
   * suspect.
   */
  snapshotDamaged: SnapshotDamagedEvent;
  /** The LogDB failed, and with it every replica of the host. */
  logDBFailed: LogDBFailedEvent;
  connectionEstablished: ConnectionEvent;
  /** A connection broke, or could not be made; further attempts that fail are not told. */
  connectionFailed: ConnectionFailedEvent;
  /** `NodeHost.stop` was called. */
  nodeHostShuttingDown: Record<never, never>;
}

/**
 * Hears what happens on a host; every method is optional. Called outside the engine's work, in the order in which
 * things happened, so it may call the host. What it throws, or rejects with, is logged and has no other effect. A
 * slow one delays the host: all of it runs in one thread.
 */
export type HostListener = {
  readonly [Name in keyof HostEvents]?: (event: HostEvents[Name]) => void | Promise<void>;
};
