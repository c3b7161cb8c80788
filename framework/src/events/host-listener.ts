import type { DrakkarError, GroupSettings } from '@drakkar/raftio';
import type { GroupDifference } from '../agreement/group-guard.js';
import type { StateDivergence } from '../agreement/state-comparison.js';
import type { StorageProblem } from '../fs/storage-problem.js';
import type { StepDownReason } from '../raft/index.js';
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

export interface LeaderSteppedDownEvent extends ReplicaEvent {
  /** The term that it led. */
  term: number;
  /** A save, or the state machine, has not moved for long, or no quorum was heard. */
  reason: StepDownReason;
}

export interface StateMachineStalledEvent extends ReplicaEvent {
  /** Index of the last entry that is applied, and of the last that is to be. */
  applied: number;
  commit: number;
}

export interface MembershipChangedEvent extends ReplicaEvent {
  membership: ClusterMembership;
}

export interface LevelRaisedEvent extends ReplicaEvent {
  level: number;
}

export interface MemberOutdatedEvent extends ReplicaEvent {
  /** The member that gets nothing; `nodeID` is the leader. */
  memberID: number;
  /** The group's feature level, which that member's host does not announce. */
  level: number;
}

export interface NodeUnloadedEvent extends ReplicaEvent {
  /** `stopped` by a call, `removed` from its group, or `failed`. */
  reason: 'stopped' | 'removed' | 'failed';
}

export interface ReplicaFailedEvent extends ReplicaEvent {
  error: unknown;
}

export interface SnapshotEvent extends ReplicaEvent {
  /** Index of the last entry that the snapshot stands for. */
  index: number;
}

export interface SendSnapshotEvent extends SnapshotEvent {
  /** The node that gets the snapshot; `nodeID` is the one that sends it. */
  to: number;
}

export interface SendSnapshotAbortedEvent extends SendSnapshotEvent {
  /** ErrSnapshotNotSent, which says what the other host refused or can't take, ErrSnapshotStopped, ErrSnapshotCorrupt. */
  error: unknown;
}

export interface SnapshotReceivedEvent extends SnapshotEvent {
  /** The node that sent the snapshot; `nodeID` is the one that got it. */
  from: number;
}

export interface LogCompactedEvent extends ReplicaEvent {
  /** Index of the last entry that is gone. */
  index: number;
}

export interface SnapshotDamagedEvent extends ReplicaEvent {
  /** Of the snapshot. */
  index: number;
  /** What is wrong with it, as a rule ErrSnapshotCorrupt, which names the file and the offset. */
  error: unknown;
}

export interface GroupMismatchEvent extends ReplicaEvent {
  /** Which other replica differs from this one, and in what. */
  difference: GroupDifference;
}

export interface GroupSettingsEvent extends ReplicaEvent {
  /** All of them, as they are now. */
  settings: GroupSettings;
}

export interface ConfigurationOverruledEvent extends GroupSettingsEvent {
  /** What this host's configuration says. */
  configured: GroupSettings;
}

export interface ReplicaRefusedEvent extends ReplicaEvent {
  /** ErrGroupMismatch or ErrEntriesLost: what calls to the replica throw from now on. */
  error: DrakkarError;
}

export interface StateDivergedEvent extends ReplicaEvent, StateDivergence {}

export interface LogDBFailedEvent {
  error: unknown;
  /** What the error says of the disk; undefined: nothing that is known. */
  problem: StorageProblem | undefined;
  /** What to do, for people. */
  advice: string;
}

export interface StorageProblemEvent {
  problem: StorageProblem;
  /** What has failed: `snapshot`, `snapshot from another host`, `data directory`. */
  operation: string;
  /** Those of a snapshot. */
  clusterID: number | undefined;
  nodeID: number | undefined;
  error: unknown;
  /** What to do, for people. */
  advice: string;
}

export interface ClockJumpedEvent {
  /** Forward; negative: back. */
  byMs: number;
}

export interface ConnectionEvent {
  /** Raft address of the other host. */
  address: string;
}

export interface MessageDamagedEvent {
  /** `entry`: its batch came as it was sent, so the memory or the disk of the sender is suspect, not the network. */
  part: 'batch' | 'chunk' | 'entry';
  /** Network address of the connection that brought it, which was ended. */
  peer: string;
  /** Raft address that the sender gave when it connected. */
  address: string | undefined;
}

