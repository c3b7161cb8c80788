import {
  type ConfigChange,
  type Entry,
  type GroupSettings,
  type Membership,
  type Message,
  MessageType,
  type Snapshot,
  type Uint64,
  entriesSizeBytes,
  entrySizeBytes,
  makeMessage,
} from '@drakkar/raftio';
import type { ReplicaChecks } from '../agreement/replica-checks.js';
import {
  type CoreReport,
  type IRaft,
  type LogReadRequest,
  type MemoryAccount,
  type RaftUpdate,
  type SnapshotStreamReport,
  NO_ROOM_HINT,
  nameOf,
} from '../raft/index.js';
import type { PendingConfigChange } from '../requests/pending-config-change.js';
import type { PendingProposals } from '../requests/pending-proposals.js';
import type { PendingReads } from '../requests/pending-reads.js';
import type { RequestState } from '../requests/request-state.js';
import type { EntryPayloads, ReplicatedStateMachine, RsmListener } from '../rsm/index.js';
import { allSettled } from '../runtime/all-settled.js';
import type { IClock } from '../runtime/clock.js';
import type { LogDisk } from '../fs/log-disk.js';
import { messageSizeBytes } from '../runtime/message-size.js';
import type { Operations } from '../runtime/operations.js';
import { Answers, hasAnswers } from './answers.js';
import { ApplyQueue } from './apply-queue.js';
import type { ISnapshotter } from './snapshotter-contract.js';
import type { RejectedMessages } from './rejected-messages.js';

export interface ReplicaLimits {
  proposalQueueBytes: number;
  receiveQueueBytes: number;
  /** Proposals that have not ended, wherever. */
  proposalCount: number;
  /** Reads that wait, wherever. */
  readQueueLength: number;
}

/** What a replica tells the engine. */
export interface ReplicaHost {
  /** Ticks of the host so far. */
  readonly nowTick: number;
  /** The disk of the LogDB. */
  readonly disk: LogDisk;
  /** It has work for the next cycle. */
  setReady(replica: Replica): void;
  membershipChanged(replica: Replica, membership: Membership): void;
  leaderChanged(replica: Replica, leaderID: number, term: number): void;
  reported(replica: Replica, report: CoreReport): void;
  /** Its group has reached a feature level. */
  levelRaised(replica: Replica, level: number): void;
  /** Settings of its group were changed by an entry. */
  settingsChanged(replica: Replica, settings: GroupSettings): void;
  /** It leads, and sends a member nothing, whose host does not announce the group's feature level. */
  memberOutdated(replica: Replica, memberID: number): void;
  /** Its log must not grow any more, or may again. */
  logStuck(replica: Replica, isStuck: boolean): void;
  /** It can't go on: an invariant or its state machine failed. */
  failed(replica: Replica, error: unknown): void;
  /** A write of the LogDB failed that the engine did not ask for. */
  logDBFailed(error: unknown): void;
}

export interface ReplicaOptions {
  clusterID: number;
  nodeID: number;
  limits: ReplicaLimits;
  proposals: PendingProposals;
  reads: PendingReads;
  configChange: PendingConfigChange;
  payloads: EntryPayloads;
  rejected: RejectedMessages;
  operations: Operations;
  clock: IClock;
  /** Its part of what the host's replicas may hold in memory. */
  memory: MemoryAccount;
  isForDragonboat?: boolean;
}

const NO_MESSAGES: readonly Message[] = [];

/**
 * One node of one group: its core, its state machine, its waiting requests, and the inputs that gather between two
 * cycles of the engine. Decides nothing of Raft; moves things between the rooms.
 */
