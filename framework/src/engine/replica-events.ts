import type { DrakkarError, GroupSettings } from '@drakkar/raftio';
import type { GroupDifference } from '../agreement/group-guard.js';
import type { StateDivergence } from '../agreement/state-comparison.js';
import type { StorageProblem } from '../fs/storage-problem.js';
import type { StepDownReason } from '../raft/index.js';
import type { ClusterMembership } from './cluster-membership.js';

/** Names the replica that an event is about. */
export interface ReplicaEvent {
  clusterID: number;
  nodeID: number;
}

export interface LeaderUpdatedEvent extends ReplicaEvent {
  /** 0 = unknown. */
  leaderID: number;
  term: number;
}

export interface LeaderSteppedDownEvent extends ReplicaEvent {
  /** The term that it led. */
  term: number;
  /** A save or the state machine made no progress, or no quorum was heard. */
  reason: StepDownReason;
}

export interface StateMachineStalledEvent extends ReplicaEvent {
  /** Index of the last applied entry. */
  applied: number;
  /** Index of the last committed entry. */
  commit: number;
}

export interface MembershipChangedEvent extends ReplicaEvent {
  membership: ClusterMembership;
}

export interface LevelRaisedEvent extends ReplicaEvent {
  level: number;
}

export interface MemberOutdatedEvent extends ReplicaEvent {
  /** The outdated member; `nodeID` is the leader. */
  memberID: number;
  /** The group's feature level. */
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
  /** Index of the last entry that the snapshot includes. */
  index: number;
}

export interface SendSnapshotEvent extends SnapshotEvent {
  /** The receiving node; `nodeID` is the sender. */
  to: number;
}

export interface SendSnapshotAbortedEvent extends SendSnapshotEvent {
  /** ErrSnapshotNotSent (with what the other host refused or can't accept), ErrSnapshotStopped or ErrSnapshotCorrupt. */
  error: unknown;
}

export interface SnapshotReceivedEvent extends SnapshotEvent {
  /** The sending node; `nodeID` is the receiver. */
  from: number;
}

export interface LogCompactedEvent extends ReplicaEvent {
  /** Index of the last removed entry. */
  index: number;
}

export interface SnapshotDamagedEvent extends ReplicaEvent {
  /** Of the snapshot. */
  index: number;
  /** Usually ErrSnapshotCorrupt, which names the file and the offset. */
  error: unknown;
}

export interface GroupMismatchEvent extends ReplicaEvent {
  /** The other replica, and in what it differs. */
  difference: GroupDifference;
}

export interface GroupSettingsEvent extends ReplicaEvent {
  /** All current settings. */
  settings: GroupSettings;
}

export interface ConfigurationOverruledEvent extends GroupSettingsEvent {
  /** Those of this host's configuration. */
  configured: GroupSettings;
}

export interface ReplicaRefusedEvent extends ReplicaEvent {
  /** ErrGroupMismatch or ErrEntriesLost; calls to the replica throw it from now on. */
  error: DrakkarError;
}

export interface StateDivergedEvent extends ReplicaEvent, StateDivergence {}

export interface StorageProblemEvent {
  problem: StorageProblem;
  /** What failed: `snapshot`, `snapshot from another host`, `data directory`. */
  operation: string;
  /** Of a snapshot. */
  clusterID: number | undefined;
  nodeID: number | undefined;
  error: unknown;
  /** What to do, as text. */
  advice: string;
}

export interface SnapshotNoSpaceEvent extends ReplicaEvent {
  /** The sending node; 0: the snapshot was to be taken here. */
  from: number;
  index: number;
  /** Has the needed, free and reserved space. */
  error: unknown;
}

