import type {
  Entry,
  GroupSettings,
  LostLog,
  Membership,
  Message,
  Snapshot,
  State,
  Uint64,
} from '@drakkar/raftio';
import type { MemoryAccount } from './memory.js';
import type { SnapshotStreamReport } from './snapshot-streams.js';

/** Why the leader refuses a change; the numbers are those of the reason. */
export interface ChangeRefusal {
  kind: 'quorumAtRisk' | 'observerBehind' | 'notAMember' | 'hostOutdated';
  /** Voters heard from lately after the change; last index that the observer has; the node id; the host's level. */
  value: number;
  /** Voters that it takes; index that is committed; 0; the group's level. */
  limit: number;
}

/** Why a message was dropped. The names appear in the host's info and in its log. */
export type ClaimFault =
  /** No message type that goes between replicas. */
  | 'unknownType'
  /** Of no member, and nothing that a member added later would send now. */
  | 'unlistedSender'
  /** From a leader of a term that has another one. */
  | 'secondLeader'
  /** A term that the group can't have reached; see term-bound.ts. */
  | 'termOutOfReach'
  /** A log whose last entry is of a later term than the candidate. */
  | 'impossibleLog'
  /** Entries that are no piece of a log, or of a type that this release does not know. */
  | 'malformedEntries'
  /** A membership change that does not decode. */
  | 'undecodableChange'
  /** A proposal to raise the feature level, which only a leader makes, by itself. */
  | 'forwardedLevel'
  /** Other entries in place of committed ones. */
  | 'contradictsCommitted'
  /** A commit index that this replica acknowledged, it is said, and does not have. */
  | 'lostEntries'
  /** Acknowledges entries that were never sent. */
  | 'unsentAcknowledged'
  /** An answer from a replica that was not asked. */
  | 'unaskedAnswer'
  /** A snapshot that can't be one of this group's history. */
  | 'unfitSnapshot';

/** Where the core's randomness comes from; seeded, so that the same inputs give the same outputs. */
export interface RandomSource {
  /** A uniformly chosen integer from 0 to `bound` - 1. */
  nextInt(bound: number): number;
}

/** What a replica's core is told once, at its start. Durations are in ticks, sizes in bytes. */
export interface RaftConfig {
  clusterID: number;
  nodeID: number;
  /** ElectionRTT: a follower that heard nothing for a random time between this and twice this campaigns. */
  electionTimeoutTicks: number;
  /** HeartbeatRTT. */
  heartbeatTicks: number;
  checkQuorum: boolean;
  preVote: boolean;
  quiesce: boolean;
  isObserver: boolean;
  /** Cap of the in-memory log; above it proposals are refused as busy. Entries not yet applied always stay. */
  maxInMemLogBytes: number;
  /** What the host's replicas may hold in memory together, and this one's part of it. Without it there is no such bound. */
  memory?: MemoryAccount;
  /** Payload of one Replicate message. */
  maxReplicateBytes: number;
  /** Flow-control window for one remote, in bytes and in Replicate messages on their way. */
  maxInflightBytes: number;
  maxInflightMessages: number;
  random: RandomSource;
  /**
   * What the host of another replica has announced that it knows (`Feature` of raftio), as of this turn; 0: nothing, or
   * not heard yet. It may be forgotten and heard again at any time. Without it nothing is known.
   */
  featuresOf?: (nodeID: number) => number;
  /** The same of the host at an address, which need not be a member's yet; `undefined`: not heard. */
  hostFeaturesOf?: (address: string) => number | undefined;
  /** Whether another replica's messages never get here, since its group or its settings differ. Without it none's do. */
  isRefused?: (nodeID: number) => boolean;
  /**
   * By which settings entries are applied here as of this turn; they become the group's with feature level 1. Without
   * it this replica raises no level.
   */
  settings?: () => GroupSettings;
  /** Hosts of Dragonboat v2.1.7 may be members: membership changes that they can't apply get into no log. */
  isForDragonboat?: boolean;
}

/** From `index` on, up to the next run, stored entries have `term`. */
export interface TermRun {
  index: number;
  term: number;
}

/** What the engine found on disk for a replica. All of it is durable. */
export interface RaftInit {
  state: State;
  /** Newest snapshot; index 0 and term 0 when there is none. Its entry is the one before the log's first. */
  snapshotIndex: number;
  snapshotTerm: number;
  /** First and last index of the stored log; empty: lastIndex = firstIndex - 1. firstIndex <= snapshotIndex + 1. */
  firstIndex: number;
  lastIndex: number;
  /** Runs covering the stored log, ascending, the first starting at firstIndex (or at snapshotIndex). */
  termRuns: TermRun[];
  /** The last entries of the log, consecutive up to lastIndex, with at least every entry above `applied`. */
  tail: Entry[];
  /** Index up to which entries have been applied; at most `state.commit`, at least `snapshotIndex`. */
  applied: number;
  /** Membership as of `applied`. */
  membership: Membership;
  /** The group's feature level as of `applied`. Default: 0. */
  level?: number;
  /** What an earlier core of this replica was found to have lost. */
  lost?: LostLog | undefined;
}

