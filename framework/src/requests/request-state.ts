import type { ErrorClaim, ErrorEffect, ErrorRetry, Uint64 } from '@drakkar/raftio';
import type { ChangeRefusal } from '../raft/index.js';
import { type Operation, type RequestOutcome, claimOf } from '../client/claims.js';

/** The end of a request, with the names of the Go documentation. */
export class RequestResult {
  readonly outcome: RequestOutcome;
  /** For a completed proposal: what `IStateMachine.update` returned. */
  readonly value: Uint64;
  /** Why it was rejected or dropped, for people, where that is known. */
  readonly reason: string | undefined;
  /** Why the leader refused a membership change, when it was the leader. */
  readonly refusal: ChangeRefusal | undefined;

  /** Of a terminated request: what stopped the replica, unless its host did. */
  readonly cause: unknown;

  constructor(
    outcome: RequestOutcome,
    value: Uint64 = 0,
    reason?: string,
    refusal?: ChangeRefusal,
    cause?: unknown,
  ) {
    this.outcome = outcome;
    this.value = value;
    this.reason = reason;
    this.refusal = refusal;
    this.cause = cause;
  }
  completed(): boolean {
    return this.outcome === 'completed';
  }
  rejected(): boolean {
    return this.outcome === 'rejected';
  }
  dropped(): boolean {
    return this.outcome === 'dropped';
  }
  timeout(): boolean {
    return this.outcome === 'timeout';
  }
  terminated(): boolean {
    return this.outcome === 'terminated';
  }
}

/** The end of what was dropped because the leader has no room for it. */
export const NO_ROOM = new RequestResult(
  'dropped',
  0,
  'the log of its leader, or the memory of its host, is full',
);

/** Who counts the attempts at a command. */
export interface IAttempts {
  /** An attempt has ended. @returns whether another one may have been applied, or may yet be */
  ended(outcome: RequestOutcome): boolean;
}

export interface RequestFields {
  operation: Operation;
  clientID?: Uint64;
  seriesID?: Uint64;
  deadlineMs: number;
  /** Of the attempts at the same command with the same session. */
  attempts?: IAttempts | undefined;
}

/** The end of what waits when its replica stops. @param cause what stopped it, unless its host did */
export function terminated(cause: unknown): RequestResult {
  return new RequestResult('terminated', 0, undefined, undefined, cause);
}

type Listener = (result: RequestResult) => void;

/** A request under way. It ends exactly once; later listeners are notified at once. */
export class RequestState {
  readonly clusterID: number;
  readonly operation: Operation;
  /** Identifies the proposal's entry, or for a read (client id 0) the life of the replica that it was made of. */
  readonly key: number;
  readonly clientID: Uint64;
  readonly seriesID: Uint64;
  /** By the host's clock (`IClock.nowMs`). */
  readonly deadlineMs: number;
  readonly #attempts: IAttempts | undefined;
  #mayBeApplied = false;
  #result: RequestResult | undefined;
  #listener: Listener | undefined;
  #more: Listener[] | undefined;

  /** For the tables of pending requests; not for applications. */
  /** @internal */
  constructor(clusterID: number, key: number, request: RequestFields) {
    this.clusterID = clusterID;
    this.operation = request.operation;
    this.key = key;
    this.clientID = request.clientID ?? 0;
    this.seriesID = request.seriesID ?? 0;
    this.deadlineMs = request.deadlineMs;
    this.#attempts = request.attempts;
  }

  /** Resolves with the end of the request; never rejects. */
  get result(): Promise<RequestResult> {
    if (this.#result !== undefined) return Promise.resolve(this.#result);
    return new Promise((resolve) => {
      this.onResult(resolve);
    });
  }

  /**
   * The cheap form of `result`: calls back when the request ends, in the same turn as the engine's work. What
   * `listener` throws becomes an uncaught exception of the process, as with a listener of an `EventEmitter`.
   */
  onResult(listener: Listener): void {
    if (this.#result !== undefined) listener(this.#result);
    else if (this.#listener === undefined) this.#listener = listener;
    else (this.#more ??= []).push(listener);
  }

  /** How the request ended; undefined while it is under way. */
  get outcome(): RequestOutcome | undefined {
    return this.#result?.outcome;
  }

  /** Whether another attempt at the same, with the same session, may have been applied when this one ended. */
  get mayBeApplied(): boolean {
    return this.#mayBeApplied;
  }

  /** Whether it may have had an effect, as the error of the sync call says; undefined unless it failed. */
  get effect(): ErrorEffect | undefined {
    return this.#claim?.effect;
  }

  /** Where the same request may succeed, as the error of the sync call says; undefined unless it failed. */
  get retry(): ErrorRetry | undefined {
    return this.#claim?.retry;
  }

  get #claim(): ErrorClaim | undefined {
    const result = this.#result;
    if (result === undefined || result.completed()) return undefined;
    return claimOf(this.operation, result, this.#mayBeApplied);
  }

  /** @internal Ends the request, unless it has ended. */
  end(result: RequestResult): void {
    if (this.#result !== undefined) return;
    this.#result = result;
    if (this.#attempts !== undefined) this.#mayBeApplied = this.#attempts.ended(result.outcome);
    const listener = this.#listener;
    this.#listener = undefined;
    if (listener !== undefined) tell(listener, result);
    const more = this.#more;
    this.#more = undefined;
    if (more !== undefined) for (const one of more) tell(one, result);
  }
}

/** What a listener throws is the program's own, and must not be taken for a failure of the replica. */
function tell(listener: Listener, result: RequestResult): void {
  try {
    listener(result);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
