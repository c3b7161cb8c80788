import {
  type ConfigChange,
  type Entry,
  type Membership,
  type Message,
  type Uint64,
  entrySizeBytes,
} from '@drakkar/raftio';
import type { IRaft, LogReadRequest, RaftUpdate } from '../raft/index.js';
import type { PendingProposals } from '../requests/pending-proposals.js';
import type { PendingReads } from '../requests/pending-reads.js';
import type { RequestState } from '../requests/request-state.js';
import type { ReplicatedStateMachine, RsmListener } from '../rsm/index.js';
import { allSettled } from '../runtime/all-settled.js';
import { messageSizeBytes } from '../transport/peer.js';

export interface ReplicaLimits {
  proposalQueueBytes: number;
  receiveQueueBytes: number;
  /** Reads that wait, wherever. */
  readQueueLength: number;
}

/** What a replica tells the engine. */
export interface ReplicaHost {
  /** It has work for the next cycle. */
  setReady(replica: Replica): void;
  membershipChanged(replica: Replica, membership: Membership): void;
  leaderChanged(replica: Replica, leaderID: number, term: number): void;
  /** It can't go on: an invariant or its state machine failed. */
  failed(replica: Replica, error: unknown): void;
}

export interface ReplicaOptions {
  clusterID: number;
  nodeID: number;
  limits: ReplicaLimits;
  proposals: PendingProposals;
  reads: PendingReads;
}

/**
 * One node of one group: its core, its state machine, its waiting requests, and the inputs that gather between two
 * cycles of the engine. Decides nothing of Raft; moves things between the rooms.
 */
export class Replica implements RsmListener {
  readonly clusterID: number;
  readonly nodeID: number;
  readonly proposals: PendingProposals;
  readonly reads: PendingReads;
  /** The engine's mark that this replica is in the next cycle. */
  isReady = false;
  /** Updates handed over and not yet durable; messages that follow them must not overtake. */
  unsavedUpdates = 0;
  stopped = false;
  leader = { leaderID: 0, term: 0 };
  /** Ticks seen; the clock that deadlines of requests are told by. */
  nowTick = 0;
  readonly #limits: ReplicaLimits;
  readonly #host: ReplicaHost;
  #raft: IRaft | undefined;
  #rsm: ReplicatedStateMachine | undefined;
  #inbox: Message[] = [];
  #inboxBytes = 0;
  #proposed: Entry[] = [];
  #proposedBytes = 0;
  #tickDue = false;
  #unreachable = new Set<number>();
  #logReads: { request: LogReadRequest; entries: Entry[] }[] = [];
  #applying: Promise<void> | undefined;
  #toApply: Entry[][] = [];

  constructor(options: ReplicaOptions, host: ReplicaHost) {
    this.clusterID = options.clusterID;
    this.nodeID = options.nodeID;
    this.proposals = options.proposals;
    this.reads = options.reads;
    this.#limits = options.limits;
    this.#host = host;
  }

  /** Gives the replica the parts that were made from what is on its disk. Called once, before anything else. */
  attach(raft: IRaft, rsm: ReplicatedStateMachine): void {
    this.#raft = raft;
    this.#rsm = rsm;
  }

