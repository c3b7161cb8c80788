import {
  type ConfigChange,
  ConfigChangeType,
  type Entry,
  EntryType,
  type GroupSettings,
  LATEST_LEVEL,
  type Membership,
  NOOP_SERIES_ID,
  NOT_SESSION_MANAGED_CLIENT_ID,
  REGISTER_SERIES_ID,
  UNREGISTER_SERIES_ID,
  type Uint64,
  decodeConfigChange,
} from '@drakkar/raftio';
import { ErrStateMachineFailed, RsmInvariantError } from '../errors/index.js';
import { isThenable } from '../runtime/is-thenable.js';
import type { IStateMachine } from '../statemachine/contract.js';
import type { EntryPayloads } from './entry-payloads.js';
import { hash64 } from './hash.js';
import { MembershipTracker } from './membership.js';
import { type Agreed, decodeSessions, encodeSessions } from './session-codec.js';
import { type ClientSession, SessionManager } from './session-manager.js';
import type { RsmListener, RsmOptions, SnapshotState } from './types.js';
import { asResult, describe } from './values.js';

/**
 * What each kind of entry does to the client sessions, the membership and the user's state machine. Knows nothing of
 * who else may be calling: `ReplicatedStateMachine` sees to it that calls don't overlap.
 *
 * The path of an entry whose `update` returns a plain value makes no promise and no object.
 */
export class EntryApplier {
  readonly #clusterID: number;
  readonly #nodeID: number;
  readonly #stateMachine: IStateMachine;
  readonly #listener: RsmListener;
  readonly #payloads: EntryPayloads;
  /** Hosts of Dragonboat v2.1.7 may be members, which know no feature level and no entries that go with one. */
  readonly #isForDragonboat: boolean;
  readonly #members: MembershipTracker;
  #sessions: SessionManager;
  #level = 0;
  /** In force. */
  #settings: GroupSettings;
  /** By which entries are, or were, applied at level 0. */
  #initialSettings: GroupSettings;
  #index = 0;
  #term = 0;
  /** What `update` returned for the entry at hand, when that was a promise, and the session that it is for. */
  #pendingResult: PromiseLike<Uint64> | undefined = undefined;
  #pendingSession: ClientSession | undefined = undefined;

