import {
  type ConfigChange,
  type Entry,
  EntryType,
  type Membership,
  NOOP_SERIES_ID,
  NOT_SESSION_MANAGED_CLIENT_ID,
  REGISTER_SERIES_ID,
  UNREGISTER_SERIES_ID,
  type Uint64,
  decodeConfigChange,
  toUint64,
} from '@drakkar/raftio';
import { ErrClusterClosed } from '../errors/index.js';
import type { IStateMachine } from '../statemachine/contract.js';
import { AccessGate } from './access-gate.js';
import { ErrSnapshotOutOfDate, ErrStateMachineFailed, RsmInvariantError } from './errors.js';
import { hash64 } from './hash.js';
import { MembershipTracker } from './membership.js';
import { decodeSessions, encodeSessions } from './session-codec.js';
import { type ClientSession, SessionManager } from './session-manager.js';
import { asResult, describe, isThenable } from './values.js';
import type { ReplicaHash, RsmListener, RsmOptions, SnapshotData, SnapshotSource } from './types.js';

/**
 * The state that one replica builds from its group's committed log: the user's state machine, the client sessions
 * (Raft thesis 6.3) and the membership. All three change by log entries only, so replicas that have applied the same
 * index are equal.
 *
 * The user's methods may return promises. They are called so that nothing changes the state machine while something
 * looks at it; whatever has to wait for that is served in the order of its call. As long as they return plain values,
 * nothing here makes a promise either.
 *
 * When `update` or `recoverFromSnapshot` throws, or an invariant is broken, the replica's state is not known any more
 * and every later call throws that same error. After `close` every call throws `ErrClusterClosed`.
 */
export class ReplicatedStateMachine {
  readonly clusterID: number;
  readonly nodeID: number;
  readonly #stateMachine: IStateMachine;
  readonly #listener: RsmListener;
  readonly #members: MembershipTracker;
  readonly #gate = new AccessGate();
  /** Held by one `apply` or `recover` for its whole length; an `apply` leaves `#gate` between entries at times. */
  readonly #turn = new AccessGate();
  #sessions: SessionManager;
  #index = 0;
  #term = 0;
  /** What `update` returned for the entry at hand, when that was a promise, and the session that it is for. */
  #pendingResult: PromiseLike<Uint64> | undefined = undefined;
  #pendingSession: ClientSession | undefined = undefined;
  #failure: { error: unknown } | undefined = undefined;
  #closing: Promise<void> | undefined = undefined;

