import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DrakkarError, type Uint64 } from '@drakkar/raftio';
import { asBuffer, decodeDigestAnswer, decodeRecords, encodeDigest, encodeScan } from './kv-commands.js';
import { KVStateMachine } from './kv-state-machine.js';
import { nowMicros } from './clock.js';
import { pollUntil } from './waiting.js';
import { readJournal } from './journal.js';
import { SeededRandom } from './random.js';
import { type Evidence, verify } from './verify.js';
import { Workload, type WorkloadHost } from './workload.js';

/** A session as far as clients need one: a place in a series of proposals. */
class FakeSession {
  seriesID = 1;
  last: { seriesID: number; answer: Uint64 } | undefined;

  proposalCompleted(): void {
    this.seriesID += 1;
  }
}

const timeout = (): DrakkarError => new DrakkarError('ERR_TIMEOUT', 'unknown', 'timeout');
const notReady = (): DrakkarError => new DrakkarError('ERR_CLUSTER_NOT_READY', 'retry', 'not ready');

/** One state machine behind a host that fails now and then, as a host does whose leader comes and goes. */
class FakeHost {
  readonly machine = new KVStateMachine();
  readonly #random = new SeededRandom(1);

  apply(session: FakeSession, cmd: Uint8Array): Uint64 {
    if (session.last?.seriesID === session.seriesID) return session.last.answer;
    const answer = this.machine.update(cmd);
    session.last = { seriesID: session.seriesID, answer };
    return answer;
  }

  async syncPropose(session: FakeSession, cmd: Uint8Array): Promise<Uint64> {
    await this.#travel();
    if (this.#random.isTrue(0.1)) throw notReady();
    const answer = this.apply(session, cmd);
    if (this.#random.isTrue(0.1)) throw timeout();
    await this.#travel();
    return answer;
  }

  async syncRead(_clusterID: number, query: Uint8Array): Promise<Uint8Array> {
    await this.#travel();
    if (this.#random.isTrue(0.1)) throw notReady();
    const answer = this.read(query);
    await this.#travel();
    return answer;
  }

  read(query: Uint8Array): Uint8Array {
    return this.machine.lookup(query);
  }

  async getNewSession(): Promise<FakeSession> {
    await this.#travel();
    if (this.#random.isTrue(0.2)) throw timeout();
    return new FakeSession();
  }

  async closeSession(): Promise<void> {
    await this.#travel();
  }

  async #travel(): Promise<void> {
    await delay(this.#random.between(0, 2));
  }
}

/** Applies a retried proposal again, as if there were no sessions. */
class ForgetfulHost extends FakeHost {
  override apply(_session: FakeSession, cmd: Uint8Array): Uint64 {
    return this.machine.update(cmd);
  }
}

/** Acknowledges one write in fifty without applying it. */
class LossyHost extends FakeHost {
  #count = 0;

  override apply(session: FakeSession, cmd: Uint8Array): Uint64 {
    this.#count += 1;
    return this.#count % 50 === 0 ? 1 : super.apply(session, cmd);
  }
}

/** Answers one read in twenty from what it held a while ago. */
class StaleHost extends FakeHost {
  readonly #answers = new Map<string, Uint8Array>();
  #count = 0;

  override read(query: Uint8Array): Uint8Array {
    this.#count += 1;
    const key = asBuffer(query).toString();
    const old = this.#answers.get(key);
    const answer = super.read(query);
    if (old === undefined || this.#count % 20 === 0) this.#answers.set(key, answer);
    return old !== undefined && this.#count % 20 === 10 ? old : answer;
  }
}

describe('Workload', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'drakkar-workload-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  function workloadOn(host: FakeHost): Workload {
    return new Workload(host as unknown as WorkloadHost, 1, {
      journalPath: join(dir, 'journal'),
      incarnation: 0,
      writers: 6,
      readers: 4,
      firstSharedKey: 0,
      sharedKeys: 5,
      payloadBytes: 16,
    });
  }

  function evidenceOf(host: FakeHost): Evidence {
    const digest = decodeDigestAnswer(host.machine.lookup(encodeDigest()));
    const askedAt = nowMicros();
    const records = decodeRecords(host.machine.lookup(encodeScan(''))).map(({ key, version, value }) => {
      return { key, version, value: asBuffer(value).readDoubleLE(0) };
    });
    return {
      calls: readJournal(join(dir, 'journal')),
      digests: new Map([[1, digest]]),
      dumps: [{ nodeID: 1, askedAt, toldAt: nowMicros(), records }],
      writesBefore: 0,
    };
  }

  async function failuresWith(host: FakeHost): Promise<string[]> {
    const workload = workloadOn(host);
    workload.start();
    await pollUntil(20_000, 'not enough calls', async () => {
      const { acknowledgedWrites, reads } = workload.stats;
      return acknowledgedWrites > 600 && reads > 400 ? true : undefined;
    });
    const stats = await workload.stop(10_000);
    expect(stats.retries).toBeGreaterThan(50);
    return verify(evidenceOf(host)).flatMap(({ name, isGood }) => (isGood ? [] : [name]));
  }

  it('records a history that holds, whatever fails on the way', async () => {
    expect(await failuresWith(new FakeHost())).toEqual([]);
  });

  it('catches a host that applies retries twice', async () => {
    expect(await failuresWith(new ForgetfulHost())).toContain('no write took effect twice');
  });

  it('catches a host that loses acknowledged writes', async () => {
    expect(await failuresWith(new LossyHost())).toContain('every acknowledged write is on every replica');
  });

  it('catches a host whose reads are stale', async () => {
    expect(await failuresWith(new StaleHost())).toEqual(['the history is linearizable']);
  });

  it('leaves the outcome unknown when patience is over, and ends', async () => {
    class DeadHost extends FakeHost {
      override async syncPropose(session: FakeSession, cmd: Uint8Array): Promise<Uint64> {
        await super.syncPropose(session, cmd).catch(() => 0);
        throw timeout();
      }
    }
    const workload = workloadOn(new DeadHost());
    workload.start();
    await pollUntil(5_000, 'no retries', async () => (workload.stats.retries > 20 ? true : undefined));
    const stats = await workload.stop(10);
    expect(stats.acknowledgedWrites).toBe(0);
    const writes = readJournal(join(dir, 'journal')).filter(({ kind }) => kind !== 2);
    expect(writes.length).toBeGreaterThan(0);
    expect(writes.every(({ returnedAt }) => returnedAt === undefined)).toBe(true);
  });

  it('reports what went wrong when a client meets an error that no retry mends', async () => {
    class BrokenHost extends FakeHost {
      override read(): Uint8Array {
        throw new DrakkarError('ERR_REPLICA_FAILED', 'fatal-replica', 'the replica has failed');
      }
    }
    const workload = workloadOn(new BrokenHost());
    workload.start();
    await expect(workload.stop(1_000)).rejects.toThrow('the replica has failed');
  });
});
