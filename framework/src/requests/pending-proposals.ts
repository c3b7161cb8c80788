import type { EntryFields, Uint64 } from '@drakkar/raftio';
import { NO_ROOM, type RequestFields, RequestResult, RequestState, terminated } from './request-state.js';

const COUNTER_SPAN = 0x1_0000_0000;
/** Bits of a key above its 32-bit counter that still fit a safe integer. */
export const KEY_NONCE_BOUND = 0x20_0000;

const DROPPED = new RequestResult('dropped');
const TIMEOUT = new RequestResult('timeout');

/**
 * Proposals of one replica that wait to be applied. A proposal's key is a 32-bit counter, which finds it in a map of
 * small integers, under a nonce that is drawn anew whenever the replica starts: entries of another replica, or of an
 * earlier life of this one, do not match. Client and series id are compared as well.
 */
export class PendingProposals {
  readonly #clusterID: number;
  readonly #keyBase: number;
  #counter = 0;
  readonly #pending = new Map<number, RequestState>();
  #earliestDeadline = Infinity;

  /** @param nonce integer from 0 to KEY_NONCE_BOUND - 1, drawn at random. */
  constructor(clusterID: number, nonce: number) {
    this.#clusterID = clusterID;
    this.#keyBase = nonce * COUNTER_SPAN;
  }

  get size(): number {
    return this.#pending.size;
  }

  add(proposal: RequestFields): RequestState {
    const { deadlineMs } = proposal;
    do {
      this.#counter = (this.#counter + 1) | 0;
    } while (this.#pending.has(this.#counter));
    const key = this.#keyBase + (this.#counter >>> 0);
    const request = new RequestState(this.#clusterID, key, proposal);
    this.#pending.set(this.#counter, request);
    if (deadlineMs < this.#earliestDeadline) this.#earliestDeadline = deadlineMs;
    return request;
  }

  /** An entry was applied here, whoever proposed it. */
  applied(entry: EntryFields, value: Uint64, rejected: boolean): void {
    const request = this.#take(entry);
    request?.end(new RequestResult(rejected ? 'rejected' : 'completed', value));
  }

  /** A proposal was not appended to any log. */
  dropped(entry: EntryFields): void {
    this.#take(entry)?.end(DROPPED);
  }

  /** A proposal was not appended to any log, since the leader has no room for it. */
  withoutRoom(entry: EntryFields): void {
    this.#take(entry)?.end(NO_ROOM);
  }

  /** Ends what is overdue at `nowMs`. */
  expire(nowMs: number): void {
    if (nowMs < this.#earliestDeadline) return;
    let earliest = Infinity;
    for (const [counter, request] of this.#pending) {
      if (request.deadlineMs <= nowMs) {
        this.#pending.delete(counter);
        request.end(TIMEOUT);
      } else if (request.deadlineMs < earliest) {
        earliest = request.deadlineMs;
      }
    }
    this.#earliestDeadline = earliest;
  }

  /** @param cause what stopped the replica, unless its host did */
  terminate(cause?: unknown): void {
    const requests = [...this.#pending.values()];
    this.#pending.clear();
    const result = terminated(cause);
    for (const request of requests) request.end(result);
  }

  #take(entry: EntryFields): RequestState | undefined {
    const key = entry.key;
    if (typeof key !== 'number' || key < this.#keyBase || key >= this.#keyBase + COUNTER_SPAN)
      return undefined;
    const counter = (key - this.#keyBase) | 0;
    const request = this.#pending.get(counter);
    if (
      request === undefined ||
      request.key !== key ||
      request.clientID !== entry.clientID ||
      request.seriesID !== entry.seriesID
    ) {
      return undefined;
    }
    this.#pending.delete(counter);
    return request;
  }
}