export class Replica implements RsmListener {
  readonly clusterID: number;
  readonly nodeID: number;
  readonly proposals: PendingProposals;
  readonly reads: PendingReads;
  readonly configChange: PendingConfigChange;
  readonly payloads: EntryPayloads;
  /** Hosts of Dragonboat v2.1.7 may be members of the group. */
  readonly isForDragonboat: boolean;
  /** Messages of others that were dropped because they can't be true. */
  readonly rejected: RejectedMessages;
  /** The engine's mark that this replica is in the next cycle. */
  isReady = false;
  /** Updates handed over and not yet durable; messages that follow them must not overtake. */
  unsavedUpdates = 0;
  stopped = false;
  /** Compares with the other members what must be equal on all of them. Set once, before anything else. */
  checks: ReplicaChecks | undefined = undefined;
  /** No request is taken any more, though the core may go on for a while: it hands over, or it was removed. */
  closing = false;
  /** The group has removed this node: it can never be a member again. */
  removed = false;
  /** Why it can't go on, when it can't. */
  failure: { error: unknown } | undefined = undefined;
  leader = { leaderID: 0, term: 0 };
  readonly #answers: Answers;
  readonly #limits: ReplicaLimits;
  readonly #operations: Operations;
  readonly #clock: IClock;
  readonly #memory: MemoryAccount;
  readonly #host: ReplicaHost;
  #raft: IRaft | undefined;
  #rsm: ReplicatedStateMachine | undefined;
  #ownMessages: Message[] = [];
  #inbox: Message[] = [];
  #inboxBytes = 0;
  #proposed: Entry[] = [];
  #proposedBytes = 0;
  #tickDue = false;
  #isLogStuck = false;
  #transferTarget = 0;
  /** Of the leader's message that is arriving; 0: none is. */
  #arrivingTerm = 0;
  /** Term of the newest message that did not get there, by node. */
  readonly #unreachable = new Map<number, number>();
  #streamReports: SnapshotStreamReport[] = [];
  #reachable = new Set<number>();
  /** Received snapshots, by index: queued for the core; then given to it, and not asked for yet. */
  #arriving: number[] = [];
  #offered: number[] = [];
  #logReads: { request: LogReadRequest; entries: Entry[] }[] = [];
  #snapshotter: ISnapshotter | undefined;
  /** Of received snapshots on their way to the disk: what says that their record is there, and who waits for that. */
  readonly #recordings = new Map<Snapshot, () => void>();
  readonly #recorded = new Map<Snapshot, Promise<void>>();
  readonly #applyQueue = new ApplyQueue({
    apply: (entries) => (this.checks ?? this.rsm).apply(entries),
    recover: (snapshot) => this.#recover(snapshot),
    done: (index) => this.#applied(index),
    failed: (error) => this.#host.failed(this, error),
  });

  constructor(options: ReplicaOptions, host: ReplicaHost) {
    this.clusterID = options.clusterID;
    this.nodeID = options.nodeID;
    this.proposals = options.proposals;
    this.reads = options.reads;
    this.configChange = options.configChange;
    this.payloads = options.payloads;
    this.isForDragonboat = options.isForDragonboat === true;
    this.rejected = options.rejected;
    this.#answers = new Answers(options);
    this.#limits = options.limits;
    this.#operations = options.operations;
    this.#clock = options.clock;
    this.#memory = options.memory;
    this.#host = host;
  }

  /** Gives the replica the parts that were made from what is on its disk. Called once, before anything else. */
  attach(raft: IRaft, rsm: ReplicatedStateMachine, snapshotter: ISnapshotter): void {
    this.#raft = raft;
    this.#rsm = rsm;
    this.#snapshotter = snapshotter;
  }

  get raft(): IRaft {
    if (this.#raft === undefined) throw new Error('the replica is not started');
    return this.#raft;
  }

  get rsm(): ReplicatedStateMachine {
    if (this.#rsm === undefined) throw new Error('the replica is not started');
    return this.#rsm;
  }

  get snapshotter(): ISnapshotter {
    if (this.#snapshotter === undefined) throw new Error('the replica is not started');
    return this.#snapshotter;
  }

  /** As the host counts. */
  get nowTick(): number {
    return this.#host.nowTick;
  }

  /** By the host's clock; deadlines of requests are told by it, since ticks may be late. */
  get nowMs(): number {
    return this.#clock.nowMs();
  }

  /**
   * Whether time means nothing to it: its group sleeps, no request waits, and its log may grow. Whatever wakes it makes
   * it ready; a proposal that is refused for its log would not.
   */
  get isIdle(): boolean {
    const waiting = this.proposals.size > 0 || this.reads.size > 0 || this.configChange.isPending;
    return !this.isReady && !waiting && !this.#isLogStuck && this.raft.isQuiesced;
  }

  /** Whether a proposal of that size has room: in the queue, in the core's log, and among those that have not ended. */
  admits(payloadBytes: number): boolean {
    if (this.raft.isBusy || this.proposals.size >= this.#limits.proposalCount) return false;
    if (this.#proposedBytes === 0) return true;
    return this.#proposedBytes + payloadBytes <= this.#limits.proposalQueueBytes && !this.#memory.isFull;
  }

  /** Queues an entry for the next cycle. */
  propose(entry: Entry): void {
    const sizeBytes = entrySizeBytes(entry);
    this.#proposed.push(entry);
    this.#proposedBytes += sizeBytes;
    this.#memory.pin(sizeBytes);
    this.#host.setReady(this);
  }

  /** Whether another read has room. */
  get admitsRead(): boolean {
    return this.reads.size < this.#limits.readQueueLength;
  }

  /** Asks for a linearizable read; it ends when the state machine may be looked at. */
  read(deadlineMs: number): RequestState {
    const request = this.reads.add(deadlineMs);
    this.#host.setReady(this);
    return request;
  }

  /** Asks the leader, which may be this replica, to hand over to `target`. */
  transferLeader(target: number): void {
    this.#transferTarget = target;
    this.#host.setReady(this);
  }

  /**
   * Queues a message; dropped when the queue is full, as a network may, when it would put garbage into the log, or when
   * its sender is of another group or applies entries in another way.
   *
   * @param source raft address of the host that sent it
   */
  receive(message: Message, source = ''): void {
    if (this.checks?.admits(message, source) === false) return;
    const sizeBytes = messageSizeBytes(message);
    if (this.#inboxBytes > 0 && this.#isInboxFull(message, sizeBytes)) {
      if (message.type === MessageType.Propose) this.#refuse(message);
      return;
    }
    if (message.type === MessageType.Propose && !this.#canApply(message.entries)) {
      this.rejected.add('unreadableCommand', message);
      return;
    }
    this.#inbox.push(message);
    this.#inboxBytes += sizeBytes;
    this.#memory.pin(sizeBytes);
    this.#host.setReady(this);
  }

  /** Where the host is short of memory, what is small and holds no entries has room all the same. */
  #isInboxFull({ entries }: Message, sizeBytes: number): boolean {
    if (this.#inboxBytes + sizeBytes > this.#limits.receiveQueueBytes) return true;
    return entries.length > 0 && this.#memory.isFull;
  }

  /** More of a message of that leader has arrived, and not yet all of it. Nothing of it was checked. */
  arriving(nodeID: number, term: number): void {
    if (nodeID !== this.raft.leaderID) return;
    this.#arrivingTerm = term;
    this.#host.setReady(this);
  }

  /** There is no room for what a member forwarded: it hears of that at once, and does not wait in vain. */
  #refuse({ clusterID, from: to, entries }: Message): void {
    const type = MessageType.ProposalDropped;
    const names = entries.map((entry) => nameOf(entry));
    const hint = NO_ROOM_HINT;
    this.sendOwn(makeMessage({ type, clusterID, from: this.nodeID, to, entries: names, hint }));
  }

  #canApply(entries: readonly Entry[]): boolean {
    return entries.every((entry) => this.payloads.isSound(entry));
  }

  /** Sends a message beside those of the core. */
  sendOwn(message: Message): void {
    this.checks?.stamp(message);
    this.#ownMessages.push(message);
    this.#host.setReady(this);
  }

  takeOwnMessages(): readonly Message[] {
    if (this.#ownMessages.length === 0) return NO_MESSAGES;
    const messages = this.#ownMessages;
    this.#ownMessages = [];
    return messages;
  }

  /** A snapshot whose data is here. @param index of what to give up should the core have no use for it */
  receiveSnapshot(message: Message, index: number | undefined): void {
    this.#inbox.push(message);
    if (index !== undefined) this.#arriving.push(index);
    this.#host.setReady(this);
  }

  /** A snapshot stream that the core asked for has ended. */
  streamEnded(report: SnapshotStreamReport): void {
    this.#streamReports.push(report);
    this.#host.setReady(this);
  }

  /** Proposals on their way to the leader that have certainly not got there. */
  undelivered(entries: readonly Entry[]): void {
    for (const entry of entries) this.#answers.dropped(entry);
  }

  /** A message of `term` to that node was lost, and no other connection has taken the place of the one it was for. */
  unreachable(nodeID: number, term: number): void {
    this.#unreachable.set(nodeID, Math.max(term, this.#unreachable.get(nodeID) ?? 0));
    this.#host.setReady(this);
  }

  /** There may be a way to that node, which the core looks for. */
  reachable(nodeID: number): void {
    this.#reachable.add(nodeID);
    this.#host.setReady(this);
  }

  logRead(request: LogReadRequest, entries: Entry[]): void {
    this.#logReads.push({ request, entries });
    this.#host.setReady(this);
  }

  /** Time passes: overdue requests end, and the core ticks in the next cycle. Late ticks do not pile up. */
  tick(nowMs: number): void {
    this.proposals.expire(nowMs);
    this.reads.expire(nowMs);
    this.configChange.expire(nowMs);
    this.checks?.tick();
    // An idle group costs nothing; whatever wakes it makes it ready. Only time shows that there is room for its log.
    if (this.raft.isQuiesced && !this.#isLogStuck) return;
    this.#tickDue = true;
    this.#host.setReady(this);
  }

  /** Gives the core everything that has gathered. */
  stepInputs(): void {
    const raft = this.raft;
    const inbox = this.#inbox;
    this.#inbox = [];
    this.#memory.unpin(this.#inboxBytes);
    this.#inboxBytes = 0;
    for (const index of this.#offered) this.snapshotter.discard(index); // the core had its turn to ask for it
    this.#offered = this.#arriving;
    this.#arriving = [];
    for (const message of inbox) {
      const fault = raft.step(message);
      if (fault !== undefined) this.rejected.add(fault, message);
    }
    for (const report of this.#streamReports) raft.reportSnapshotStatus(report);
    this.#streamReports = [];
    for (const { request, entries } of this.#logReads) raft.stepLogRead(request, entries);
    this.#logReads = [];
    if (this.#arrivingTerm > 0) raft.reportArrival(this.#arrivingTerm);
    this.#arrivingTerm = 0;
    for (const [nodeID, term] of this.#unreachable) raft.reportUnreachable(nodeID, term);
    this.#unreachable.clear();
    for (const nodeID of this.#reachable) raft.reportReachable(nodeID);
    this.#reachable.clear();
    if (this.#tickDue) {
      this.#tickDue = false;
      raft.applying(this.rsm.lastApplied);
      raft.setUnfit(this.checks?.states.isWrong === true);
      this.#lookAtDisk();
      raft.tick();
    }
    if (this.#proposed.length > 0) {
      const proposed = this.#proposed;
      this.#proposed = [];
      this.#memory.unpin(this.#proposedBytes);
      this.#proposedBytes = 0;
      raft.propose(proposed);
    }
    if (this.#transferTarget !== 0) {
      raft.requestLeaderTransfer(this.#transferTarget);
      this.#transferTarget = 0;
    }
    const context = this.reads.takeContext();
    if (context !== undefined) raft.readIndex(context);
    this.snapshotter.resumeCompaction();
  }

  /** A log that can't be compacted must not fill the disk: that would be the end of every group of this host. */
  #lookAtDisk(): void {
    const { level } = this.#host.disk;
    const isStuck = level !== 'ample' && this.snapshotter.isLogStuck(level);
    this.snapshotter.tick();
    if (isStuck === this.#isLogStuck) return;
    this.#isLogStuck = isStuck;
    this.raft.setLogStuck(isStuck);
    this.#host.logStuck(this, isStuck);
  }

  /** Deals with the part of an update that concerns this host: answers, and entries to apply. */
  process(update: RaftUpdate): void {
    if (update.leader !== undefined) {
      this.leader = update.leader;
      this.#host.leaderChanged(this, update.leader.leaderID, update.leader.term);
    }
    if (update.reports.length > 0) for (const report of update.reports) this.#host.reported(this, report);
    if (update.outdatedMembers.length > 0)
      for (const memberID of update.outdatedMembers) this.#host.memberOutdated(this, memberID);
    if (hasAnswers(update)) this.#answers.give(update, this.rsm.lastApplied);
    if (update.snapshot !== undefined) this.#take(update.snapshot);
    const { entriesToApply } = update;
    if (entriesToApply.length === 0) return;
    const last = entriesToApply[entriesToApply.length - 1] as Entry;
    this.snapshotter.handedOut(last.index, entriesSizeBytes(entriesToApply));
    const startedMs = this.#clock.nowMs();
    this.#applyQueue.entries(entriesToApply);
    this.#operations.blocked("state machine's update", this.clusterID, startedMs);
  }

  /** The core has asked for a snapshot that was offered to it. Only one that is recorded may replace the state. */
  #take(snapshot: Snapshot): void {
    const position = this.#offered.indexOf(snapshot.index);
    if (position >= 0) this.#offered.splice(position, 1);
    const recorded = new Promise<void>((resolve) => this.#recordings.set(snapshot, resolve));
    this.#recorded.set(snapshot, recorded);
    this.#applyQueue.snapshot(snapshot);
  }

  /** An update is durable. */
  saved(update: RaftUpdate): void {
    this.raft.saved(update);
    if (update.snapshot === undefined) return;
    this.#recordings.get(update.snapshot)?.();
    this.#recordings.delete(update.snapshot);
  }

  onApplied(entry: Entry, value: Uint64, rejected: boolean): void {
    this.proposals.applied(entry, value, rejected);
  }

  onConfigChangeApplied(
    entry: Entry,
    _change: ConfigChange,
    accepted: boolean,
    membership: Membership,
    refusal: string | undefined,
  ): void {
    if (membership.removed.has(this.nodeID)) this.removed = true;
    const why = accepted ? undefined : (refusal ?? 'the change does not fit the membership');
    this.configChange.applied(entry, why);
    // Replaying the log, the core is made from the outcome; and once stopped, nobody asks it any more.
    if (this.#raft === undefined || this.stopped) return;
    if (accepted) {
      this.#raft.applyConfigChange(membership);
      this.#host.membershipChanged(this, membership);
    } else {
      this.#raft.rejectConfigChange();
    }
    this.#host.setReady(this);
  }

  onLevelApplied(_entry: Entry, level: number): void {
    // Replaying the log, the core is made from the outcome; and once stopped, nobody asks it any more.
    if (this.#raft === undefined || this.stopped) return;
    this.#raft.rejectConfigChange();
    this.#raft.setLevel(level);
    this.#host.levelRaised(this, level);
    this.checks?.compareConfiguration();
    this.#host.setReady(this);
  }

  onSettingsApplied(entry: Entry, settings: GroupSettings, refusal: string | undefined): void {
    this.configChange.applied(entry, refusal);
    if (this.#raft === undefined || this.stopped) return;
    this.#raft.rejectConfigChange();
    if (refusal === undefined) this.#host.settingsChanged(this, settings);
    this.#host.setReady(this);
  }

  onConfigChangeRefused(entry: Entry): void {
    this.#answers.refused(entry);
  }

  /** Takes no more requests and ends those that wait; the core goes on. */
  close(): void {
    this.closing = true;
    const cause = this.failure?.error;
    this.proposals.terminate(cause);
    this.reads.terminate(cause);
    this.configChange.terminate(cause);
  }

  /** Ends every waiting request and closes the state machine, after the entry that it is at. Idempotent. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.close();
    for (const end of this.#recordings.values()) end();
    this.#recordings.clear();
    this.#memory.close();
    await allSettled([
      Promise.resolve(this.#snapshotter?.stop()),
      Promise.resolve(this.#rsm?.close()),
      this.#applyQueue.stop(),
    ]);
  }

  /** Why a proposal has no room. */
  get busyReason(): string {
    if (this.#isLogStuck) {
      return (
        `its log can't be compacted and must not fill the disk, ${this.#host.disk.description}: ` +
        'make room (settings.diskReserveBytes), or take a snapshot'
      );
    }
    return this.#memory.isFull
      ? 'the entries in memory of all groups of this host take more than settings.maxHostMemoryBytes allows, and those ' +
          'of this group more than its share: try again later'
      : 'too many proposals wait, try again later';
  }

  /** A snapshot of this replica is recorded: from now on it may be sent to followers. */
  snapshotCreated(snapshot: Snapshot): void {
    this.raft.snapshotCreated(snapshot);
    if (this.raft.hasUpdate()) this.#host.setReady(this);
  }

  /** A record of this replica could not be saved: the LogDB takes nothing more, though no entry may be due. */
  recordFailed(error: unknown): void {
    if (!this.stopped) this.#host.logDBFailed(error);
  }

  /** Entries up to `index` are about to be removed from the LogDB. */
  compacted(index: number): void {
    this.raft.compacted(index);
  }

  async #recover(snapshot: Snapshot): Promise<void> {
    await this.#recorded.get(snapshot);
    this.#recorded.delete(snapshot);
    if (this.stopped) return;
    await this.snapshotter.recover(snapshot);
    if (snapshot.membership.removed.has(this.nodeID)) this.removed = true;
    this.raft.setLevel(this.rsm.level);
    this.checks?.settingsKnown();
    this.#host.membershipChanged(this, snapshot.membership);
  }

  #applied(index: number): void {
    if (this.stopped) return;
    this.raft.applied(index);
    this.reads.applied(index);
    this.snapshotter.applied(index);
    this.snapshotter.resumeCompaction();
    if (this.raft.hasUpdate()) this.#host.setReady(this);
  }
}
