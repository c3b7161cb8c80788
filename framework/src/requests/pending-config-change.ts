import type { EntryFields, Uint64 } from '@drakkar/raftio';
import type { ChangeRefusal } from '../raft/index.js';
import { RequestResult, RequestState, terminated } from './request-state.js';

const COUNTER_SPAN = 0x1_0000_0000;
const COMPLETED = new RequestResult('completed');
const TIMEOUT = new RequestResult('timeout');

/**
 * The one membership change that a replica may have under way: a group takes one at a time, so a queue of them would
 * only hide that the later ones are refused. Matched by a key under a nonce that is drawn again whenever the replica
 * starts, as proposals are.
 */
export class PendingConfigChange {
  readonly #clusterID: number;
  readonly #keyBase: number;
  #counter = 0;
  #pending: RequestState | undefined;

  /** @param nonce integer from 0 to KEY_NONCE_BOUND - 1, drawn at random. */
  constructor(clusterID: number, nonce: number) {
    this.#clusterID = clusterID;
    this.#keyBase = nonce * COUNTER_SPAN;
  }

  get isPending(): boolean {
    return this.#pending !== undefined;
  }

  /** To be called only while none is pending. */
  add(deadlineMs: number): RequestState {
    if (this.#pending !== undefined) throw new Error('a membership change is pending');
    this.#counter = (this.#counter + 1) % COUNTER_SPAN;
    this.#pending = new RequestState(this.#clusterID, this.#keyBase + this.#counter, {
      operation: 'change',
      deadlineMs,
    });
    return this.#pending;
  }

  /** A change was applied here, or refused by the replicated state machine, whichever replica asked for it. */
  applied(entry: EntryFields, refusal: string | undefined): void {
    const result = refusal === undefined ? COMPLETED : new RequestResult('rejected', 0, refusal);
    this.#take(entry.key)?.end(result);
  }

  /** The change with this key did not get into any log. */
  dropped(key: Uint64, reason: string): void {
    this.#take(key)?.end(new RequestResult('dropped', 0, reason));
  }

  /** The leader refused the change with this key, permanently. */
  refused(key: Uint64, refusal: ChangeRefusal): void {
    this.#take(key)?.end(new RequestResult('rejected', 0, `the leader refused it: ${refusal.kind}`, refusal));
  }

  expire(nowMs: number): void {
    if (this.#pending !== undefined && this.#pending.deadlineMs <= nowMs) this.#end(TIMEOUT);
  }

  /** @param cause what stopped the replica, unless its host did */
  terminate(cause?: unknown): void {
    this.#end(terminated(cause));
  }

  #end(result: RequestResult): void {
    const request = this.#pending;
    this.#pending = undefined;
    request?.end(result);
  }

  #take(key: Uint64): RequestState | undefined {
    const request = this.#pending;
    if (request === undefined || request.key !== key) return undefined;
    this.#pending = undefined;
    return request;
  }
}
