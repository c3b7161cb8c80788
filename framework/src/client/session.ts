import {
  FIRST_PROPOSAL_SERIES_ID,
  NOOP_SERIES_ID,
  NOT_SESSION_MANAGED_CLIENT_ID,
  REGISTER_SERIES_ID,
  type SessionRecord,
  UNREGISTER_SERIES_ID,
  type Uint64,
  toUint64,
} from '@drakkar/raftio';
import { ErrInvalidSession, ErrSessionInUse } from '../errors/index.js';
import { CommandInFlight } from './command-in-flight.js';

/** Where client ids come from; `IRandom` is one. */
export interface ClientIDSource {
  /** A uniformly chosen unsigned 64-bit integer. */
  uint64(): Uint64;
}

/** Client ids are kept to 53 bits, so that they are plain numbers wherever they go. */
const CLIENT_ID_BITS = 53;

/**
 * A client's side of a session with one group (Raft thesis 6.3).
 *
 * A proposal that times out may have been applied, or may yet be. To propose it again with the same session,
 * unchanged, is safe: every replica remembers the result of each series id, so the command is applied at most once
 * and the retry receives the result of the first. That holds while the group knows the session; it keeps the 4,096
 * most recently used, and a proposal of a session that it has dropped is rejected.
 *
 * In return the client calls `proposalCompleted()` after each proposal that it has the result of, or has given up for
 * good, and before the next one: so it has one command under way at a time. The same bytes under a series id are a
 * retry; another command is refused with `ErrSessionInUse`, at once, as long as the first may have been applied. That
 * is seen by the object that both were proposed with: of copies (`toRecord`) use one at a time.
 *
 * A NoOP session (series id 0) needs none of this and promises none of it: a retry may apply the command twice.
 */
export class Session {
  readonly clusterID: number;
  readonly clientID: Uint64;
  #seriesID: Uint64;
  #respondedTo: Uint64;
  #inFlight: CommandInFlight | undefined = undefined;

  /** For `newSession`, `newNoOPSession` and `Session.fromRecord`; not for applications. */
  constructor(record: SessionRecord) {
    this.clusterID = record.clusterID;
    this.clientID = record.clientID;
    this.#seriesID = record.seriesID;
    this.#respondedTo = record.respondedTo;
  }

  /** The session that `toRecord` described. @throws ErrInvalidSession when a field is out of its range */
  static fromRecord(record: SessionRecord): Session {
    if (!Number.isSafeInteger(record.clusterID) || record.clusterID < 0) {
      throw new ErrInvalidSession(`a session record has the invalid cluster id ${record.clusterID}`);
    }
    let session: Session;
    try {
      session = new Session({
        clusterID: record.clusterID,
        clientID: toUint64(record.clientID),
        seriesID: toUint64(record.seriesID),
        respondedTo: toUint64(record.respondedTo),
      });
    } catch (cause) {
      throw new ErrInvalidSession('a session record has an id that is not an unsigned 64-bit integer', {
        cause,
      });
    }
    session.#inFlight = new CommandInFlight(session.#seriesID, true);
    return session;
  }

  /** Number of the proposal that is next or under way, or a special value: NoOP, register, unregister. */
  get seriesID(): Uint64 {
    return this.#seriesID;
  }

  /** Highest series id whose result the client has; the replicas forget the results up to it. */
  get respondedTo(): Uint64 {
    return this.#respondedTo;
  }

  isNoOPSession(): boolean {
    return this.#seriesID === NOOP_SERIES_ID;
  }

  /** Makes the session ready for the request that registers it. @throws ErrInvalidSession on a NoOP session */
  prepareForRegister(): void {
    this.#mustBeRegular('prepareForRegister');
    this.#seriesID = REGISTER_SERIES_ID;
  }

  /** Makes the session ready for the request that ends it. @throws ErrInvalidSession on a NoOP session */
  prepareForUnregister(): void {
    this.#mustBeRegular('prepareForUnregister');
    this.#seriesID = UNREGISTER_SERIES_ID;
  }

  /** Makes the session, just registered, ready for its first proposal. @throws ErrInvalidSession on a NoOP session */
  prepareForPropose(): void {
    this.#mustBeRegular('prepareForPropose');
    this.#seriesID = FIRST_PROPOSAL_SERIES_ID;
  }

