/**
 * Settings for experts. They bound memory and pace work; any of them may differ between hosts and change between
 * restarts without harm to data. Units are in the names.
 */
export interface SoftSettings {
  /** Proposals of one replica waiting to be stepped; at the bound a proposal gets ErrSystemBusy. */
  readonly proposalQueueBytes: number;
  /** Reads of one replica waiting for their index. */
  readonly readIndexQueueLength: number;
  /** In-memory log of one replica; above it its proposals get ErrSystemBusy. */
  readonly maxInMemLogBytes: number;
  /** Entries in one Replicate message. */
  readonly maxReplicateBytes: number;
  /** Flow-control window of one remote. */
  readonly maxInflightBytes: number;
  readonly maxInflightMessages: number;
  /** Committed entries handed to the state machine at a time, between which other groups have their turn. */
  readonly maxApplyBytes: number;
  /** Entries read from the LogDB at a time for a slow follower, and at a replica's start. */
  readonly maxLogReadBytes: number;
  /** Messages that go to one host in one batch. */
  readonly maxBatchBytes: number;
  readonly maxBatchMessages: number;
  /** What the transport may buffer for one connection. */
  readonly connectionBufferBytes: number;
  readonly connectTimeoutMs: number;
  /** Consecutive failures after which a remote host is left alone for a while. */
  readonly breakerFailureCount: number;
  /** First and longest pause before a host that could not be reached is tried again. */
  readonly breakerMinBackoffMs: number;
  readonly breakerMaxBackoffMs: number;
  /** Snapshots being sent, and being received, by this host at a time. */
  readonly maxSnapshotSendCount: number;
  readonly maxSnapshotReceiveCount: number;
  /** A snapshot stream that has brought nothing for this long is dropped. */
  readonly snapshotChunkTimeoutMs: number;
  /** Snapshots being written or read by state machines at a time. */
  readonly snapshotWorkerCount: number;
  /** Newest snapshots kept of each replica. */
  readonly snapshotsToKeep: number;
  /** How long a slow disk, a state machine or a peer may hold up `stop`. */
  readonly stopTimeoutMs: number;
}
