import type { Uint64 } from '@drakkar/raftio';
import { type Digest, addUint64, addWord, digestValue, newDigest } from './digest.js';

/** What a group remembers of one client (Raft thesis 6.3). */
export class ClientSession {
  readonly clientID: Uint64;
  /** Results of the series ids that the client has not yet confirmed. */
  readonly history: Map<Uint64, Uint64>;
  #respondedTo: Uint64;
  /** Neighbours in the order of use; kept by SessionManager. */
  older: ClientSession | undefined = undefined;
  newer: ClientSession | undefined = undefined;
  /** Of its content, as it was before it was used last; undefined: to be made. */
  #digest: Digest | undefined = undefined;

  constructor(clientID: Uint64, respondedTo: Uint64 = 0, history = new Map<Uint64, Uint64>()) {
    this.clientID = clientID;
    this.#respondedTo = respondedTo;
    this.history = history;
  }

  /** It may be changed from now on. */
  used(): void {
    this.#digest = undefined;
  }

  /** Equal for equal content, whatever the order in which results came. */
  get digest(): Readonly<Digest> {
    this.#digest ??= this.#makeDigest();
    return this.#digest;
  }

  #makeDigest(): Digest {
    const digest = newDigest();
    addUint64(digest, this.clientID);
    addUint64(digest, this.#respondedTo);
    let a = 0;
    let b = 0;
    for (const [seriesID, result] of this.history) {
      const one = newDigest();
      addUint64(one, seriesID);
      addUint64(one, result);
      a = (a + one.a) | 0;
      b = (b + one.b) | 0;
    }
    addWord(digest, a);
    addWord(digest, b);
    addWord(digest, this.history.size);
    return digest;
  }

  /** The client has the results up to here. */
  get respondedTo(): Uint64 {
    return this.#respondedTo;
  }

  /** Forgets the results that the client says it has. Never goes back. */
  clearTo(respondedTo: Uint64): void {
    const before = this.#respondedTo;
    if (respondedTo <= before) return;
    this.#respondedTo = respondedTo;
    const { history } = this;
    if (typeof before === 'number' && respondedTo === before + 1) {
      history.delete(respondedTo); // a client that waits for each result before its next proposal
      return;
    }
    for (const seriesID of history.keys()) {
      if (seriesID <= respondedTo) history.delete(seriesID);
    }
  }
}

/**
 * The client sessions of one group, at most `maxCount`; to make room, the least recently used one goes. Which one
 * that is decides which proposals are rejected, so the order of use is replicated state: it changes only by entries
 * of the log, it is part of a snapshot, and it is the same on all replicas, Dragonboat's included. A session is used
 * when it is registered, when its registration is tried again, and by each of its proposals, applied or not.
 */
export class SessionManager {
  #maxCount: number;
  readonly #sessions = new Map<Uint64, ClientSession>();
  #oldest: ClientSession | undefined = undefined;
  #newest: ClientSession | undefined = undefined;

  constructor(maxCount: number) {
    this.#maxCount = checkedCount(maxCount);
  }

  get maxCount(): number {
    return this.#maxCount;
  }

  /** From now on; the least recently used ones go, in that order, until the others fit. */
  limitTo(maxCount: number): void {
    this.#maxCount = checkedCount(maxCount);
    this.#evict();
  }

  get count(): number {
    return this.#sessions.size;
  }

  /** Whether the session is new; one that exists is used, and stays as it is. */
  register(clientID: Uint64): boolean {
    if (this.use(clientID) !== undefined) return false;
    this.add(new ClientSession(clientID));
    return true;
  }

  /** Whether there was such a session. */
  unregister(clientID: Uint64): boolean {
    const session = this.#sessions.get(clientID);
    if (session === undefined) return false;
    this.#remove(session);
    return true;
  }

  /** The session of that client, which becomes the most recently used one. */
  use(clientID: Uint64): ClientSession | undefined {
    const session = this.#sessions.get(clientID);
    session?.used();
    if (session !== undefined && session !== this.#newest) {
      this.#unlink(session);
      this.#linkNewest(session);
    }
    return session;
  }

  /** Adds a session that is not there yet as the most recently used one. */
  add(session: ClientSession): void {
    this.#sessions.set(session.clientID, session);
    this.#linkNewest(session);
    this.#evict();
  }

  /** All sessions, the least recently used one first. */
  *inOrderOfUse(): IterableIterator<ClientSession> {
    for (let session = this.#oldest; session !== undefined; session = session.newer) yield session;
  }

  /**
   * A hash of all sessions, their results and their order of use. Costs little where few sessions were used since it
   * was asked for last. The same in every release, for replicas of different ones compare it.
   */
  digest(): Uint64 {
    const digest = newDigest();
    addWord(digest, this.#sessions.size);
    for (let session = this.#oldest; session !== undefined; session = session.newer) {
      const { a, b } = session.digest;
      digest.a = (Math.imul(digest.a, 31) + a) | 0;
      digest.b = (Math.imul(digest.b, 37) + b) | 0;
    }
    return digestValue(digest);
  }

  #evict(): void {
    while (this.#sessions.size > this.#maxCount && this.#oldest !== undefined) this.#remove(this.#oldest);
  }

  #remove(session: ClientSession): void {
    this.#sessions.delete(session.clientID);
    this.#unlink(session);
  }

  #unlink(session: ClientSession): void {
    const { older, newer } = session;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
  }

  #linkNewest(session: ClientSession): void {
    const newest = this.#newest;
    session.older = newest;
    session.newer = undefined;
    if (newest === undefined) this.#oldest = session;
    else newest.newer = session;
    this.#newest = session;
  }
}

function checkedCount(maxCount: number): number {
  if (Number.isInteger(maxCount) && maxCount >= 1 && maxCount <= 0xffff_ffff) return maxCount;
  throw new RangeError(`maxSessionCount must be an integer from 1 to 2^32-1, but is ${maxCount}`);
}
