import type { Entry } from './entry.js';
import type { Uint64 } from './uint64.js';

/**
 * Numbers are those of Dragonboat v2.1.7; 64 and above are Drakkar's own. 66 and above go only to hosts that announced
 * a feature, see features.ts.
 */
export const MessageType = Object.freeze({
  LocalTick: 0,
  Election: 1,
  LeaderHeartbeat: 2,
  ConfigChangeEvent: 3,
  NoOP: 4,
  Ping: 5,
  Pong: 6,
  Propose: 7,
  SnapshotStatus: 8,
  Unreachable: 9,
  CheckQuorum: 10,
  BatchedReadIndex: 11,
  Replicate: 12,
  ReplicateResp: 13,
  RequestVote: 14,
  RequestVoteResp: 15,
  InstallSnapshot: 16,
  Heartbeat: 17,
  HeartbeatResp: 18,
  ReadIndex: 19,
  ReadIndexResp: 20,
  Quiesce: 21,
  SnapshotReceived: 22,
  LeaderTransfer: 23,
  TimeoutNow: 24,
  RequestPreVote: 64,
  RequestPreVoteResp: 65,
  /** What the sender's group is and how it applies entries, for one whose group or settings differ. */
  GroupMismatch: 66,
  /** To a replica that asks for votes or a leader: it was removed. `logIndex`: the change that the membership is of. */
  NotMember: 67,
  /**
   * Hashes of the sender's state when `logIndex` was the last entry applied: sessions in `hint`, membership in
   * `hintHigh`; with `reject` also the state machine's own, its lowest 53 bits, in `commit`.
   */
  StateHashes: 68,
  /** The leader asks for the hashes at `logIndex`. */
  StateHashesAt: 69,
  /** To a member that forwarded proposals: those named in the entries, without commands, got into no log. */
  ProposalDropped: 70,
} as const);
export type MessageType = (typeof MessageType)[keyof typeof MessageType];

/**
 * 64 and above are Drakkar's own, and change what a group is otherwise than its members. They are config changes since
 * a host of version 0.1, or Dragonboat, stops its replica at one that it does not know, instead of passing it over, and
 * since no membership changes between the proposal of one and its application.
 */
export const ConfigChangeType = Object.freeze({
  AddNode: 0,
  RemoveNode: 1,
  AddObserver: 2,
  /** Raises the feature level of the group to `level`. */
  RaiseLevel: 64,
  /** Changes settings of the group: those that `settings` has. From feature level 1 on. */
  SetSettings: 65,
} as const);
export type ConfigChangeType = (typeof ConfigChangeType)[keyof typeof ConfigChangeType];

export const ChecksumType = Object.freeze({ CRC32IEEE: 0, HIGHWAY: 1 } as const);
export type ChecksumType = (typeof ChecksumType)[keyof typeof ChecksumType];

/**
 * What decides how the entries of a group are applied, and may differ between groups. From feature level 1 on it is part
 * of the group's state, and is changed by entries of its log; before that it is in the configuration of each replica.
 */
export interface GroupSettings {
  /** Whether a membership change must name the membership that it was made for. */
  orderedConfigChange: boolean;
  /** Client sessions that the group keeps, from 1 to 2^32 - 1. */
  lruMaxSessionCount: number;
}

/** By which settings a replica applies the entries before those that raised its group to feature level 1. */
export interface InitialSettings extends GroupSettings {
  /** They are those of a group that was at level 1 before this replica had any of its log: no configuration changes them. */
  isFinal: boolean;
}

/** Written when a node is first started on a host: how it came to be there. */
export interface Bootstrap {
  /** Initial members, node id → raft address; empty when it joined a running group. */
  addresses: Map<number, string>;
  join: boolean;
  /**
   * Identity of the group, as this replica knows it: see docs/membership.md. Field 110, which version 0.1 skips; absent
   * or 0: not known yet.
   */
  groupID?: number;
  /** Field 111, which version 0.1 skips; absent: not known yet. */
  settings?: InitialSettings;
  /** Field 112, which version 0.1 skips; absent: the replica has what it acknowledged, as far as it knows. */
  lost?: LostLog;
}

/** What a leader counts on a replica for, which does not have it: its disk was wiped, or an old copy was put back. */
export interface LostLog {
  /** The replica had acknowledged entries up to there. */
  index: number;
  /** Term and node id of the leader that counts on it. */
  term: number;
  leaderID: number;
}

/** Identity of a data directory. */
export interface RaftDataStatus {
  address: string;
  binVer: number;
  hardHash: Uint64;
}

