import { afterEach, describe, expect, it } from '@jest/globals';
import { type RequestState, Session, isTempError, newSession } from '@drakkar/framework';
import { MAX_UINT64, type Uint64 } from '@drakkar/raftio';
import {
  CLUSTER,
  Journal,
  TestCluster,
  type TestNode,
  Workshop,
  clusterConfig,
  codeOf,
  eventually,
  retrying,
} from './support.js';

const workshop = new Workshop();
afterEach(() => workshop.clear());

const TIMEOUT = { timeoutMs: 60_000 };
/** The leader goes on without a quorum, so that what it was asked waits. */
const STAYS = { checkQuorum: false };

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `line ${i}`);

async function values(requests: readonly RequestState[]): Promise<Uint64[]> {
  const results = await Promise.all(requests.map(({ result }) => result));
  expect(results.every((result) => result.completed())).toBe(true);
  return results.map(({ value }) => value);
}

/** A leader whose followers nothing reaches. */
async function cutOffLeader(config = {}): Promise<{ cluster: TestCluster; leader: TestNode }> {
  const cluster = await TestCluster.start(workshop, 3, {}, { ...STAYS, ...config });
  const leader = await cluster.readyLeader();
  for (const { nodeID } of cluster.others(leader)) cluster.cutOff.add(nodeID);
  return { cluster, leader };
}

describe('asynchronous proposals', () => {
  it('are made at once, and the next does not wait for the one before', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.readyLeader();
    const { host } = leader;
    const session = host.getNoOPSession(CLUSTER);
    const requests = names(50).map((line) => host.propose(session, Buffer.from(line)));
    expect(requests.map(({ outcome }) => outcome)).toEqual(requests.map(() => undefined));
    expect(leader.journal.lines).toEqual([]);
    expect(await values(requests)).toEqual(names(50).map((_, i) => i + 1));
    expect(leader.journal.lines).toEqual(names(50));
  });

  it('leave the buffer to the caller as soon as they are made', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const { host } = await cluster.readyLeader();
    const session = host.getNoOPSession(CLUSTER);
    const buffer = Buffer.alloc(8);
    const requests = names(9).map((line) => {
      buffer.fill(0).write(line);
      return host.propose(session, buffer.subarray(0, line.length));
    });
    buffer.fill('X');
    await values(requests);
    for (const node of cluster.nodes) expect(await cluster.read(node)).toBe(names(9).join('\n'));
  });

  it('report their end once, to every listener, however late', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const { host } = await cluster.readyLeader();
    const request = host.propose(host.getNoOPSession(CLUSTER), Buffer.from('a'));
    let heard = 0;
    request.onResult(() => void heard++);
    const first = await request.result;
    expect([first.completed(), first.timeout(), first.rejected(), first.terminated()]).toEqual([
      true,
      false,
      false,
      false,
    ]);
    expect(first.value).toBe(1);
    expect(await request.result).toBe(first);
    expect(request.outcome).toBe('completed');
    expect(heard).toBe(1);
  });

  it('complete when they are applied on the host that made them', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const follower = cluster.other(await cluster.readyLeader());
    await follower.host.waitReady(CLUSTER, TIMEOUT);
    for (const line of names(10)) {
      await retrying(() =>
        follower.host.syncPropose(follower.host.getNoOPSession(CLUSTER), Buffer.from(line), TIMEOUT),
      );
      expect(follower.journal.lines.at(-1)).toBe(line);
    }
  });

  it('give what update returned, all 64 bits of it', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const node = cluster.node(1);
    const results: Uint64[] = [0, 2 ** 53 - 1, 2n ** 53n, MAX_UINT64];
    const machine = new Journal();
    machine.update = (cmd) => results[Number(Buffer.from(cmd).toString())] ?? 0;
    const clusterID = 2;
    const config = clusterConfig(1, { clusterID });
    await node.host.startCluster(cluster.members, false, () => machine, config);
    await node.host.waitReady(clusterID, TIMEOUT);
    const session = node.host.getNoOPSession(clusterID);
    for (const [i, result] of results.entries())
      expect(await node.host.syncPropose(session, Buffer.from(`${i}`), TIMEOUT)).toBe(result);
  });
});

