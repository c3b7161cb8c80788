import type { Entry, GroupSettings, Membership, Uint64 } from '@drakkar/raftio';
import { ErrClusterClosed, ErrSnapshotOutOfDate } from '../errors/index.js';
import { isThenable } from '../runtime/is-thenable.js';
import type { IStateMachine } from '../statemachine/contract.js';
import { AccessGate } from './access-gate.js';
import { EntryApplier } from './entry-applier.js';
import type { ReplicaHash, RsmOptions, SnapshotData, SnapshotSource, StatePoint } from './types.js';
import { asHash } from './values.js';

/**
 * The state that one replica builds from its group's committed log: the user's state machine, the client sessions
 * (Raft thesis 6.3), the membership, the feature level and, from level 1 on, the settings by which entries are applied.
 * All change by log entries only, so replicas that have applied the same index are equal.
 *
 * The user's methods may return promises. They are called so that nothing changes the state machine while something
 * looks at it; whatever has to wait for that is served in the order of its call. As long as they return plain values,
 * nothing here makes a promise either.
 *
 * When `update` or `recoverFromSnapshot` throws, or an invariant is broken, the replica's state is not known any more
 * and every later call throws that same error. After `close` every call throws `ErrClusterClosed`. Getters, and
 * `close` itself, always work.
 */
export class ReplicatedStateMachine {
  readonly clusterID: number;
  readonly nodeID: number;
  readonly #stateMachine: IStateMachine;
  readonly #applier: EntryApplier;
  /** Stands before the user's state machine. */
  readonly #gate = new AccessGate();
  /** Held by one `apply` or `recover` for its whole length; an `apply` leaves `#gate` between entries at times. */
  readonly #turn = new AccessGate();
  #failure: { error: unknown } | undefined = undefined;
  #closing: Promise<void> | undefined = undefined;

  /** @throws RangeError when maxSessionCount is not a positive integer */
  constructor(options: RsmOptions) {
    this.clusterID = options.clusterID;
    this.nodeID = options.nodeID;
    this.#stateMachine = options.stateMachine;
    this.#applier = new EntryApplier(options);
  }

  /** Index of the last entry applied; 0 at first. */
  get lastApplied(): number {
    return this.#applier.index;
  }

  /** Its term. */
  get lastAppliedTerm(): number {
    return this.#applier.term;
  }

  /** The group's feature level as of `lastApplied`, which says how entries are applied: see levels.ts. 0: as by 0.1. */
  get level(): number {
    return this.#applier.level;
  }

  /** By which entries are applied as of `lastApplied`: at level 0 those of this replica, then those of the group. */
  get settings(): GroupSettings {
    return this.#applier.settings;
  }

  /** By which entries are, or were, applied at level 0. */
  get initialSettings(): GroupSettings {
    return this.#applier.initialSettings;
  }

  /** For a replica that has applied nothing yet. @throws RsmInvariantError for any other */
  setInitialSettings(settings: GroupSettings): void {
    this.#applier.setInitialSettings(settings);
  }

  /** A copy of the membership as of `lastApplied`. */
  getMembership(): Membership {
    return this.#applier.getMembership();
  }

  /** A hash of everything in the membership and, from level 1 on, of the settings. */
  getMembershipHash(): Uint64 {
    return this.#applier.getMembershipHash();
  }

  /**
   * Applies committed entries, which follow on `lastApplied` without a gap. `undefined`: done. A promise: done when
   * it resolves; `lastApplied` moves on, and the listener is called, with each entry. Calls that overlap take effect
   * one after the other.
   *
   * Throws, or rejects with: `ErrStateMachineFailed`, `RsmInvariantError`, `ErrClusterClosed`, or whatever the
   * listener threw; each but `ErrClusterClosed` leaves the replica failed.
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
    return this.#look(() => this.#applier.getSessionHash());
  }

  /** All hashes, of one moment. */
  async getReplicaHash(): Promise<ReplicaHash> {
    return await this.#look(async () => ({
      index: this.#applier.index,
      stateMachine: asHash(await this.#stateMachine.getHash()),
      sessions: this.#applier.getSessionHash(),
      membership: this.#applier.getMembershipHash(),
    }));
  }

  /** Whether the state machine says that its hash costs little. */
  get hashIsCheap(): boolean {
    return this.#stateMachine.hashIsCheap === true;
  }

  /**
   * What replicas compare, of this moment. What the state machine's `getHash` throws comes out as it is.
   *
   * @param withHash whether the state machine's own hash is asked for
   */
  async statePoint(withHash: boolean): Promise<StatePoint> {
    return await this.#look(async () => ({
      index: this.#applier.index,
      sessions: this.#applier.getSessionDigest(),
      membership: this.#applier.getNormalMembershipHash(),
      stateMachine: withHash ? asHash(await this.#stateMachine.getHash()) : undefined,
    }));
  }

  /**
   * Runs `save` with the replica standing still: no entry is applied until it has settled; lookups go on. What `save`
   * throws comes out as it is, and the replica goes on.
   */
  async saveSnapshot<T>(save: (source: SnapshotSource) => Promise<T>): Promise<T> {
    return await this.#look(() =>
      save({
        ...this.#applier.snapshotState(),
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
      const { index, reader, files } = snapshot;
      if (index <= this.lastApplied) {
        throw new ErrSnapshotOutOfDate(
          `group ${this.clusterID} node ${this.nodeID}: the snapshot ends at ${index}, and ${this.lastApplied} is ` +
            'applied already',
        );
      }
      const restore = this.#applier.prepareRestore(snapshot);
      try {
        await this.#stateMachine.recoverFromSnapshot(reader, files, signal);
      } catch (cause) {
        throw this.#fail(
          this.#applier.stateMachineError(`recovery from the snapshot at ${index}`, index, cause),
        );
      }
      restore();
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
      throw this.#applier.stateMachineError('close', this.lastApplied, cause);
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
    if (this.#applier.isPending) return this.#applyWaiting(entries, at);
    this.#leaveAfterChange();
  }

  /** With `entries[at]` pending: that one and the rest, waiting as often as need be. */
  async #applyWaiting(entries: readonly Entry[], from: number): Promise<void> {
    let at = from;
    try {
      while (this.#applier.isPending) {
        await this.#finishPending(entries[at] as Entry);
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

  #applyFrom(entries: readonly Entry[], from: number): number {
    try {
      return this.#applier.applyFrom(entries, from);
    } catch (error) {
      throw this.#fail(error);
    }
  }

  async #finishPending(entry: Entry): Promise<void> {
    try {
      await this.#applier.finishPending(entry);
    } catch (error) {
      throw this.#fail(error);
    }
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

  /** What keeps it from applying anything more, if something does. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  #mustBeUsable(): void {
    if (this.#closing !== undefined) {
      throw new ErrClusterClosed(`group ${this.clusterID} node ${this.nodeID}: the replica is stopped`);
    }
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Nothing works from now on. */
  #fail(error: unknown): unknown {
    this.#failure ??= { error };
    return error;
  }
}
