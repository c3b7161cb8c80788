import type { EntryFields, Uint64 } from '@drakkar/raftio';
import { RequestRing } from './request-ring.js';
import { NO_ROOM, type RequestFields, RequestResult, RequestState, terminated } from './request-state.js';

const COUNTER_SPAN = 0x1_0000_0000;
/** Bits of a key above its 32-bit counter that still fit a safe integer. */
export const KEY_NONCE_BOUND = 0x20_0000;

const DROPPED = new RequestResult('dropped');
const TIMEOUT = new RequestResult('timeout');

/**
 * Proposals of one replica that wait to be applied. A proposal's key is a 32-bit counter, by which it is found in a
 * ring, under a nonce that is drawn again whenever the replica starts: entries of another replica, or of an
 * earlier life of this one, do not match. Client and series id are compared as well.
 */
export class PendingProposals {
  readonly #clusterID: number;
  readonly #keyBase: number;
  readonly #pending = new RequestRing();
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
    const key = this.#keyBase + this.#pending.nextNumber();
    const request = new RequestState(this.#clusterID, key, proposal);
    this.#pending.put(request);
    if (deadlineMs < this.#earliestDeadline) this.#earliestDeadline = deadlineMs;
    return request;
  }

  /** An entry was applied here, whichever host proposed it. */
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
    this.#pending.trim();
    if (nowMs < this.#earliestDeadline) return;
    // Listeners may propose again meanwhile, or stop the replica.
    this.#earliestDeadline = Infinity;
    for (const request of this.#pending.all()) {
      const { deadlineMs } = request;
      if (deadlineMs > nowMs) {
        this.#earliestDeadline = Math.min(this.#earliestDeadline, deadlineMs);
      } else if (this.#pending.get(request.key) === request) {
        this.#pending.delete(request);
        request.end(TIMEOUT);
      }
    }
  }

  /** @param cause what stopped the replica, unless its host did */
  terminate(cause?: unknown): void {
    const requests = this.#pending.all();
    for (const request of requests) this.#pending.delete(request);
    const result = terminated(cause);
    for (const request of requests) request.end(result);
  }

  #take(entry: EntryFields): RequestState | undefined {
    if (this.#pending.size === 0 || typeof entry.key !== 'number') return undefined;
    const request = this.#pending.get(entry.key);
    if (request === undefined || request.clientID !== entry.clientID || request.seriesID !== entry.seriesID) {
      return undefined;
    }
    this.#pending.delete(request);
    return request;
  }
}