describe('a proposal that gets no answer', () => {
  it('times out at its limit, not before, and is applied once when it is retried', async () => {
    const cluster = await TestCluster.start(workshop, 3, {}, STAYS);
    const leader = await cluster.readyLeader();
    const { host, journal } = leader;
    const session = await retrying(() => host.getNewSession(CLUSTER, TIMEOUT));
    for (const { nodeID } of cluster.others(leader)) cluster.cutOff.add(nodeID);
    const startMs = performance.now();
    const attempt = (): Promise<unknown> =>
      host.syncPropose(session, Buffer.from('once'), { timeoutMs: 300 });
    expect(await codeOf(attempt)).toBe('ERR_TIMEOUT');
    expect(performance.now() - startMs).toBeGreaterThan(280);
    const request = host.propose(session, Buffer.from('once'), { timeoutMs: 100 });
    expect((await request.result).timeout()).toBe(true);
    expect(journal.lines).toEqual([]);
    cluster.cutOff.clear();
    expect(await retrying(() => host.syncPropose(session, Buffer.from('once'), TIMEOUT))).toBe(1);
    session.proposalCompleted();
    expect(await retrying(() => host.syncPropose(session, Buffer.from('next'), TIMEOUT))).toBe(2);
    for (const node of cluster.nodes) expect(await cluster.read(node)).toBe('once\nnext');
  });

  it('can be given up by a signal, and may still happen', async () => {
    const { cluster, leader } = await cutOffLeader();
    const abort = new AbortController();
    const session = leader.host.getNoOPSession(CLUSTER);
    const options = { timeoutMs: 60_000, signal: abort.signal };
    const wait = leader.host.syncPropose(session, Buffer.from('late'), options);
    abort.abort();
    expect(await codeOf(() => wait)).toBe('ERR_CANCELED');
    cluster.cutOff.clear();
    await eventually('it to be applied', () => (leader.journal.lines.includes('late') ? true : undefined));
  });

  it('is terminated when its group is stopped, and so are reads and membership changes', async () => {
    const { leader } = await cutOffLeader();
    const { host } = leader;
    const requests = [
      host.propose(host.getNoOPSession(CLUSTER), Buffer.from('x'), { timeoutMs: 60_000 }),
      host.readIndex(CLUSTER, { timeoutMs: 60_000 }),
      host.requestDeleteNode(CLUSTER, leader.nodeID === 1 ? 2 : 1, 0, { timeoutMs: 60_000 }),
    ];
    const waits = requests.map(({ result }) => result);
    await host.stopCluster(CLUSTER);
    for (const result of await Promise.all(waits)) expect(result.terminated()).toBe(true);
  });
});

describe('a host that has too much to do', () => {
  it('fails at once with a retryable error, and recovers', async () => {
    const { cluster, leader } = await cutOffLeader({ maxInMemLogSize: 100_000 });
    const session = leader.host.getNoOPSession(CLUSTER);
    const propose = (): RequestState =>
      leader.host.propose(session, Buffer.alloc(10_000, 'x'), { timeoutMs: 60_000 });
    const refusal = await eventually('the log to be full', async () => {
      try {
        propose();
        return undefined;
      } catch (error) {
        return { error };
      }
    });
    expect(refusal.error).toMatchObject({ code: 'ERR_SYSTEM_BUSY', effect: 'none', retry: 'here' });
    expect(isTempError(refusal.error)).toBe(true);
    cluster.cutOff.clear();
    const request = await eventually('room for another', () => {
      try {
        return propose();
      } catch {
        return undefined;
      }
    });
    expect((await request.result).completed()).toBe(true);
  });
});

