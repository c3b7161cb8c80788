import type { Uint64 } from '@drakkar/raftio';
import { hasErrorCode } from '@drakkar/raftio';
import { newSession, type Session } from '../client/session.js';
import { ErrInvalidSession } from '../errors/index.js';
import { completed } from '../nodehost/outcome.js';
import { asyncDispose } from '../runtime/async-dispose.js';
import type { GroupParts } from './parts.js';
import { IN_ANY_CASE, type RetryOptions, retrying } from './retry.js';

/** For how long the end of a scope waits for the group to forget the session. */
const DISPOSE_TIMEOUT_MS = 1_000;

/** Registers a session. One whose registration may have succeeded is left to the group, which forgets unused ones. */
export async function openSession(parts: GroupParts, options?: RetryOptions): Promise<GroupSession> {
  const { user, random } = parts;
  const session = await retrying(
    (call) => user.register(newSession(user.clusterID, random), call),
    options,
    IN_ANY_CASE,
    parts,
  );
  return new GroupSession(parts, session);
}

/**
 * A client session: each command that is proposed with it is applied at most once, however often it is sent. Commands are
 * numbered, and proposed one at a time, in the order of the calls.
 *
 * The group keeps the sessions that were used most recently (`lruMaxSessionCount`). An evicted session fails with
 * `ErrRejected` and ends: open another. Its `effect` is `unknown` if an attempt may have been applied before.
 */
export class GroupSession {
  readonly #parts: GroupParts;
  readonly #session: Session;
  /** Ends when the calls made so far have ended. */
  #queue: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;
  #isEvicted = false;

  /** @internal */
  constructor(parts: GroupParts, session: Session) {
    this.#parts = parts;
    this.#session = session;
  }

  /** The id under which the group knows the session. */
  get clientID(): Uint64 {
    return this.#session.clientID;
  }

  /**
   * Proposes a command; the value is what `IStateMachine.update` returned. After a failure that may pass, a time-out
   * included, it is proposed again under the same number until `timeoutMs` is over, which counts from the call's turn in the
   * queue. When the outcome is unknown in the end, the command is given up: it may have been applied, or may be until the
   * next one is.
   *
   * @throws ErrRejected when the session was evicted, ErrInvalidSession when it is closed; ErrTimeout, ErrCanceled, and as
   *   `Group.propose`
   */
  propose(cmd: Uint8Array, options?: RetryOptions): Promise<Uint64> {
    if (this.#closing !== undefined) return Promise.reject(closed('closed'));
    const copy = cmd instanceof Uint8Array ? new Uint8Array(cmd) : cmd; // its turn may come later
    const call = this.#queue.then(() => this.#propose(copy, options));
    this.#queue = call.catch(() => undefined);
    return call;
  }

  async #propose(cmd: Uint8Array, options: RetryOptions | undefined): Promise<Uint64> {
    if (this.#isEvicted) throw closed('evicted');
    const { user } = this.#parts;
    const session = this.#session;
    try {
      const { value } = await retrying(
        (call) => completed(user.propose(session, cmd, call), call.signal),
        options,
        IN_ANY_CASE,
        this.#parts,
      );
      return value;
    } catch (error) {
      if (hasErrorCode(error, 'ERR_REJECTED')) this.#isEvicted = true;
      throw error;
    } finally {
      session.proposalCompleted();
    }
  }

  /**
   * Unregisters the session after the calls made so far. Idempotent. One that the group does not know any more counts as
   * closed.
   *
   * @throws as `Group.propose`; the group forgets an unused session by itself, too
   */
  close(options?: RetryOptions): Promise<void> {
    this.#closing ??= this.#queue.then(() => this.#close(options));
    return this.#closing;
  }

  async #close(options: RetryOptions | undefined): Promise<void> {
    if (this.#isEvicted) return;
    const { user } = this.#parts;
    try {
      await retrying((call) => user.unregister(this.#session, call), options, IN_ANY_CASE, this.#parts);
    } catch (error) {
      if (!hasErrorCode(error, 'ERR_REJECTED')) throw error;
    }
  }

  /** As `close`, for a second at most; what that throws would hide the error that ended the scope. */
  async [asyncDispose](): Promise<void> {
    const timeoutMs = Math.max(DISPOSE_TIMEOUT_MS, this.#parts.tickMs);
    await this.close({ timeoutMs }).catch(() => undefined);
  }
}

function closed(how: string): ErrInvalidSession {
  return new ErrInvalidSession(`the session is ${how}: open another with openSession()`);
}