  /**
   * Says that the proposal under way has its result or is given up, and numbers the next one. To be called once after
   * each proposal, but never before a retry of it.
   *
   * @throws ErrInvalidSession on a NoOP session, and on one that is being registered or unregistered
   */
  proposalCompleted(): void {
    this.#mustBeRegular('proposalCompleted');
    if (this.#seriesID !== successor(this.#respondedTo)) {
      throw new ErrInvalidSession(
        `proposalCompleted() was called on a session without a proposal under way: its series id is ` +
          `${this.#seriesID}, and it has responses up to ${this.#respondedTo}`,
      );
    }
    this.#respondedTo = this.#seriesID;
    this.#seriesID = successor(this.#seriesID);
  }

  /** Whether a proposal to that group can be made with the session as it is. */
  validForProposal(clusterID: number): boolean {
    if (this.clusterID !== clusterID || this.clientID === NOT_SESSION_MANAGED_CLIENT_ID) return false;
    if (this.#seriesID === REGISTER_SERIES_ID || this.#seriesID === UNREGISTER_SERIES_ID) return false;
    return this.isNoOPSession() || this.#respondedTo < this.#seriesID;
  }

  /** Whether the session is prepared to be registered with, or unregistered from, that group. */
  validForSessionOp(clusterID: number): boolean {
    if (this.clusterID !== clusterID || this.clientID === NOT_SESSION_MANAGED_CLIENT_ID) return false;
    return this.#seriesID === REGISTER_SERIES_ID || this.#seriesID === UNREGISTER_SERIES_ID;
  }

  /**
   * The attempts at `cmd` under the series id as it is.
   *
   * @internal
   * @throws ErrSessionInUse when another command has it
   */
  attempts(cmd: Uint8Array): CommandInFlight {
    const known = this.#inFlight;
    if (known?.seriesID !== this.#seriesID) {
      this.#inFlight = new CommandInFlight(this.#seriesID, false);
      return this.#inFlight;
    }
    if (!known.mayBeApplied || !known.isOther(cmd)) return known;
    throw new ErrSessionInUse(
      `another command was proposed with series id ${this.#seriesID} of this session, and may have been applied: wait ` +
        'for its result and call proposalCompleted(), or use a session for each command that is under way',
    );
  }

  /** Whether an attempt at `cmd` under the series id as it is may have been applied. @internal */
  mayBeApplied(cmd: Uint8Array): boolean {
    const known = this.#inFlight;
    return known?.seriesID === this.#seriesID && known.mayBeApplied && !known.isOther(cmd);
  }

  /** The session as plain fields, to be stored or sent elsewhere. */
  toRecord(): SessionRecord {
    return {
      clusterID: this.clusterID,
      clientID: this.clientID,
      seriesID: this.#seriesID,
      respondedTo: this.#respondedTo,
    };
  }

  #mustBeRegular(method: string): void {
    if (this.clientID === NOT_SESSION_MANAGED_CLIENT_ID || this.isNoOPSession()) {
      throw new ErrInvalidSession(`${method}() was called on a NoOP session`);
    }
  }
}

/** A session with a client id of its own, not yet registered with the group. */
export function newSession(clusterID: number, random: ClientIDSource): Session {
  const clientID = randomClientID(random);
  return new Session({ clusterID, clientID, seriesID: FIRST_PROPOSAL_SERIES_ID, respondedTo: 0 });
}

/** A session that needs no registration and gives no protection against applying a retry twice. */
export function newNoOPSession(clusterID: number, random: ClientIDSource): Session {
  return new Session({
    clusterID,
    clientID: randomClientID(random),
    seriesID: NOOP_SERIES_ID,
    respondedTo: 0,
  });
}

function randomClientID(random: ClientIDSource): number {
  for (;;) {
    const clientID = Number(BigInt.asUintN(CLIENT_ID_BITS, BigInt(random.uint64())));
    if (clientID !== NOT_SESSION_MANAGED_CLIENT_ID) return clientID;
  }
}

function successor(value: Uint64): Uint64 {
  return typeof value === 'number' && value < Number.MAX_SAFE_INTEGER
    ? value + 1
    : toUint64(BigInt(value) + 1n);
}