/** A config change, and why the leader refused it. */
export interface RefusedChange {
  entry: Entry;
  refusal: ChangeRefusal;
}

/** Names a ReadIndex request; never reused on its host. */
export interface ReadContext {
  low: Uint64;
  high: Uint64;
}

/** The read named by `context` may be served once the state machine has applied `index`. */
export interface ReadyRead {
  context: ReadContext;
  index: number;
}

/** Entries [low, high) that a slow follower needs and memory no longer holds; answer with `stepLogRead`. */
export interface LogReadRequest {
  /** Remote that the entries are for; pass it back. */
  nodeID: number;
  low: number;
  high: number;
  maxSizeBytes: number;
}

/** Why a leader left office by itself. */
/** `noProgress`: a quorum answers, and for long none of it has taken another entry. */
export type StepDownReason =
  'diskStalled' | 'stateMachineStalled' | 'noQuorum' | 'noProgress' | 'stateDiverged';

/** What an operator should hear of. */
export type CoreReport =
  | { type: 'steppedDown'; term: number; reason: StepDownReason }
  /** Entries up to `commit` are committed, and for long none above `applied` has been applied. Once for each stall. */
  | { type: 'stateMachineStalled'; applied: number; commit: number }
  /** The group has removed this replica while it was away, as these members say. Once: it must end. */
  | { type: 'removed'; saidBy: readonly number[] };

/** Everything that the core wants done, since the last `getUpdate`. Order of duties: docs/architecture.md. */
export interface RaftUpdate {
  clusterID: number;
  nodeID: number;
  /** To be made durable, when it has changed and is worth a write; a lone commit index waits for company. */
  state: State | undefined;
  entriesToSave: Entry[];
  /**
   * A snapshot received from the leader: to be made durable with the rest, then given to the state machine. Entries
   * to apply that follow it are above its index.
   */
  snapshot: Snapshot | undefined;
  /** Whether the three above hold anything; then `saved` must be called when, and only when, it is durable. */
  mustSave: boolean;
  /**
   * May be sent at once, before the save (thesis 10.2.1). An InstallSnapshot among them asks for a stream that brings
   * its snapshot to the receiver; `hint` names the stream in the report of its end. A later one to the same receiver
   * means that the earlier stream is of no use any more.
   */
  messages: Message[];
  /** May be sent only when this update, and every earlier one, is durable. */
  messagesAfterSave: Message[];
  /** Committed and durable here; consecutive, each given exactly once. */
  entriesToApply: Entry[];
  readyReads: ReadyRead[];
  /** Reads that can't be answered now (no leader, no quorum that confirms it, too many): a retry is safe. */
  droppedReads: ReadContext[];
  /** Proposals that were not appended anywhere (no leader, transfer under way): a retry is safe. */
  droppedProposals: Entry[];
  /** The same, since the log of the leader is full: a retry is safe, and may meet the same after a moment. */
  proposalsWithoutRoom: Entry[];
  /** Config changes refused because one is under way or the leader has committed nothing in its term. */
  rejectedConfigChanges: Entry[];
  /** Members that get nothing, since their hosts announce a lower feature level than the group has; each told once. */
  outdatedMembers: number[];
  /** Config changes made here that this leader refuses permanently; see change-guard.ts. */
  refusedConfigChanges: RefusedChange[];
  logReads: LogReadRequest[];
  reports: CoreReport[];
  /** Leader and term as they are now, when either has changed; leaderID 0 = unknown. */
  leader: { leaderID: number; term: number } | undefined;
}

export type Role = 'leader' | 'follower' | 'candidate' | 'preCandidate' | 'observer';

/** How a remote is being replicated to (thesis 10.2.1 pipelining; etcd calls it progress). */
export type RemoteStatus = 'probe' | 'replicate' | 'snapshot';

/** A look into the core, for tests, inspection and metrics; never for decisions of the engine. */
export interface RaftStatus {
  role: Role;
  term: number;
  vote: number;
  leaderID: number;
  commit: number;
  applied: number;
  stable: number;
  firstIndex: number;
  lastIndex: number;
  inMemBytes: number;
  quiesced: boolean;
  leaderTransferTarget: number;
  level: number;
  membership: Membership;
  remotes: ReadonlyMap<
    number,
    { status: RemoteStatus; match: number; next: number; active: boolean; inflightBytes: number }
  >;
}

/**
 * The core of one replica. Synchronous and deterministic: no clock, no random source of its own, no I/O, no promise.
 * Everything it wants done comes out of `getUpdate`; several updates may be on their way to the disk at once.
 *
 * A violated invariant throws `RaftInvariantError`: the caller stops this replica.
 */