  constructor(options: RsmOptions) {
    this.clusterID = options.clusterID;
    this.nodeID = options.nodeID;
    this.#stateMachine = options.stateMachine;
    this.#listener = options.listener;
    this.#members = new MembershipTracker({
      ordered: options.orderedConfigChange,
      rules: options.membershipRules ?? 'strict',
    });
    this.#sessions = new SessionManager(options.maxSessionCount);
  }

  /** Index of the last entry applied; 0 at first. */
  get lastApplied(): number {
    return this.#index;
  }

  /** Its term. */
  get lastAppliedTerm(): number {
    return this.#term;
  }

  /** A copy of the membership as of `lastApplied`. */
  getMembership(): Membership {
    return this.#members.get();
  }

  getMembershipHash(): Uint64 {
    return this.#members.getHash();
  }

  /**
   * Applies committed entries, which follow on `lastApplied` without a gap. `undefined`: done. A promise: done when
   * it resolves; `lastApplied` moves on, and the listener is called, with each entry.
   *
   * Throws, or rejects with: `ErrStateMachineFailed`, `RsmInvariantError`, `ErrClusterClosed`.
   */
  apply(entries: readonly Entry[]): void | Promise<void> {
    this.#mustBeUsable();
    const entering = this.#enterToChange();
    return entering === undefined ? this.#applyInside(entries) : this.#applyLater(entries, entering);
  }

  /** The state machine's answer to a query, at once when it can; what it throws comes out as it is. */
  lookup(query: Uint8Array): Uint8Array | Promise<Uint8Array> {
    return this.#look(() => this.#stateMachine.lookup(query));
  }

  /** The state machine's own hash. */
  getHash(): Uint64 | Promise<Uint64> {
    return this.#look(() => this.#stateMachine.getHash());
  }

  /** A hash of the client sessions, their results and the order in which they will be evicted. */
  getSessionHash(): Uint64 | Promise<Uint64> {
    return this.#look(() => hash64(encodeSessions(this.#sessions)));
  }

  /** All hashes, of one moment. */
  async getReplicaHash(): Promise<ReplicaHash> {
    return await this.#look(async () => ({
      index: this.#index,
      stateMachine: toUint64(await this.#stateMachine.getHash()),
      sessions: hash64(encodeSessions(this.#sessions)),
      membership: this.#members.getHash(),
    }));
  }

  /**
   * Runs `save` with the replica standing still: no entry is applied until it has settled; lookups go on. What `save`
   * throws comes out as it is, and the replica goes on.
   */
  async saveSnapshot<T>(save: (source: SnapshotSource) => Promise<T>): Promise<T> {
    return await this.#look(() =>
      save({
        index: this.#index,
        term: this.#term,
        membership: this.#members.get(),
        sessions: encodeSessions(this.#sessions),
        writeStateMachine: async (writer, files, signal) => {
          await this.#stateMachine.saveSnapshot(writer, files, signal);
        },
      }),
    );
  }

  /**
   * Replaces everything by a snapshot. Sessions are checked before anything is changed; once the state machine has
   * begun to read, a failure (and an abort is one) leaves the replica failed.
   *
   * @throws ErrSnapshotOutOfDate (nothing changed) when the snapshot's index is not above `lastApplied`
   * @throws ErrSessionsCorrupt, ErrHardSettingsChanged (nothing changed)
   * @throws ErrStateMachineFailed
   */
  async recover(snapshot: SnapshotData, signal: AbortSignal): Promise<void> {
    this.#mustBeUsable();
    await this.#enterToChange();
    try {
      this.#mustBeUsable();
      const { index, term, membership, reader, files } = snapshot;
      if (index <= this.#index) {
        throw new ErrSnapshotOutOfDate(
          `${this.#name}: the snapshot ends at ${index}, and ${this.#index} is applied already`,
        );
      }
      const sessions = decodeSessions(snapshot.sessions, this.#sessions.maxCount);
      try {
        await this.#stateMachine.recoverFromSnapshot(reader, files, signal);
      } catch (cause) {
        throw this.#fail(this.#stateMachineError(`recovery from the snapshot at ${index}`, index, cause));
      }
      this.#sessions = sessions;
      this.#members.set(membership);
      this.#index = index;
      this.#term = term;
    } finally {
      this.#leaveAfterChange();
    }
  }

  /**
   * Waits for what is running in the state machine and closes it. Idempotent. Entries not yet applied stay so.
   *
   * @throws ErrStateMachineFailed when the state machine's `close` throws
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#gate.enterExclusive();
    try {
      await this.#stateMachine.close();
    } catch (cause) {
      throw this.#stateMachineError('close', this.#index, cause);
    } finally {
      this.#gate.leave();
    }
  }

  async #applyLater(entries: readonly Entry[], entering: Promise<void>): Promise<void> {
    await entering;
    await this.#applyInside(entries);
  }

  #applyInside(entries: readonly Entry[]): void | Promise<void> {
    let at: number;
    try {
      this.#mustBeUsable();
      at = this.#applyFrom(entries, 0);
    } catch (error) {
      this.#leaveAfterChange();
      throw error;
    }
    if (this.#pendingResult !== undefined) return this.#applyWaiting(entries, at);
    this.#leaveAfterChange();
  }

  /** Inside the gate, with the promise of `entries[at]` pending: the rest, waiting as often as need be. */
  async #applyWaiting(entries: readonly Entry[], at: number): Promise<void> {
    try {
      while (this.#pendingResult !== undefined) {
        const entry = entries[at] as Entry;
        await this.#finishUpdate(entry, this.#pendingResult);
        at++;
        if (this.#gate.contended && at < entries.length) {
          // Between two entries the state is whole: lookups, a snapshot or a close need not wait for the rest.
          this.#gate.leave();
          await this.#gate.enterExclusive();
          this.#mustBeUsable();
        }
        at = this.#applyFrom(entries, at);
      }
    } finally {
      this.#leaveAfterChange();
    }
  }

  /** Applies entries until the end, or until `update` has returned a promise: then gives that entry's position. */
  #applyFrom(entries: readonly Entry[], from: number): number {
    try {
      for (let at = from; at < entries.length; at++) {
        this.#applyEntry(entries[at] as Entry);
        if (this.#pendingResult !== undefined) return at;
      }
      return entries.length;
    } catch (error) {
      throw this.#fail(error);
    }
  }

  #applyEntry(entry: Entry): void {
    const { clientID, seriesID } = entry;
    if (entry.index !== this.#index + 1 || entry.term < this.#term) {
      throw new RsmInvariantError(
        `${this.#name}: entry ${entry.index} of term ${entry.term} can't follow on entry ${this.#index} of term ` +
          `${this.#term}`,
        { details: { index: entry.index } },
      );
    }
    if (entry.type !== EntryType.ApplicationEntry) this.#applyConfigChange(entry);
    else if (clientID === NOT_SESSION_MANAGED_CLIENT_ID) this.#applyUnmanaged(entry);
    else if (seriesID === NOOP_SERIES_ID) this.#update(entry, undefined);
    else if (typeof seriesID === 'number') this.#applyProposal(entry);
    else if (seriesID === REGISTER_SERIES_ID) this.#finishSessionOp(entry, this.#sessions.register(clientID));
    else if (seriesID === UNREGISTER_SERIES_ID)
      this.#finishSessionOp(entry, this.#sessions.unregister(clientID));
    else this.#applyProposal(entry);
  }

  /** A proposal of a registered session: applied at most once. */
  #applyProposal(entry: Entry): void {
    const { seriesID } = entry;
    const session = this.#sessions.use(entry.clientID);
    if (session === undefined) return this.#finish(entry, 0, true); // never registered, ended, or evicted
    session.clearTo(entry.respondedTo);
    // The client has said that it is done with this one. Dragonboat lets such a straggler time out; nobody can still
    // want its result, but if somebody does wait, an answer is better.
    if (seriesID <= session.respondedTo) return this.#finish(entry, 0, true);
    const result = session.history.get(seriesID);
    if (result !== undefined) this.#finish(entry, result, false);
    else this.#update(entry, session);
  }

  /** The empty entry of a new leader. Anything else with client id 0 is not ours to apply, nor worth dying for. */
  #applyUnmanaged(entry: Entry): void {
    if (entry.cmd.length > 0) this.#finish(entry, 0, true);
    else this.#advance(entry);
  }

  #applyConfigChange(entry: Entry): void {
    let change: ConfigChange;
    try {
      change = decodeConfigChange(entry.cmd);
    } catch (cause) {
      // A replica that doesn't understand a change must not go on with other members than the rest of the group.
      throw new RsmInvariantError(
        `${this.#name}: entry ${entry.index} is not a membership change this release knows`,
        {
          cause,
          details: { index: entry.index },
        },
      );
    }
    const refusal = this.#members.handle(change, entry.index);
    this.#advance(entry);
    this.#listener.onConfigChangeApplied(entry, change, refusal === undefined, this.#members.get(), refusal);
  }

  /** Calls the user's `update`; a promise is left for `#applyWaiting`. */
  #update(entry: Entry, session: ClientSession | undefined): void {
    let result: Uint64 | Promise<Uint64>;
    try {
      result = this.#stateMachine.update(entry.cmd);
    } catch (cause) {
      throw this.#updateError(entry, cause);
    }
    if (isThenable(result)) {
      this.#pendingResult = result;
      this.#pendingSession = session;
    } else {
      this.#finishValue(entry, result, session);
    }
  }

  async #finishUpdate(entry: Entry, pending: PromiseLike<Uint64>): Promise<void> {
    const session = this.#pendingSession;
    try {
      let result: Uint64;
      try {
        result = await pending;
      } catch (cause) {
        throw this.#updateError(entry, cause);
      }
      this.#finishValue(entry, result, session);
    } catch (error) {
      throw this.#fail(error);
    } finally {
      this.#pendingResult = undefined;
      this.#pendingSession = undefined;
    }
  }

  #finishValue(entry: Entry, result: unknown, session: ClientSession | undefined): void {
    const value = asResult(result);
    if (value === undefined) {
      const what = `update returned ${describe(result)}, not an unsigned 64-bit integer`;
      throw this.#updateError(entry, new TypeError(what));
    }
    session?.history.set(entry.seriesID, value);
    this.#finish(entry, value, false);
  }

  #finishSessionOp(entry: Entry, done: boolean): void {
    this.#finish(entry, done ? entry.clientID : 0, !done);
  }

  #finish(entry: Entry, value: Uint64, rejected: boolean): void {
    this.#advance(entry);
    this.#listener.onApplied(entry, value, rejected);
  }

  #advance(entry: Entry): void {
    this.#index = entry.index;
    this.#term = entry.term;
  }

  /** Runs `look` when nothing is being changed, and keeps changes out until what it returned has settled. */
  #look<T>(look: () => T | Promise<T>): T | Promise<T> {
    this.#mustBeUsable();
    const entering = this.#gate.enterShared();
    if (entering !== undefined) return this.#lookLater(look, entering);
    let answer: T | Promise<T>;
    try {
      answer = look();
    } catch (error) {
      this.#gate.leave();
      throw error;
    }
    if (isThenable(answer)) return this.#leaveAfter(answer);
    this.#gate.leave();
    return answer;
  }

  async #lookLater<T>(look: () => T | Promise<T>, entering: Promise<void>): Promise<T> {
    await entering;
    try {
      this.#mustBeUsable();
      return await look();
    } finally {
      this.#gate.leave();
    }
  }

  async #leaveAfter<T>(answer: PromiseLike<T>): Promise<T> {
    try {
      return await answer;
    } finally {
      this.#gate.leave();
    }
  }

  #enterToChange(): Promise<void> | undefined {
    const turn = this.#turn.enterExclusive();
    return turn === undefined ? this.#gate.enterExclusive() : turn.then(() => this.#gate.enterExclusive());
  }

  #leaveAfterChange(): void {
    this.#gate.leave();
    this.#turn.leave();
  }

  #mustBeUsable(): void {
    if (this.#closing !== undefined) throw new ErrClusterClosed(`${this.#name}: the replica is stopped`);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Nothing works from now on. */
  #fail(error: unknown): unknown {
    this.#failure ??= { error };
    return error;
  }

  #updateError(entry: Entry, cause: unknown): ErrStateMachineFailed {
    return this.#stateMachineError(`update with entry ${entry.index}`, entry.index, cause);
  }

  #stateMachineError(what: string, index: number, cause: unknown): ErrStateMachineFailed {
    const reason = cause instanceof Error ? cause.message : describe(cause);
    return new ErrStateMachineFailed(`${this.#name}: the state machine failed in ${what}: ${reason}`, {
      cause,
      details: { clusterID: this.clusterID, nodeID: this.nodeID, index },
    });
  }

  get #name(): string {
    return `group ${this.clusterID} node ${this.nodeID}`;
  }
}