/** What a replica must never forget: the Raft paper's persistent state, less the log, plus the commit index. */
export interface State {
  term: number;
  /** Node id voted for in `term`; 0 = none. */
  vote: number;
  commit: number;
}

export interface EntryBatch {
  entries: Entry[];
}

export interface Membership {
  /** Index of the config change entry that made this membership. */
  configChangeID: number;
  addresses: Map<number, string>;
  removed: Map<number, boolean>;
  observers: Map<number, string>;
}

export interface SnapshotFile {
  filepath: string;
  fileSize: number;
  fileID: number;
  metadata: Uint8Array;
}

export interface Snapshot {
  filepath: string;
  fileSize: number;
  /** Index and term of the last entry that the snapshot stands for. */
  index: number;
  term: number;
  membership: Membership;
  files: SnapshotFile[];
}

export interface Message {
  type: MessageType;
  to: number;
  from: number;
  clusterID: number;
  term: number;
  logTerm: number;
  logIndex: number;
  commit: number;
  reject: boolean;
  hint: Uint64;
  hintHigh: Uint64;
  entries: Entry[];
  snapshot: Snapshot | undefined;
  /** Identity of the sender's group. Field 110; 0: not known, or not said, as by version 0.1 and Dragonboat. */
  groupID: number;
  /** Fingerprint of the sender's settings that decide how entries are applied. Field 111; 0: not said. */
  settings: number;
}

export interface ConfigChange {
  configChangeID: number;
  type: ConfigChangeType;
  nodeID: number;
  address: string;
  /** True for the entries by which the initial members of a new group are recorded. */
  initialize: boolean;
  /** Field 100, of RaiseLevel; absent or zero in others. */
  level?: number;
  /** Field 102: of RaiseLevel all, of SetSettings those that change; absent in others. */
  settings?: Partial<GroupSettings>;
  /**
   * Asked for although it may cost the group its quorum. Between a follower that forwards the change and the leader,
   * which leaves it out of its log; a leader of 0.1, and a Go one, do not read it.
   */
  force?: boolean;
}

export interface SnapshotHeader {
  sessionSize: number;
  dataStoreSize: number;
  /** When it was written, in nanoseconds since 1970, by a clock that may be wrong. */
  unreliableTime: Uint64;
  gitVersion: string;
  headerChecksum: Uint8Array;
  payloadChecksum: Uint8Array;
  checksumType: ChecksumType;
  version: number;
}

/** What one host sends another in one go. */
export interface MessageBatch {
  requests: Message[];
  deploymentID: number;
  /** Raft address of the sending host. */
  sourceAddress: string;
  binVer: number;
  /**
   * What the sending host knows beyond version 0.1, see features.ts. Field 100, which other releases skip; absent or
   * zero: nothing, and the batch is encoded as 0.1 encodes it.
   */
  features?: number;
  /** Not on the wire: it was sent by a host of Dragonboat, as its form shows, or in its place by one that acts as one. */
  isDragonboat?: boolean;
}

export interface SnapshotChunk {
  clusterID: number;
  nodeID: number;
  from: number;
  chunkID: number;
  chunkSize: number;
  chunkCount: number;
  data: Uint8Array;
  index: number;
  term: number;
  membership: Membership;
  filepath: string;
  fileSize: number;
  deploymentID: number;
  fileChunkID: number;
  fileChunkCount: number;
  hasFileInfo: boolean;
  fileInfo: SnapshotFile | undefined;
  binVer: number;
  /** As in `Message`, with the same field numbers; absent or 0: not said. */
  groupID?: number;
  settings?: number;
}

/** A client session as the NodeHost API service carries it. */
export interface SessionRecord {
  clusterID: number;
  clientID: Uint64;
  seriesID: Uint64;
  respondedTo: Uint64;
}

const NO_ENTRIES: Entry[] = [];

/** A message from the fields that matter; the others get their zero value. */
export function makeMessage(fields: Partial<Message> & { type: MessageType }): Message {
  return {
    type: fields.type,
    to: fields.to ?? 0,
    from: fields.from ?? 0,
    clusterID: fields.clusterID ?? 0,
    term: fields.term ?? 0,
    logTerm: fields.logTerm ?? 0,
    logIndex: fields.logIndex ?? 0,
    commit: fields.commit ?? 0,
    reject: fields.reject ?? false,
    hint: fields.hint ?? 0,
    hintHigh: fields.hintHigh ?? 0,
    entries: fields.entries ?? NO_ENTRIES,
    snapshot: fields.snapshot,
    groupID: fields.groupID ?? 0,
    settings: fields.settings ?? 0,
  };
}

export function emptyMembership(): Membership {
  return { configChangeID: 0, addresses: new Map(), removed: new Map(), observers: new Map() };
}