export interface IRaft {
  /** Counts one tick of the host's clock. */
  tick(): void;
  /**
   * A message from another replica. Of a removed node, of a lower term, for somebody else: ignored. One that claims
   * what can't be true is dropped and never throws; the reason is returned, to be counted.
   */
  step(message: Message): ClaimFault | undefined;
  /** Appends on the leader, forwards on others (thesis 6.2); refused ones come out as droppedProposals or proposalsWithoutRoom. */
  propose(entries: Entry[]): void;
  /** One ConfigChangeEntry, `cmd` = encoded ConfigChange. Among the entries of `propose` it is treated the same. */
  proposeConfigChange(entry: Entry): void;
  /** Asks for a linearizable read (thesis 6.4); answered in readyReads or droppedReads, or lost with its messages. */
  readIndex(context: ReadContext): void;
  requestLeaderTransfer(target: number): void;
  /**
   * Called once for each ConfigChangeEntry that came out as entriesToApply, in order, when it was applied, and before
   * `applied` with its index. One that a snapshot has overtaken may be left out, when `applied` goes past it at once.
   */
  applyConfigChange(membership: Membership): void;
  /** Instead of applyConfigChange, when the membership stays as it is: it was refused, or changes something else. */
  rejectConfigChange(): void;
  /** The group's feature level, when an entry has raised it, or when a snapshot was put in place of the state. */
  setLevel(level: number): void;

  /** Whether the replica's state is known not to be that of most members: then it leads only if nobody else can. */
  setUnfit(isUnfit: boolean): void;
  /** Whether the log must not grow: its disk is all but full, and it can't be compacted. What a new leader needs it takes. */
  setLogStuck(isStuck: boolean): void;
  /**
   * More has come of a message of that term from who is known as the leader, which is not whole yet: a sign of life, for a
   * few election timeouts at most.
   */
  reportArrival(term: number): void;

  /**
   * The transport lost the way to that node, and with it a message of `term`. Not to be called for a message of a
   * connection that was replaced meanwhile: what went by the new one is not lost.
   */
  reportUnreachable(nodeID: number, term: number): void;
  /** There may be a way to that node, one of `membersToSeek`: it is sent a sign of life, or asked for one. */
  reportReachable(nodeID: number): void;
  /** A snapshot stream that an InstallSnapshot message asked for has ended; called once for each of them. */
  reportSnapshotStatus(report: SnapshotStreamReport): void;
  /** Answer to a LogReadRequest: entries from `low`, or none when they are compacted away by now. */
  stepLogRead(request: LogReadRequest, entries: Entry[]): void;
  hasUpdate(): boolean;
  getUpdate(): RaftUpdate;
  /** The update, and each earlier one, is durable. Called in the order of getUpdate. */
  saved(update: RaftUpdate): void;
  /** The state machine has got to `index` in the midst of what it was given: it is slow, and does not hang. */
  applying(index: number): void;
  /** The state machine has applied up to `index`, or was replaced by the snapshot at `index`. */
  applied(index: number): void;
  /**
   * A snapshot of this replica at `snapshot.index` is durable; it may be sent to slow followers. Also to be called at
   * start, for the newest one on disk. One that came out of an update is known when that update is saved; calling
   * this for it again replaces the description.
   */
  snapshotCreated(snapshot: Snapshot): void;
  /** Log entries up to `index` are removed from the LogDB. */
  compacted(index: number): void;
  /** The host holds too much in memory: entries that are durable and applied leave it. */
  shedMemory(): void;
  readonly isLeader: boolean;
  readonly leaderID: number;
  readonly term: number;
  /** Whether the in-memory log is over its cap, or must not grow, so that a proposal would be refused as busy. */
  readonly isBusy: boolean;
  readonly isQuiesced: boolean;
  /**
   * Members that this replica has work with, and does not hear of: those that lack entries while it leads and sleeps,
   * all while it follows nobody. `reportReachable` is to be called for each when its host is heard of, and for those of
   * a replica that sleeps now and then.
   */
  readonly membersToSeek: readonly number[];
  /** As `applied` said last: entries above it must not be removed from the LogDB. */
  readonly appliedIndex: number;
  /**
   * Entries above it are needed by a replica that a snapshot is on its way to, or that catches up after one; infinite
   * when there is none. They may be removed all the same: then it needs another snapshot.
   */
  readonly heldFrom: number;
  /** Raft address of a member that a change in the log adds, which is not applied yet. */
  addressInLog(nodeID: number): string | undefined;
  /**
   * What the leader says again and again that this replica had acknowledged, and that it does not have. It changes with
   * what is said; the host records it, and a core that is made from the record goes on distrusting itself.
   */
  readonly lost: Readonly<LostLog> | undefined;
  status(): RaftStatus;
}

/** Makes the core of a replica. */
export type RaftFactory = (config: RaftConfig, init: RaftInit) => IRaft;

/** Bound by a test or a simulator that wants to look at cores, or to put others in their place; usually unbound. */
export const RaftFactoryID = Symbol.for('@drakkar/framework/RaftFactory');