/** Events of the replicas of a host. */
export interface ReplicaEvents {
  /** The replica here knows of another leader or term of its group. */
  leaderUpdated: LeaderUpdatedEvent;
  /** The leader here stepped down because it could not do its work. */
  leaderSteppedDown: LeaderSteppedDownEvent;
  /** A state machine applied nothing for five election timeouts despite committed entries. Once per stall. */
  stateMachineStalled: StateMachineStalledEvent;
  /** A replica has replayed its log and accepts requests; its group may still lack a leader. */
  nodeReady: ReplicaEvent;
  /** A replica no longer runs here. */
  nodeUnloaded: NodeUnloadedEvent;
  /** A replica applied a membership change. */
  membershipChanged: MembershipChangedEvent;
  /** A replica applied the entry that raises its group's feature level; a host of 0.1 can no longer run it. */
  levelRaised: LevelRaisedEvent;
  /** A replica applied a change of its group's settings. */
  groupSettingsChanged: GroupSettingsEvent;
  /**
   * A replica's configuration differs from the settings in its group's log, which apply. Once per run of the replica.
   */
  configurationOverruled: ConfigurationOverruledEvent;
  /**
   * The leader here sends a member neither entries nor snapshots, because its host runs an older release that does not
   * announce the group's feature level. Once per term of the leader.
   */
  memberOutdated: MemberOutdatedEvent;
  /** A snapshot stream to another node starts; `sendSnapshotCompleted` or `sendSnapshotAborted` follows. */
  sendSnapshotStarted: SendSnapshotEvent;
  /** The other host has the whole snapshot. */
  sendSnapshotCompleted: SendSnapshotEvent;
  /** The stream ended early; the leader retries while the follower needs it. */
  sendSnapshotAborted: SendSnapshotAbortedEvent;
  /** A snapshot from another node is on this host's disk, complete and verified; the replica may not need it. */
  snapshotReceived: SnapshotReceivedEvent;
  /** A state machine was recovered from a snapshot, at startup or in place of a compacted log. */
  snapshotRecovered: SnapshotEvent;
  /** A replica here took and recorded a snapshot. */
  snapshotCreated: SnapshotEvent;
  /**
   * A snapshot would need disk space reserved for the log, and was refused or aborted; the log grows meanwhile. It is
   * retried after growing pauses.
   */
  snapshotNoSpace: SnapshotNoSpaceEvent;
  /**
   * A replica's log can't be compacted for lack of snapshots, and free space of the LogDB's disk nears the reserve: its
   * host accepts neither proposals nor entries for it, so that the disk does not fill up, which would stop every group
   * there. `logSpaceRegained` follows.
   */
  logNoSpace: ReplicaEvent;
  /** There is space again, or a snapshot was taken: the replica accepts proposals and entries. */
  logSpaceRegained: ReplicaEvent;
  /** A snapshot superseded by newer ones was removed. */
  snapshotCompacted: SnapshotEvent;
  /** The log's entries up to an index were removed. */
  logCompacted: LogCompactedEvent;
  /** The LogDB gave back the space of removed entries. */
  logDBCompacted: LogCompactedEvent;
  /** A replica stopped itself: its state machine threw, or an invariant broke. `nodeUnloaded` follows. */
  replicaFailed: ReplicaFailedEvent;
  /**
   * A recorded snapshot proved damaged when it was read: at startup, where the replica uses an older one and its log, or
   * before sending or exporting, where a new one is taken instead.
   */
  snapshotDamaged: SnapshotDamagedEvent;
  /**
   * Another replica of the group differs in what must be equal on all members. Either may be wrong: see
   * `replicaRefused`. In ten election timeouts at most 32 times of members and 8 times of others.
   */
  groupMismatch: GroupMismatchEvent;
  /** This replica is the one that differs: it accepts no writes and serves no linearizable reads. */
  replicaRefused: ReplicaRefusedEvent;
  /**
   * Replicas with the same applied entries differ. `wrong` lists those unlike most voting members; empty: no majority is
   * known. A wrong replica serves no linearizable reads.
   */
  stateDiverged: StateDivergedEvent;
  /**
   * An operation other than a LogDB write met a failing disk, or a process without descriptors. The host continues, and
   * snapshots are retried. Once while it lasts for the data directory, once for each snapshot.
   */
  storageProblem: StorageProblemEvent;
}