  constructor(options: RsmOptions) {
    this.#clusterID = options.clusterID;
    this.#nodeID = options.nodeID;
    this.#stateMachine = options.stateMachine;
    this.#listener = options.listener;
    this.#payloads = options.payloads;
    this.#isForDragonboat = options.membershipRules === 'dragonboat';
    this.#members = new MembershipTracker({
      ordered: options.orderedConfigChange,
      rules: options.membershipRules ?? 'strict',
    });
    this.#sessions = new SessionManager(options.maxSessionCount);
    this.#settings = {
      orderedConfigChange: options.orderedConfigChange,
      lruMaxSessionCount: options.maxSessionCount,
    };
    this.#initialSettings = this.#settings;
  }

  get index(): number {
    return this.#index;
  }

  get term(): number {
    return this.#term;
  }

  get level(): number {
    return this.#level;
  }

  get settings(): GroupSettings {
    return this.#settings;
  }

  get initialSettings(): GroupSettings {
    return this.#initialSettings;
  }

  /** @throws RsmInvariantError when entries were applied by others */
  setInitialSettings(settings: GroupSettings): void {
    if (this.#index > 0) {
      const message = `${this.#name}: entries up to ${this.#index} are applied by other settings`;
      throw new RsmInvariantError(message, { details: { index: this.#index } });
    }
    this.#initialSettings = settings;
    this.#use(settings);
  }

  #use(settings: GroupSettings): void {
    this.#settings = settings;
    this.#members.setOrdered(settings.orderedConfigChange);
    this.#sessions.limitTo(settings.lruMaxSessionCount);
  }

  get #agreed(): Agreed | undefined {
    if (this.#level === 0) return undefined;
    return { level: this.#level, settings: this.#settings, initialSettings: this.#initialSettings };
  }

  /** Whether an entry waits for the promise that `update` returned; `finishPending` is to be called. */
  get isPending(): boolean {
    return this.#pendingResult !== undefined;
  }

  getMembership(): Membership {
    return this.#members.get();
  }

  /** Part of the membership's hash from level 1 on. */
  get #comparedSettings(): (number | boolean)[] {
    const { orderedConfigChange, lruMaxSessionCount } = this.#settings;
    return this.#level === 0 ? [] : [orderedConfigChange, lruMaxSessionCount];
  }

  getMembershipHash(): Uint64 {
    return this.#members.getHash(...this.#comparedSettings);
  }

  /** The same, whichever spelling of an address a replica has. */
  getNormalMembershipHash(): Uint64 {
    return this.#members.getNormalHash(...this.#comparedSettings);
  }

  getSessionHash(): Uint64 {
    return hash64(encodeSessions(this.#sessions, this.#agreed));
  }

  /** A hash of the client sessions that costs little. */
  getSessionDigest(): Uint64 {
    return this.#sessions.digest();
  }

  snapshotState(): SnapshotState {
    return {
      index: this.#index,
      term: this.#term,
      membership: this.#members.get(),
      sessions: encodeSessions(this.#sessions, this.#agreed),
    };
  }

  /** Checks a snapshot's sessions now; the function returned puts the snapshot in the place of everything here. */
  prepareRestore({ index, term, membership, sessions }: SnapshotState): () => void {
    const restored = decodeSessions(sessions, this.#sessions.maxCount);
    const level = restored.agreed?.level ?? 0;
    this.#mustKnow(level, `the snapshot at ${index} is of a group at`, index);
    if (level > 0)
      this.#mustBeOurs(`the snapshot at ${index} is of a group at feature level ${level}`, index);
    return () => {
      this.#sessions = restored.sessions;
      this.#level = level;
      this.#initialSettings = restored.agreed?.initialSettings ?? this.#initialSettings;
      this.#use(restored.agreed?.settings ?? this.#settings);
      this.#members.set(membership);
      this.#index = index;
      this.#term = term;
    };
  }

  /**
   * Applies entries until the end, or until one is pending.
   *
   * @returns position of the pending entry; the length of `entries` when all are applied
   */
  applyFrom(entries: readonly Entry[], from: number): number {
    let at = from;
    for (; at < entries.length; at++) {
      this.#apply(entries[at] as Entry);
      if (this.#pendingResult !== undefined) break;
    }
    return at;
  }

  /** Waits for the pending `entry` and completes it. */
  async finishPending(entry: Entry): Promise<void> {
    const session = this.#pendingSession;
    let result: unknown;
    try {
      result = await this.#pendingResult;
    } catch (cause) {
      throw this.#updateError(entry, cause);
    } finally {
      this.#pendingResult = undefined;
      this.#pendingSession = undefined;
    }
    this.#finishUpdate(entry, result, session);
  }

  /** The error of a method of the user's that threw `cause`. */
  stateMachineError(what: string, index: number, cause: unknown): ErrStateMachineFailed {
    return new ErrStateMachineFailed(
      `${this.#name}: the state machine failed in ${what}: ${describe(cause)}`,
      {
        cause,
        details: { clusterID: this.#clusterID, nodeID: this.#nodeID, index },
      },
    );
  }

  #apply(entry: Entry): void {
    const { clientID, seriesID } = entry;
    if (entry.index !== this.#index + 1 || entry.term < this.#term) this.#failOnGap(entry);
    if (entry.type === EntryType.ConfigChangeEntry) this.#applyConfigChange(entry);
    else if (clientID === NOT_SESSION_MANAGED_CLIENT_ID) this.#applyUnmanaged(entry);
    else if (seriesID === NOOP_SERIES_ID) this.#update(entry, undefined);
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
    // The client has said that it is done with this one. Dragonboat lets such a straggler time out; nobody should
    // still want its result, but if somebody does wait, an answer now is better.
    if (seriesID <= session.respondedTo) return this.#finish(entry, 0, true);
    const result = session.history.get(seriesID);
    if (result !== undefined) this.#finish(entry, result, false);
    else this.#update(entry, session);
  }

  /**
   * The empty entry of a new leader, which has no key, or in place of a membership change that the leader refused.
   * Anything else with client id 0 is not ours to apply, nor worth dying for.
   */
  #applyUnmanaged(entry: Entry): void {
    if (entry.cmdLength > 0) return this.#finish(entry, 0, true);
    this.#advance(entry);
    if (entry.key !== 0) this.#listener.onConfigChangeRefused(entry);
  }

  #applyConfigChange(entry: Entry): void {
    let change: ConfigChange;
    try {
      change = decodeConfigChange(entry.cmd);
    } catch (cause) {
      // A replica that doesn't understand a change must not go on with other members than the rest of the group.
      const message = `${this.#name}: entry ${entry.index} is not a membership change that this release knows`;
      throw new RsmInvariantError(message, { cause, details: { index: entry.index } });
    }
    if (change.type > ConfigChangeType.AddObserver)
      this.#mustBeOurs(`entry ${entry.index} is a change of type ${change.type}`, entry.index);
    if (change.type === ConfigChangeType.RaiseLevel) {
      this.#raiseLevel(entry, change);
      return;
    }
    if (change.type === ConfigChangeType.SetSettings) {
      this.#setSettings(entry, change);
      return;
    }
    const refusal = this.#members.handle(change, entry.index, this.#level);
    this.#advance(entry);
    this.#listener.onConfigChangeApplied(entry, change, refusal === undefined, this.#members.get(), refusal);
  }

  /**
   * The level never falls: what was applied by its rules stays so. With the first one the settings become the group's:
   * those that the entry carries, whatever this replica has had.
   */
  #raiseLevel(entry: Entry, { level = 0, settings }: ConfigChange): void {
    this.#mustKnow(level, `entry ${entry.index} raises the group to`, entry.index);
    if (this.#level === 0 && level > 0) this.#use({ ...this.#settings, ...settings });
    this.#level = Math.max(this.#level, level);
    this.#advance(entry);
    this.#listener.onLevelApplied(entry, this.#level);
  }

  /** Those that the entry does not have stay as they are. */
  #setSettings(entry: Entry, { settings }: ConfigChange): void {
    const refusal = this.#level === 0 ? 'the group is at feature level 0' : undefined;
    if (refusal === undefined) this.#use({ ...this.#settings, ...settings });
    this.#advance(entry);
    this.#listener.onSettingsApplied(entry, this.#settings, refusal);
  }

  /** A replica that went on without the rules of a level would differ from the others from then on. */
  #mustKnow(level: number, what: string, index: number): void {
    if (level <= LATEST_LEVEL) return;
    throw new RsmInvariantError(
      `${this.#name}: ${what} feature level ${level}, and this release knows levels up to ${LATEST_LEVEL}: start a ` +
        'release on this host that knows it',
      { details: { index, level } },
    );
  }

  /** A host of Dragonboat would stop at it, or come to another state. */
  #mustBeOurs(what: string, index: number): void {
    if (!this.#isForDragonboat) return;
    throw new RsmInvariantError(
      `${this.#name}: ${what}, which Dragonboat v2.1.7 does not know, and the group has compatibility: ` +
        "'dragonboat-2.1': see docs/dragonboat.md for how such a group is created",
      { details: { index } },
    );
  }

  #update(entry: Entry, session: ClientSession | undefined): void {
    const cmd = entry.type === EntryType.ApplicationEntry ? entry.cmd : this.#commandOf(entry);
    let result: Uint64 | Promise<Uint64>;
    try {
      result = this.#stateMachine.update(cmd);
    } catch (cause) {
      throw this.#updateError(entry, cause);
    }
    // A plain number, nearly always.
    if (typeof result !== 'number' && isThenable(result)) {
      this.#pendingResult = result;
      this.#pendingSession = session;
    } else {
      this.#finishUpdate(entry, result, session);
    }
  }

  /**
   * Of an entry that is compressed. A payload that can't be read may be damaged on this host alone; a replica that passed it over would then differ
   * from the others indefinitely.
   */
  #commandOf(entry: Entry): Uint8Array {
    this.#mustBeOurs(`entry ${entry.index} is compressed`, entry.index);
    try {
      return this.#payloads.command(entry);
    } catch (cause) {
      const message = `${this.#name}: the payload of entry ${entry.index} can't be read: ${describe(cause)}`;
      throw new RsmInvariantError(message, { cause, details: { index: entry.index } });
    }
  }

  #finishUpdate(entry: Entry, result: unknown, session: ClientSession | undefined): void {
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

  #failOnGap(entry: Entry): never {
    throw new RsmInvariantError(
      `${this.#name}: entry ${entry.index} of term ${entry.term} can't follow on entry ${this.#index} of term ` +
        `${this.#term}`,
      { details: { index: entry.index } },
    );
  }

  #updateError(entry: Entry, cause: unknown): ErrStateMachineFailed {
    return this.stateMachineError(`update with entry ${entry.index}`, entry.index, cause);
  }

  get #name(): string {
    return `group ${this.#clusterID} node ${this.#nodeID}`;
  }
}
