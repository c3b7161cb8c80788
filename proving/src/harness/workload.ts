import { Buffer } from 'node:buffer';
import { setTimeout as delay } from 'node:timers/promises';
import type { NodeHost, Session } from '@drakkar/framework';
import { isDrakkarError } from '@drakkar/raftio';
import { asBuffer, decodeRecords, encodeDelete, encodeGet, encodePut } from './kv-commands.js';
import type { WorkloadSpec, WorkloadStats } from './commands.js';
import { CallKind, Journal } from './journal.js';
import { keyName, privateKeyID, valueOf } from './names.js';

/** An attempt that has no answer after this is repeated; the session sees to it that it counts once. */
const ATTEMPT_TIMEOUT_MS = 500;
const RETRY_DELAY_MS = 10;
const DELETES_IN_100 = 5;
const PRIVATE_KEYS_IN_100 = 50;

/** What the clients need of a NodeHost. */
export type WorkloadHost = Pick<NodeHost, 'syncPropose' | 'syncRead' | 'getNewSession' | 'closeSession'>;

type Attempt<T> = { ended: true; answer: T } | { ended: false };

/** Clients in this process that write and read through this host, one call at a time each, and record all of it. */
export class Workload {
  readonly stats: WorkloadStats = { acknowledgedWrites: 0, reads: 0, retries: 0 };
  readonly #host: WorkloadHost;
  readonly #clusterID: number;
  readonly #spec: WorkloadSpec;
  readonly #journal: Journal;
  readonly #padding: Uint8Array;
  readonly #attemptTimeoutMs: number;
  #clients: Promise<void>[] = [];
  #isStopping = false;
  #giveUpAt = Infinity;
  #nextValue = 1;
  #nextPrivateKey = 0;

  constructor(host: WorkloadHost, clusterID: number, spec: WorkloadSpec) {
    this.#host = host;
    this.#clusterID = clusterID;
    this.#spec = spec;
    this.#journal = new Journal(spec.journalPath);
    this.#padding = new Uint8Array(spec.payloadBytes);
    this.#attemptTimeoutMs = spec.attemptTimeoutMs ?? ATTEMPT_TIMEOUT_MS;
  }

  start(): void {
    const { writers, readers } = this.#spec;
    for (let i = 0; i < writers; i += 1) this.#clients.push(this.#write(i));
    for (let i = 0; i < readers; i += 1) this.#clients.push(this.#read(writers + i));
    // `stop` tells; until then a failure is not one that nobody handles.
    for (const client of this.#clients) client.catch(() => {});
  }

  /** Lets every client finish its call. Rejects with what went wrong, if a client met an error it should not have. */
  async stop(patienceMs: number): Promise<WorkloadStats> {
    this.#isStopping = true;
    this.#giveUpAt = performance.now() + patienceMs;
    const ends = await Promise.allSettled(this.#clients);
    this.#journal.close();
    const failure = ends.find((end) => end.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
    return this.stats;
  }

  async #write(client: number): Promise<void> {
    let session: Session | undefined;
    let ownKey = this.#newPrivateKey();
    while (!this.#isStopping) {
      if (session === undefined) {
        session = await this.#openSession();
        continue;
      }
      const isOwn = Math.random() * 100 < PRIVATE_KEYS_IN_100;
      const keyID = isOwn ? ownKey : this.#anySharedKey();
      const isDelete = !isOwn && Math.random() * 100 < DELETES_IN_100;
      const value = isDelete ? 0 : valueOf(this.#spec.incarnation, this.#nextValue++);
      const cmd = isDelete ? encodeDelete(keyName(keyID)) : encodePut(keyName(keyID), this.#payload(value));
      const call = this.#journal.invoked(isDelete ? CallKind.delete : CallKind.put, client, keyID, value);
      const proposing = session;
      const attempt = await this.#persist(() =>
        this.#host.syncPropose(proposing, cmd, { timeoutMs: this.#attemptTimeoutMs }),
      );
      if (attempt.ended) {
        this.#journal.returned(call, Number(attempt.answer), value);
        session.proposalCompleted();
        this.stats.acknowledgedWrites += 1;
      } else {
        // The outcome stays unknown. Neither the session's place nor the count of the own key is known any more.
        session = undefined;
        ownKey = this.#newPrivateKey();
      }
    }
    if (session !== undefined) await this.#closeSession(session);
  }

  async #read(client: number): Promise<void> {
    while (!this.#isStopping) {
      const keyID = this.#anySharedKey();
      const query = encodeGet(keyName(keyID));
      const call = this.#journal.invoked(CallKind.get, client, keyID, NaN);
      const attempt = await this.#persist(() =>
        this.#host.syncRead(this.#clusterID, query, { timeoutMs: this.#attemptTimeoutMs }),
      );
      if (!attempt.ended) continue;
      const [record] = decodeRecords(attempt.answer);
      const seen = record === undefined ? NaN : asBuffer(record.value).readDoubleLE(0);
      this.#journal.returned(call, 0, seen);
      this.stats.reads += 1;
    }
  }

  async #openSession(): Promise<Session | undefined> {
    const attempt = await this.#persist(() =>
      this.#host.getNewSession(this.#clusterID, { timeoutMs: this.#attemptTimeoutMs }),
    );
    return attempt.ended ? attempt.answer : undefined;
  }

  async #closeSession(session: Session): Promise<void> {
    await this.#persist(() => this.#host.closeSession(session, { timeoutMs: this.#attemptTimeoutMs }));
  }

  /**
   * Repeats an attempt until it succeeds, as long as the error is one that time or a retry mends. Not ended: it was
   * refused permanently (the group does not know the session any more), or patience is over.
   */
  async #persist<T>(attempt: () => Promise<T>): Promise<Attempt<T>> {
    for (;;) {
      try {
        return { ended: true, answer: await attempt() };
      } catch (error) {
        if (!isDrakkarError(error)) throw error;
        if (error.code === 'ERR_REJECTED') return { ended: false };
        const isOver = error.code === 'ERR_CLOSED' || error.code === 'ERR_REPLICA_FAILED';
        if (isOver || error.retry === 'never') throw error;
        if (performance.now() >= this.#giveUpAt) return { ended: false };
        this.stats.retries += 1;
        await delay(RETRY_DELAY_MS);
      }
    }
  }

  #anySharedKey(): number {
    return this.#spec.firstSharedKey + Math.floor(Math.random() * this.#spec.sharedKeys);
  }

  #newPrivateKey(): number {
    const id = privateKeyID(this.#spec.incarnation, this.#nextPrivateKey);
    this.#nextPrivateKey += 1;
    return id;
  }

  #payload(value: number): Uint8Array {
    const payload = Buffer.from(this.#padding);
    payload.writeDoubleLE(value, 0);
    return payload;
  }
}
