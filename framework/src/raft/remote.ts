import { Inflights } from './inflights.js';
import { ProbePace } from './probe-pace.js';
import type { LogReadRequest, RemoteStatus } from './types.js';

/**
 * What a leader knows of another replica: nextIndex and matchIndex (paper, figure 2), and how it sends to it.
 *
 * - probe: it is not known where the logs part; one Replicate at a time, the next after a response or a heartbeat;
 * - replicate: they match; Replicates are sent ahead of their acknowledgement, within a window (thesis 10.2.1);
 * - snapshot: it needs entries that are gone; nothing is sent until the stream has ended.
 */
export class Remote {
  readonly nodeID: number;
  isObserver: boolean;
  status: RemoteStatus = 'probe';
  /** Highest entry known to be durable there. */
  match = 0;
  /** Next entry to send. */
  next: number;
  /** Heard of since the last quorum check. */
  active: boolean;
  /** The same for the period before that check. */
  wasActive = false;
  /** Tick at which it last answered this leader; -1: never. */
  heardTick = -1;
  /** In probe: a Replicate is on its way, or there is a reason to wait for the next heartbeat's response. */
  probeSent = false;
  /** Send a Replicate at the next chance, if need be an empty one. */
  nudge = true;
  /** Commit index that it was last told by a Replicate, as far as is known. */
  commitSent = 0;
  /** Index of the snapshot under way. */
  snapshotIndex = 0;
  /** It has no room for entries, as it said last: it is asked by empty messages until it has. */
  isBusy = false;
  /** Index of the snapshot that it has got and goes on from, until it has caught up; 0: it is behind by no snapshot. */
  catchUpFrom = 0;
  /** How far it has applied, as it says; 0: it does not say; `undefined`: not heard of yet by this leader. */
  applied: number | undefined = undefined;
  /** The one log read outstanding for it. */
  logRead: LogReadRequest | undefined = undefined;
  /** Latest read confirmation round that it has acknowledged. */
  readRound = 0;
  /** Election timeouts in a row in which it was heard, and its host had not announced the group's feature level. */
  outdatedPeriods = 0;
  /** It was reported as one whose host does not announce the group's feature level. */
  isReportedOutdated = false;
  readonly pace = new ProbePace();
  readonly inflights = new Inflights();
  /** In replicate: messages with entries that may be on their way; grows with each that is acknowledged. */
  window = Infinity;

  constructor(nodeID: number, isObserver: boolean, next: number, active: boolean) {
    this.nodeID = nodeID;
    this.isObserver = isObserver;
    this.next = next;
    this.active = active;
  }

  toProbe(next: number): void {
    this.status = 'probe';
    this.next = Math.max(next, this.match + 1);
    this.probeSent = false;
    this.snapshotIndex = 0;
    this.commitSent = 0;
    this.inflights.clear();
  }

  toReplicate(): void {
    if (this.isBusy || this.pace.isCautious) this.window = 1;
    this.status = 'replicate';
    this.isBusy = false;
    this.next = this.match + 1;
    this.probeSent = false;
    this.snapshotIndex = 0;
    this.pace.clear();
    this.inflights.clear();
  }

  toSnapshot(index: number): void {
    this.status = 'snapshot';
    this.isBusy = false;
    this.snapshotIndex = index;
    this.catchUpFrom = 0;
    this.probeSent = false;
    this.commitSent = 0;
    this.pace.clear();
    this.inflights.clear();
  }

  /** In replicate: what is on its way has arrived up to `index`. */
  received(index: number): void {
    const { count } = this.inflights;
    this.inflights.freeTo(index);
    if (this.inflights.count < count) this.window *= 2;
  }

  /** It acknowledged everything up to `index`. */
  matched(index: number): void {
    if (index > this.match) this.match = index;
    if (index >= this.next) this.next = index + 1;
  }
}