export interface ConnectionFailedEvent extends ConnectionEvent {
  /** Undefined when the connection ended without an error. */
  error: Error | undefined;
}

export interface PlaintextEvent {
  listenAddress: string;
}

export interface FilesExposedEvent {
  /** A folder of the data directory, or the file of the key. */
  path: string;
  what: 'data' | 'key';
  /** Permission bits, such as `0755`. */
  mode: string;
  /** What kept the host from changing it; undefined for a key, which is not the host's to change. */
  error: unknown;
}

export interface NetworkFileSystemEvent {
  dir: string;
  /** Such as `FUSE`. */
  fileSystem: string;
}

export interface CertificateExpiresEvent {
  /** The file of the configuration that it is in, and the key that names that. */
  file: string;
  setting: 'caFile' | 'certFile';
  /** The subject of the certificate, and its SHA-256 fingerprint. */
  subject: string;
  fingerprint: string;
  /** Milliseconds since the Unix epoch. */
  expiresMs: number;
  /** Whole days that remain; negative once it has expired. */
  daysLeft: number;
}

export interface SlowOperationEvent {
  /** Such as `LogDB.saveRaftState`, `snapshot`, `state machine's update`. */
  operation: string;
  /** Those that it is for; none: the whole host. */
  clusterIDs: readonly number[];
  /** So far, or in all when it has ended. */
  durationMs: number;
  hasEnded: boolean;
}

export interface SnapshotNoSpaceEvent extends ReplicaEvent {
  /** Node that has sent it; 0: it was to be taken here. */
  from: number;
  index: number;
  /** Says how much is needed, free, and reserved. */
  error: unknown;
}

