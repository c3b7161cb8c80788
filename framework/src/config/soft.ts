/**
 * Settings for experts. They bound memory and pace work; any of them may differ between hosts and change between
 * restarts without harm to data. Units are in the names.
 */
export interface SoftSettings {
  /** Proposals of one replica waiting to be stepped; at the bound a proposal gets ErrSystemBusy. */
  readonly proposalQueueBytes: number;
  /** Proposals of one replica that have not ended; at the bound a proposal gets ErrSystemBusy. */
  readonly maxPendingProposals: number;
  /** Reads of one replica waiting for their index. */
  readonly readIndexQueueLength: number;
  /** In-memory log of one replica; above it its proposals get ErrSystemBusy. */
  readonly maxInMemLogBytes: number;
  /** Entries in memory of all replicas of the host together; 0 = derived from what the process may use. */
  readonly maxHostMemoryBytes: number;
  /** Entries in one Replicate message. */
  readonly maxReplicateBytes: number;
  /** Flow-control window of one remote. */
  readonly maxInflightBytes: number;
  readonly maxInflightMessages: number;
  /** Entries read from the LogDB at a time for a slow follower, and at a replica's start. */
  readonly maxLogReadBytes: number;
  /** Messages that go to one host in one batch. */
  readonly maxBatchBytes: number;
  /** What the transport may buffer for one connection. */
  readonly connectionBufferBytes: number;
  readonly connectTimeoutMs: number;
  /** First and longest pause before a host that could not be reached is tried again. */
  readonly breakerMinBackoffMs: number;
  readonly breakerMaxBackoffMs: number;
  /** Snapshots being written, sent, and received by this host at a time. */
  readonly snapshotWorkerCount: number;
  readonly maxSnapshotSendCount: number;
  readonly maxSnapshotReceiveCount: number;
  /** A snapshot that has been written for longer holds up no other one. */
  readonly snapshotWorkerPatienceMs: number;
  /** Over all snapshots that are being sent; 0 = unlimited. */
  readonly maxSnapshotBytesPerSecond: number;
  /** A snapshot stream in which nothing moves for this long is given up. */
  readonly snapshotStallTimeoutMs: number;
  /** What snapshots leave free on the disk of the data directory; 0 = whatever they leave. */
  readonly diskReserveBytes: number;
  /** What sealing the data directory may add to a clean stop; 0 = it is not sealed. */
  readonly sealTimeoutMs: number;
  /** For a stop of the host, and for one of a group: what has not ended then is left behind; 0 = waits indefinitely. */
  readonly stopTimeoutMs: number;
  /** Replicas compare hashes of their state each time that many entries were applied; 0 = not for that. */
  readonly stateCheckEntries: number;
  /** The leader asks for a comparison at this interval, if entries were applied since the last; 0 = never. */
  readonly stateCheckIntervalMs: number;
}