  get raft(): IRaft {
    if (this.#raft === undefined) throw new Error('the replica is not started');
    return this.#raft;
  }

  get rsm(): ReplicatedStateMachine {
    if (this.#rsm === undefined) throw new Error('the replica is not started');
    return this.#rsm;
  }

  /** Whether a proposal of that size has room, in the queue and in the core's log. */
  admits(payloadBytes: number): boolean {
    if (this.raft.isBusy) return false;
    return this.#proposedBytes === 0 || this.#proposedBytes + payloadBytes <= this.#limits.proposalQueueBytes;
  }

  /** Queues an entry for the next cycle. */
  propose(entry: Entry): void {
    this.#proposed.push(entry);
    this.#proposedBytes += entrySizeBytes(entry);
    this.#host.setReady(this);
  }

  /** Whether another read has room. */
  get admitsRead(): boolean {
    return this.reads.size < this.#limits.readQueueLength;
  }

  /** Asks for a linearizable read; it ends when the state machine may be looked at. */
  read(deadlineTick: number): RequestState {
    const request = this.reads.add(deadlineTick);
    this.#host.setReady(this);
    return request;
  }

  /** Queues a message; dropped when the queue is full, as a network may. */
  receive(message: Message): void {
    const sizeBytes = messageSizeBytes(message);
    if (this.#inboxBytes > 0 && this.#inboxBytes + sizeBytes > this.#limits.receiveQueueBytes) return;
    this.#inbox.push(message);
    this.#inboxBytes += sizeBytes;
    this.#host.setReady(this);
  }

  unreachable(nodeID: number): void {
    this.#unreachable.add(nodeID);
    this.#host.setReady(this);
  }

  logRead(request: LogReadRequest, entries: Entry[]): void {
    this.#logReads.push({ request, entries });
    this.#host.setReady(this);
  }

  /** Time passes: overdue requests end, and the core ticks in the next cycle. Late ticks do not pile up. */
  tick(): void {
    this.nowTick++;
    this.proposals.expire(this.nowTick);
    this.reads.expire(this.nowTick);
    if (this.raft.isQuiesced) return; // an idle group costs nothing; whatever wakes it makes it ready
    this.#tickDue = true;
    this.#host.setReady(this);
  }

  /** Gives the core everything that has gathered. */
  stepInputs(): void {
    const raft = this.raft;
    const inbox = this.#inbox;
    this.#inbox = [];
    this.#inboxBytes = 0;
    for (const message of inbox) raft.step(message);
    for (const { request, entries } of this.#logReads) raft.stepLogRead(request, entries);
    this.#logReads = [];
    for (const nodeID of this.#unreachable) raft.reportUnreachable(nodeID);
    this.#unreachable.clear();
    if (this.#tickDue) {
      this.#tickDue = false;
      raft.tick();
    }
    if (this.#proposed.length > 0) {
      const proposed = this.#proposed;
      this.#proposed = [];
      this.#proposedBytes = 0;
      raft.propose(proposed);
    }
    const context = this.reads.takeContext();
    if (context !== undefined) raft.readIndex(context);
  }

  /** Deals with the part of an update that concerns this host: answers, and entries to apply. */
  process(update: RaftUpdate): void {
    if (update.leader !== undefined) {
      this.leader = update.leader;
      this.#host.leaderChanged(this, update.leader.leaderID, update.leader.term);
    }
    for (const entry of update.droppedProposals) this.proposals.dropped(entry);
    for (const entry of update.rejectedConfigChanges) this.proposals.dropped(entry);
    for (const context of update.droppedReads) this.reads.dropped(context);
    for (const { context, index } of update.readyReads) this.reads.confirmed(context, index, this.rsm.lastApplied);
    if (update.entriesToApply.length > 0) this.#apply(update.entriesToApply);
  }

  onApplied(entry: Entry, value: Uint64, rejected: boolean): void {
    this.proposals.applied(entry, value, rejected);
  }

  onConfigChangeApplied(entry: Entry, _change: ConfigChange, accepted: boolean, membership: Membership): void {
    this.proposals.applied(entry, 0, !accepted);
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

  /** Ends every waiting request and closes the state machine, after the entry that it is at. Idempotent. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.proposals.terminate();
    this.reads.terminate();
    this.#toApply = [];
    await allSettled([Promise.resolve(this.#rsm?.close()), Promise.resolve(this.#applying)]);
  }

  #apply(entries: Entry[]): void {
    if (this.#applying !== undefined) {
      this.#toApply.push(entries);
      return;
    }
    const applying = this.rsm.apply(entries);
    if (applying === undefined) this.#applied(entries);
    else this.#applying = this.#applyRest(entries, applying);
  }

  /** The state machine returned a promise: what comes meanwhile waits its turn. */
  async #applyRest(entries: Entry[], applying: Promise<void>): Promise<void> {
    try {
      await applying;
      this.#applied(entries);
      for (;;) {
        const next = this.#toApply.shift();
        if (next === undefined || this.stopped) break;
        await this.rsm.apply(next);
        this.#applied(next);
      }
    } catch (error) {
      this.#host.failed(this, error);
    } finally {
      this.#applying = undefined;
    }
  }

  #applied(entries: Entry[]): void {
    const last = entries[entries.length - 1];
    if (last === undefined || this.stopped) return;
    this.raft.applied(last.index);
    this.reads.applied(last.index);
    if (this.raft.hasUpdate()) this.#host.setReady(this);
  }
}

