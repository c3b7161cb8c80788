import type { Uint64 } from '@drakkar/raftio';
import { RequestResult, RequestState, terminated } from './request-state.js';

const COMPLETED = new RequestResult('completed');
const DROPPED = new RequestResult('dropped');
const TIMEOUT = new RequestResult('timeout');

interface ConfirmedReads {
  index: number;
  requests: RequestState[];
}

/**
 * Linearizable reads of one replica (thesis 6.4). All reads that arrive between two cycles of the engine share one
 * ReadIndex context; once its index is known they wait until the state machine has applied that far.
 */
export class PendingReads {
  readonly #clusterID: number;
  readonly #contextHigh: number;
  #nextContext = 1;
  #gathering: RequestState[] = [];
  readonly #asked = new Map<number, RequestState[]>();
  #confirmed: ConfirmedReads[] = [];
  #earliestDeadline = Infinity;
  #size = 0;

  /** @param contextHigh drawn at random, so that contexts of another life of this replica do not match. */
  constructor(clusterID: number, contextHigh: number) {
    this.#clusterID = clusterID;
    this.#contextHigh = contextHigh;
  }

  /** Reads that have not ended. */
  get size(): number {
    return this.#size;
  }

  add(deadlineMs: number): RequestState {
    const request = new RequestState(this.#clusterID, this.#contextHigh, { operation: 'read', deadlineMs });
    this.#gathering.push(request);
    this.#size++;
    if (deadlineMs < this.#earliestDeadline) this.#earliestDeadline = deadlineMs;
    return request;
  }

  /** Whether `request` is a read of this replica, and of this life of it. */
  issued(request: RequestState): boolean {
    return (
      request.clusterID === this.#clusterID &&
      request.operation === 'read' &&
      request.key === this.#contextHigh
    );
  }

  /** The context under which to ask for what has gathered, or undefined when nothing has. */
  takeContext(): { low: number; high: number } | undefined {
    if (this.#gathering.length === 0) return undefined;
    const low = this.#nextContext++;
    this.#asked.set(low, this.#gathering);
    this.#gathering = [];
    return { low, high: this.#contextHigh };
  }

  /** The reads of a context may be served once `index` is applied. */
  confirmed(context: { low: Uint64; high: Uint64 }, index: number, applied: number): void {
    const requests = this.#takeAsked(context);
    if (requests === undefined) return;
    if (index <= applied) this.#end(requests, COMPLETED);
    else this.#confirmed.push({ index, requests });
  }

  dropped(context: { low: Uint64; high: Uint64 }): void {
    this.#end(this.#takeAsked(context) ?? [], DROPPED);
  }

  /** The state machine has applied up to `index`. */
  applied(index: number): void {
    if (this.#confirmed.length === 0) return;
    const waiting: ConfirmedReads[] = [];
    const due: ConfirmedReads[] = [];
    for (const group of this.#confirmed) (group.index <= index ? due : waiting).push(group);
    this.#confirmed = waiting;
    for (const { requests } of due) this.#end(requests, COMPLETED);
  }

  expire(nowMs: number): void {
    if (nowMs < this.#earliestDeadline) return;
    this.#earliestDeadline = Infinity;
    this.#gathering = this.#expireIn(this.#gathering, nowMs);
    for (const [low, requests] of this.#asked) {
      const left = this.#expireIn(requests, nowMs);
      if (left.length === 0) this.#asked.delete(low);
      else this.#asked.set(low, left);
    }
    this.#confirmed = this.#confirmed
      .map(({ index, requests }) => ({ index, requests: this.#expireIn(requests, nowMs) }))
      .filter(({ requests }) => requests.length > 0);
  }

  /** @param cause what stopped the replica, unless its host did */
  terminate(cause?: unknown): void {
    const groups = [
      this.#gathering,
      ...this.#asked.values(),
      ...this.#confirmed.map((group) => group.requests),
    ];
    this.#gathering = [];
    this.#asked.clear();
    this.#confirmed = [];
    const result = terminated(cause);
    for (const requests of groups) this.#end(requests, result);
  }

  #end(requests: readonly RequestState[], result: RequestResult): void {
    this.#size -= requests.length;
    for (const request of requests) request.end(result);
  }

  #takeAsked(context: { low: Uint64; high: Uint64 }): RequestState[] | undefined {
    if (context.high !== this.#contextHigh || typeof context.low !== 'number') return undefined;
    const requests = this.#asked.get(context.low);
    this.#asked.delete(context.low);
    return requests;
  }

  #expireIn(requests: RequestState[], nowMs: number): RequestState[] {
    const left: RequestState[] = [];
    for (const request of requests) {
      if (request.deadlineMs <= nowMs) {
        this.#end([request], TIMEOUT);
      } else {
        left.push(request);
        if (request.deadlineMs < this.#earliestDeadline) this.#earliestDeadline = request.deadlineMs;
      }
    }
    return left;
  }
}
