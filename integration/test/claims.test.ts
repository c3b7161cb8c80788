import { afterEach, describe, expect, it } from '@jest/globals';
import { isDrakkarError } from '@drakkar/raftio';
import { Session } from '@drakkar/framework';
import { CLUSTER, TestCluster, type TestNode, Workshop } from './support.js';

const workshop = new Workshop();

afterEach(async () => {
  await workshop.clear();
});

/** What an error claims; of none, that there was none. */
async function claimOf(call: Promise<unknown>): Promise<unknown> {
  try {
    await call;
    return 'done';
  } catch (error) {
    if (!isDrakkarError(error)) throw error;
    const { code, effect, retry } = error;
    return [code, effect, retry];
  }
}

async function alone(maxSessions?: number): Promise<TestNode> {
  const hardSettings = maxSessions === undefined ? {} : { hardSettings: { lruMaxSessionCount: maxSessions } };
  const cluster = await TestCluster.start(workshop, 1, hardSettings);
  return await cluster.readyLeader();
}

const bytes = (text: string): Uint8Array => Buffer.from(text);

describe('a session', () => {
  it('refuses a second command while the first is under way, and loses none', async () => {
    const { host, journal } = await alone();
    const session = await host.getNewSession(CLUSTER);
    const results = ['deposit A', 'deposit B', 'deposit C'].map((line) =>
      claimOf(host.syncPropose(session, bytes(line))),
    );
    expect(await Promise.all(results)).toEqual([
      'done',
      ['ERR_SESSION_IN_USE', 'none', 'never'],
      ['ERR_SESSION_IN_USE', 'none', 'never'],
    ]);
    expect(journal.lines).toEqual(['deposit A']);
  });

  it('refuses another command under the same series, and takes it when the first is completed', async () => {
    const { host, journal } = await alone();
    const session = await host.getNewSession(CLUSTER);
    await host.syncPropose(session, bytes('first'));
    expect(await claimOf(host.syncPropose(session, bytes('second')))).toEqual([
      'ERR_SESSION_IN_USE',
      'none',
      'never',
    ]);
    session.proposalCompleted();
    await host.syncPropose(session, bytes('second'));
    expect(journal.lines).toEqual(['first', 'second']);
  });

  it('takes the same bytes for a retry, of any size, and applies them once', async () => {
    const { host, journal } = await alone();
    const session = await host.getNewSession(CLUSTER);
    for (const line of ['short', 'long '.repeat(1_000)]) {
      const values = await Promise.all([1, 2, 3].map(() => host.syncPropose(session, bytes(line))));
      expect(new Set(values).size).toBe(1);
      expect(await claimOf(host.syncPropose(session, bytes(`${line}!`)))).toContain('ERR_SESSION_IN_USE');
      session.proposalCompleted();
    }
    expect(journal.lines).toHaveLength(2);
  });

  it('takes another command in the place of one that had no effect', async () => {
    const { host, journal } = await alone();
    const session = await host.getNewSession(CLUSTER);
    const aborted = host.syncPropose(session, bytes('never'), { signal: AbortSignal.abort() });
    expect(await claimOf(aborted)).toEqual(['ERR_CANCELED', 'none', 'never']);
    await host.syncPropose(session, bytes('other'));
    expect(journal.lines).toEqual(['other']);
  });

  it('leaves open whether a command was applied, at each retry, when evicted afterwards', async () => {
    const { host, journal } = await alone(2);
    const session = await host.getNewSession(CLUSTER);
    await host.syncPropose(session, bytes('pay'));
    for (let i = 0; i < 2; i++) await host.getNewSession(CLUSTER);
    for (let i = 0; i < 2; i++) {
      const retry = host.syncPropose(session, bytes('pay'));
      expect(await claimOf(retry)).toEqual(['ERR_REJECTED', 'unknown', 'never']);
    }
    expect(journal.lines).toEqual(['pay']);
  });

  it('reports no effect when evicted before the command was proposed', async () => {
    const { host, journal } = await alone(2);
    const session = await host.getNewSession(CLUSTER);
    for (let i = 0; i < 2; i++) await host.getNewSession(CLUSTER);
    const first = host.syncPropose(session, bytes('pay'));
    expect(await claimOf(first)).toEqual(['ERR_REJECTED', 'none', 'never']);
    expect(journal.lines).toEqual([]);
  });

  it('does not know of earlier attempts when made of a record', async () => {
    const { host, journal } = await alone(2);
    const session = await host.getNewSession(CLUSTER);
    const record = session.toRecord();
    await host.syncPropose(session, bytes('pay'));
    for (let i = 0; i < 2; i++) await host.getNewSession(CLUSTER);
    const elsewhere = host.syncPropose(Session.fromRecord(record), bytes('pay'));
    expect(await claimOf(elsewhere)).toEqual(['ERR_REJECTED', 'unknown', 'never']);
    expect(journal.lines).toEqual(['pay']);
  });

  it('leaves open, when a retry is not started, whether the first attempt was applied', async () => {
    const { host } = await alone();
    const session = await host.getNewSession(CLUSTER);
    await host.syncPropose(session, bytes('pay'));
    const other = await host.getNewSession(CLUSTER);
    await host.stopCluster(CLUSTER);
    const retry = host.syncPropose(session, bytes('pay'));
    expect(await claimOf(retry)).toEqual(['ERR_CLUSTER_NOT_FOUND', 'unknown', 'elsewhere']);
    const first = host.syncPropose(other, bytes('pay'));
    expect(await claimOf(first)).toEqual(['ERR_CLUSTER_NOT_FOUND', 'none', 'elsewhere']);
  });
});

