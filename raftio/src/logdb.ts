import type { Entry } from './raftpb/entry.js';
import type { Bootstrap, Snapshot, State } from './raftpb/types.js';

/** Names a replica: one node of one Raft group. */
export interface NodeInfo {
  clusterID: number;
  nodeID: number;
}

/** What a replica hands over to be made durable. */
export interface Update extends NodeInfo {
  /** The hard state, when it changed since the last update; `undefined` leaves what is stored. */
  state: State | undefined;
  /** Consecutive indexes, or empty. Saving entries at index i deletes any stored entry above the last one saved. */
  entriesToSave: readonly Entry[];
  /**
   * A snapshot record to store along with the rest; `undefined` for none. In `saveRaftState` it puts an end to the log
   * that was stored before: what is in `entriesToSave` is the log from now on.
   */
  snapshot: Snapshot | undefined;
}

/** What a LogDB knows of a replica's log. */
export interface RaftState {
  state: State;
  /** Index of the first stored entry above `lastIndex` as asked; meaningless when `entryCount` is 0. */
  firstIndex: number;
  /** Number of consecutive entries stored from `firstIndex`. */
  entryCount: number;
}

export interface EntrySlice {
  entries: Entry[];
  /** Sum of `entrySizeBytes` over `entries`. */
  sizeBytes: number;
}

/**
 * Durable storage of the logs of all replicas of one NodeHost. Contract: docs/logdb-contract.md, clause by clause;
 * in short:
 *
 * - when `saveRaftState` resolves, everything in it is on stable storage; a crash at any instant leaves all of the
 *   call or none of it, across all its replicas;
 * - calls may overlap for different replicas; for one replica they take effect in the order called;
 * - a failed write or sync is never retried: the instance is fenced, and every later call rejects with
 *   `ErrLogDBFenced`;
 * - not found is `undefined`, or an empty list, never an error;
 * - arguments are not modified, and not read any more once the returned promise has settled.
 */
export interface ILogDB {
  /** Name of the adapter, for logs and for the data directory's record of what wrote it, e.g. `lmdb`. */
  readonly name: string;

  /** Every replica for which bootstrap info is stored, in no particular order. */
  listNodeInfo(): Promise<NodeInfo[]>;

  /**
   * Stores how a replica came to be. Durable on return. Called before anything else of that replica, and once more when
   * it has learnt which group it is of: that replaces what was stored.
   */
  saveBootstrapInfo(clusterID: number, nodeID: number, bootstrap: Bootstrap): Promise<void>;
  getBootstrapInfo(clusterID: number, nodeID: number): Promise<Bootstrap | undefined>;

  /** Atomic and durable over all `updates`. One update per replica and call. */
  saveRaftState(updates: readonly Update[]): Promise<void>;

  /**
   * Entries from `low` up to, not including, `high`; stops where the log ends or has a gap, and before the entry
   * that would make the slice exceed `maxSizeBytes` (0 to 2^53-1), but gives at least one entry when `low` is stored.
   */
  iterateEntries(
    clusterID: number,
    nodeID: number,
    low: number,
    high: number,
    maxSizeBytes: number,
  ): Promise<EntrySlice>;

  /**
   * Hard state and extent of the log above `lastIndex` (the index of the newest snapshot, or 0).
   * `undefined` when nothing was ever saved for the replica by `saveRaftState`.
   */
  readRaftState(clusterID: number, nodeID: number, lastIndex: number): Promise<RaftState | undefined>;

  /** Forgets entries up to and including `index`. Cheap; a crash may bring them back. */
  removeEntriesTo(clusterID: number, nodeID: number, index: number): Promise<void>;
  /** Gives the space of removed entries back. May be slow; never blocks other calls for long. */
  compactEntriesTo(clusterID: number, nodeID: number, index: number): Promise<void>;

  /** Stores the snapshot records of `updates`, atomic and durable; other fields of the updates are ignored. */
  saveSnapshots(updates: readonly Update[]): Promise<void>;
  /** Removes the record of the snapshot at `index`, if there is one. */
  deleteSnapshot(clusterID: number, nodeID: number, index: number): Promise<void>;
  /** Snapshot records with an index of at most `index`, oldest first. */
  listSnapshots(clusterID: number, nodeID: number, index: number): Promise<Snapshot[]>;

  /** Removes everything of a replica, atomic and durable. It may be created again afterwards. */
  removeNodeData(clusterID: number, nodeID: number): Promise<void>;
  /**
   * Replaces everything of a replica, atomic and durable, by the given snapshot: its record, a hard state with the
   * snapshot's term and commit = its index, no entries, and bootstrap info of a node that joined.
   */
  importSnapshot(snapshot: Snapshot, nodeInfo: NodeInfo): Promise<void>;

  /** Waits for what is in flight and releases every file. Idempotent. Later calls reject with `ErrLogDBClosed`. */
  close(): Promise<void>;
}

export interface LogDBConfig {
  /** Existing folder that belongs to this LogDB alone. */
  dir: string;
  /** Existing folder for the part written most often, when the user has a faster disk; may equal `dir`. */
  walDir: string;
}

/** Opens a LogDB, creating it in an empty folder. Rejects with `ErrLogDBLocked` if another process has it open. */
export type LogDBFactory = (config: LogDBConfig) => Promise<ILogDB>;

/** What a LogDB may lack. Every key is stated; what is not declared must be refused with ERR_UNSUPPORTED. */
export interface LogDBCapabilities {
  /** `compactEntriesTo` shrinks the space used on disk (otherwise pages are only used again). */
  shrinksOnCompaction: boolean;
  /** A second process that opens the same folder is refused with ErrLogDBLocked. */
  exclusiveOpen: boolean;
  /** Data outlives the process. False only for in-memory adapters. */
  durable: boolean;
  /**
   * A byte of an entry that was changed on disk is found, and never served. An adapter that does not know of this one
   * is not asked.
   */
  detectsDamage?: boolean;
}