/** What may happen on a host. */
export interface HostEvents {
  /** The leader of a group, or the term, is another than before, as far as the replica here knows. */
  leaderUpdated: LeaderUpdatedEvent;
  /** The leader here left office because it can not do its work. */
  leaderSteppedDown: LeaderSteppedDownEvent;
  /** A state machine has applied nothing for five election timeouts, though entries are committed. Once for each time. */
  stateMachineStalled: StateMachineStalledEvent;
  /** A replica has replayed its log and takes requests; whether its group has a leader is another matter. */
  nodeReady: ReplicaEvent;
  /** A replica does not run here any more. */
  nodeUnloaded: NodeUnloadedEvent;
  /** A replica has applied a membership change. */
  membershipChanged: MembershipChangedEvent;
  /** A replica has applied the entry that raised its group's feature level; a host of 0.1 can't run it any more. */
  levelRaised: LevelRaisedEvent;
  /** A replica has applied an entry that changed settings of its group. */
  groupSettingsChanged: GroupSettingsEvent;
  /**
   * The configuration of a replica names other settings than its group has in its log, which count. Once in each run of
   * the replica.
   */
  configurationOverruled: ConfigurationOverruledEvent;
  /**
   * The leader here sends a member neither entries nor snapshots, for its host answers but does not announce the group's
   * feature level: it runs an older release. Once in each term of the leader.
   */
  memberOutdated: MemberOutdatedEvent;
  /** A stream of a snapshot to another node begins; `sendSnapshotCompleted` or `sendSnapshotAborted` follows. */
  sendSnapshotStarted: SendSnapshotEvent;
  /** The other host has all of the snapshot. */
  sendSnapshotCompleted: SendSnapshotEvent;
  /** The stream ended early; the leader tries again while the follower needs it. */
  sendSnapshotAborted: SendSnapshotAbortedEvent;
  /** A snapshot from another node is on this host's disk, whole and checked; the replica may or may not need it. */
  snapshotReceived: SnapshotReceivedEvent;
  /** A state machine was recovered from a snapshot, at its start or in place of a log that is gone. */
  snapshotRecovered: SnapshotEvent;
  /** A snapshot of a replica here was taken and recorded. */
  snapshotCreated: SnapshotEvent;
  /**
   * There is no room for a snapshot without what is reserved for the log: it was refused, or given up, and its group goes
   * on with a longer log. It is tried again after a pause that grows.
   */
  snapshotNoSpace: SnapshotNoSpaceEvent;
  /**
   * The log of a replica can't be compacted, since its snapshots have no room or do not come, and what is free on the
   * disk of the LogDB comes near the reserve: its host takes neither proposals nor entries for it, so that the log does
   * not fill the disk, which would be the end of every group there. `logSpaceRegained` follows.
   */
  logNoSpace: ReplicaEvent;
  /** There is room again, or a snapshot was taken: the replica takes proposals and entries. */
  logSpaceRegained: ReplicaEvent;
  /** A snapshot that newer ones have made superfluous was removed. */
  snapshotCompacted: SnapshotEvent;
  /** The entries of a log up to an index were removed. */
  logCompacted: LogCompactedEvent;
  /** The LogDB has given back the space of a log's removed entries. */
  logDBCompacted: LogCompactedEvent;
  /** A replica stopped itself: its state machine threw, or an invariant broke. `nodeUnloaded` follows. */
  replicaFailed: ReplicaFailedEvent;
  /**
   * A recorded snapshot proved damaged when it was read: at the start of the replica, which goes on with an older one
   * and its log, or when it was to be sent or exported, for which another one is taken in its place. The disk is
   * suspect.
   */
  snapshotDamaged: SnapshotDamagedEvent;
  /**
   * Another replica that takes itself for a member of the group differs in what must be equal on all members. Which of
   * the two is wrong is another matter: see `replicaRefused`.
   */
  groupMismatch: GroupMismatchEvent;
  /** This replica is the one that differs: it takes no writes and serves no linearizable reads. */
  replicaRefused: ReplicaRefusedEvent;
  /**
   * Replicas that had applied the same entries differ. `wrong` has those that are not as most voting members are; empty:
   * no majority is known. One that is wrong serves no linearizable reads.
   */
  stateDiverged: StateDivergedEvent;
  /**
   * A call of the LogDB or of a state machine, or a snapshot, takes longer than a second: once when it does, each time
   * that it has taken twice as long (or five minutes more), and when it has ended. A hundred in ten seconds at most.
   */
  slowOperation: SlowOperationEvent;
  /**
   * The LogDB failed, or its folder was taken away, and with it every replica of the host. Nothing is tried again, since
   * what a failed write has left on the disk is unknown.
   */
  logDBFailed: LogDBFailedEvent;
  /**
   * Something else than a write of the LogDB met a disk that does not work, or a process without descriptors: a snapshot
   * is taken or sent again later, and the host goes on. Once for the data directory as long as it lasts, once for each
   * snapshot.
   */
  storageProblem: StorageProblemEvent;
  /**
   * The time of day has jumped by more than two seconds: it was set, or the machine has slept. Nothing in Raft or on the
   * disk goes by it. The validity of certificates does, and times in logs do: look after the machine's time server.
   */
  clockJumped: ClockJumpedEvent;
  /** A connection to another host is there. */
  connectionEstablished: ConnectionEvent;
  /**
   * A connection broke, or could not be made; of further attempts that fail, one that fails for another reason than those
   * before.
   */
  connectionFailed: ConnectionFailedEvent;
  /**
   * The checksum of a batch of messages, of a chunk of a snapshot, or of an entry did not match when it came in: nothing
   * was taken from it.
   */
  messageDamaged: MessageDamagedEvent;
  /**
   * The host runs without mutual TLS at an address that other machines can reach, so anyone who reaches it can do
   * everything. Once, at its start; `allowPlaintext: true` says that this is meant.
   */
  plaintext: PlaintextEvent;
  /**
   * Others than the user that runs the host can get at its data or its key. Once for each folder, at the start; the
   * key is looked at every hour, too, and when files are read again.
   * Take their access away, by `chmod`.
   */
  filesExposed: FilesExposedEvent;
  /**
   * The data directory is on a file system that other machines may have, too: its lock does not keep off a host that
   * is started on another machine with the same data. Once for each folder, at the start; `allowNetworkFileSystem: true`
   * says that this is known.
   */
  networkFileSystem: NetworkFileSystemEvent;
  /**
   * A certificate of this host, or of its CA, expires within 30 days; again within 7, within one, and when it has expired.
   * Replace the file: no restart is needed.
   */
  certificateExpires: CertificateExpiresEvent;
  /** `NodeHost.stop` was called. */
  nodeHostShuttingDown: Record<never, never>;
}

/**
 * Hears what happens on a host; every method is optional. Called outside the engine's work, in the order in which
 * things happened, so it may call the host. What it throws, or rejects with, is logged and has no other effect. A
 * promise that it returns is not waited for. While it runs nothing else does, for all is one thread; the host has its
 * turn again after every few milliseconds of it, however many events wait.
 */
export type HostListener = {
  readonly [Name in keyof HostEvents]?: (event: HostEvents[Name]) => void | Promise<void>;
};