describe('a read', () => {
  it('has no effect, whatever ends it', async () => {
    const node = await alone();
    const { host } = node;
    let end = (_result: number): void => undefined;
    const reached = new Promise<void>((resolve) => {
      node.journal.update = () => {
        resolve();
        return new Promise((ended) => (end = ended));
      };
    });
    host.propose(host.getNoOPSession(CLUSTER), bytes('takes long'));
    await reached;
    const abort = new AbortController();
    const reads = [
      claimOf(host.syncRead(CLUSTER, bytes(''), { timeoutMs: 40 })),
      claimOf(host.syncRead(CLUSTER, bytes(''), { signal: abort.signal })),
      claimOf(host.syncRead(CLUSTER, bytes(''), { signal: AbortSignal.abort() })),
    ];
    abort.abort();
    expect(await Promise.all(reads)).toEqual([
      ['ERR_TIMEOUT', 'none', 'here'],
      ['ERR_CANCELED', 'none', 'never'],
      ['ERR_CANCELED', 'none', 'never'],
    ]);
    end(1);
  });
});

describe('a request to a replica whose state machine throws', () => {
  it('ends with the cause, as later ones do, and only what was proposed may have had an effect', async () => {
    const { host } = await alone();
    const session = host.getNoOPSession(CLUSTER);
    const proposed = host.propose(session, bytes('throw'));
    const ends = [
      host.syncPropose(session, bytes('behind it')),
      proposed.result.then(({ outcome, cause }) =>
        Promise.reject(Object.assign(new Error(outcome), { cause })),
      ),
    ].map((call) => call.catch((error: unknown) => error));
    const cause = { code: 'ERR_STATE_MACHINE_FAILED', cause: { message: 'the state machine refuses' } };
    expect(await Promise.all(ends)).toMatchObject([
      { code: 'ERR_REQUEST_TERMINATED', effect: 'unknown', retry: 'elsewhere', cause },
      { message: 'terminated', cause },
    ]);
    const later = { code: 'ERR_REPLICA_FAILED', effect: 'none', retry: 'elsewhere', cause };
    await expect(host.syncPropose(session, bytes('later'))).rejects.toMatchObject(later);
    await expect(host.syncRead(CLUSTER, bytes(''))).rejects.toMatchObject(later);
  });
});

describe('a loop that retries where it is told to', () => {
  it('leaves a host whose replica was removed from its group', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.readyLeader();
    const removed = cluster.other(leader);
    const session = await removed.host.getNewSession(CLUSTER);
    await leader.host.syncRequestDeleteNode(CLUSTER, removed.nodeID, 0);
    const claim = async (): Promise<unknown> => {
      for (;;) {
        try {
          await removed.host.syncPropose(session, bytes('again'), { timeoutMs: 200 });
          session.proposalCompleted();
        } catch (error) {
          if (!isDrakkarError(error)) throw error;
          if (error.retry !== 'here') return error.retry;
        }
      }
    };
    expect(await claim()).toBe('elsewhere');
  });
});