describe('a NoOP session', () => {
  it('serves any number of proposals at once, and protects none from being applied twice', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const { host, journal } = await cluster.readyLeader();
    const session = host.getNoOPSession(CLUSTER);
    expect(session.isNoOPSession()).toBe(true);
    const again = await Promise.all(
      names(20).map(() => host.syncPropose(session, Buffer.from('same'), TIMEOUT)),
    );
    expect(new Set(again).size).toBe(20);
    expect(journal.lines).toEqual(names(20).map(() => 'same'));
  });
});

describe('a registered session', () => {
  it('gives the same answer until the proposal is completed', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const { host, journal } = await cluster.readyLeader();
    const session = await host.getNewSession(CLUSTER, TIMEOUT);
    expect(await host.syncPropose(session, Buffer.from('first'), TIMEOUT)).toBe(1);
    expect(await host.syncPropose(session, Buffer.from('first'), TIMEOUT)).toBe(1);
    const other = host.syncPropose(session, Buffer.from('second'), TIMEOUT);
    await expect(other).rejects.toMatchObject({ code: 'ERR_SESSION_IN_USE', effect: 'none' });
    session.proposalCompleted();
    expect(await host.syncPropose(session, Buffer.from('second'), TIMEOUT)).toBe(2);
    expect(journal.lines).toEqual(['first', 'second']);
  });

  it('is evicted when the group has others to keep, and its proposals are rejected', async () => {
    const cluster = await TestCluster.start(workshop, 3, { hardSettings: { lruMaxSessionCount: 2 } });
    const leader = await cluster.readyLeader();
    const { host } = leader;
    const [oldest, ...newer] = [
      await host.getNewSession(CLUSTER, TIMEOUT),
      await host.getNewSession(CLUSTER, TIMEOUT),
      await host.getNewSession(CLUSTER, TIMEOUT),
    ] as const;
    const request = host.propose(oldest, Buffer.from('evicted'), TIMEOUT);
    expect((await request.result).rejected()).toBe(true);
    const other = cluster.other(leader);
    await other.host.waitReady(CLUSTER, TIMEOUT);
    const rejected = (): Promise<Uint64> => other.host.syncPropose(oldest, Buffer.from('evicted'), TIMEOUT);
    expect(await codeOf(() => retrying(rejected))).toBe('ERR_REJECTED');
    for (const session of newer) await host.syncPropose(session, Buffer.from('kept'), TIMEOUT);
    expect(await cluster.read(other)).toBe('kept\nkept');
  });

  it('can be registered and unregistered by hand, each once', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const { host } = await cluster.readyLeader();
    const session = newSession(CLUSTER, { uint64: () => 4711 });
    const outcome = async (): Promise<string> => (await host.proposeSession(session, TIMEOUT).result).outcome;
    expect(await codeOf(() => host.proposeSession(session, TIMEOUT))).toBe('ERR_INVALID_SESSION');
    session.prepareForRegister();
    expect(await codeOf(() => host.propose(session, Buffer.from('x')))).toBe('ERR_INVALID_SESSION');
    const registered = await host.proposeSession(session, TIMEOUT).result;
    expect([registered.completed(), registered.value]).toEqual([true, session.clientID]);
    expect(await outcome()).toBe('rejected');
    session.prepareForPropose();
    expect(await host.syncPropose(session, Buffer.from('a'), TIMEOUT)).toBe(1);
    session.proposalCompleted();
    const copy = Session.fromRecord(session.toRecord());
    session.prepareForUnregister();
    expect(await outcome()).toBe('completed');
    expect(await outcome()).toBe('rejected');
    expect((await host.propose(copy, Buffer.from('b'), TIMEOUT).result).rejected()).toBe(true);
    expect(await codeOf(() => host.closeSession(copy, TIMEOUT))).toBe('ERR_REJECTED');
  });
});
