import { afterEach, describe, expect, it } from '@jest/globals';
import type { NodeHost, RequestState } from '@drakkar/framework';
import {
  CLUSTER,
  TestCluster,
  type TestNode,
  Workshop,
  codeOf,
  eventually,
  freeAddress,
  progressOf,
  retrying,
} from './support.js';

const workshop = new Workshop();
afterEach(() => workshop.clear());

const TIMEOUT = { timeoutMs: 60_000 };
const QUERY = new Uint8Array(0);
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

/** A group that has a leader, another member that nothing reaches, and a write that this one does not know. */
async function partitioned(): Promise<{ cluster: TestCluster; leader: TestNode; apart: TestNode }> {
  const cluster = await TestCluster.start(workshop, 3);
  const leader = await cluster.readyLeader();
  const apart = cluster.other(leader);
  await cluster.write(leader, 'old');
  await cluster.read(apart);
  cluster.cutOff.add(apart.nodeID);
  await cluster.write(leader, 'new');
  return { cluster, leader, apart };
}

describe('a read in two steps', () => {
  it('sees what was written before its first step, on any host', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.readyLeader();
    for (const node of cluster.nodes) {
      const line = `for ${node.nodeID}`;
      await cluster.write(leader, line);
      const request = await eventually('a read that completes', async () => {
        const made = node.host.readIndex(CLUSTER, TIMEOUT);
        return (await made.result).completed() ? made : undefined;
      });
      expect(text(await node.host.readLocalNode(request, QUERY)).split('\n')).toContain(line);
    }
  });

  it('is begun at once, any number of times', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const { host } = await cluster.readyLeader();
    const requests: RequestState[] = Array.from({ length: 200 }, () => host.readIndex(CLUSTER, TIMEOUT));
    expect(requests.every(({ outcome }) => outcome === undefined)).toBe(true);
    const results = await Promise.all(requests.map(({ result }) => result));
    expect(results.every((result) => result.completed())).toBe(true);
  });

  it('does not go on to its second before the first has completed', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const { host } = await cluster.readyLeader();
    const request = host.readIndex(CLUSTER, TIMEOUT);
    expect(await codeOf(() => host.readLocalNode(request, QUERY))).toBe('ERR_INVALID_OPERATION');
    await request.result;
    expect(await codeOf(() => host.readLocalNode(request, QUERY))).toBe('no error');
  });
});

describe('a host that is cut off from its group', () => {
  it('serves no linearizable read, until it is back', async () => {
    const { cluster, apart } = await partitioned();
    const read = (): Promise<unknown> => apart.host.syncRead(CLUSTER, QUERY, { timeoutMs: 300 });
    const membership = (): Promise<unknown> => apart.host.getClusterMembership(CLUSTER, { timeoutMs: 300 });
    for (const call of [read, membership])
      expect(['ERR_TIMEOUT', 'ERR_CLUSTER_NOT_READY']).toContain(await codeOf(call));
    cluster.cutOff.clear();
    expect(await cluster.read(apart)).toBe('old\nnew');
  });

  it('still shows what it has, out of date, to who reads it locally', async () => {
    const { apart } = await partitioned();
    expect(text(await apart.host.readLocal(CLUSTER, QUERY))).toBe('old');
  });

  it('serves none as a leader either, that was replaced without knowing', async () => {
    const cluster = await TestCluster.start(workshop, 3, {}, { checkQuorum: false });
    const former = await cluster.readyLeader();
    await cluster.write(former, 'old');
    cluster.cutOff.add(former.nodeID);
    const others = cluster.others(former);
    const next = await eventually('another leader', () =>
      others.find((node) => progressOf(node).role === 'leader'),
    );
    await cluster.write(next, 'new');
    // It leaves office by itself after a while; until then and afterwards it must not serve a read.
    const read = (): Promise<unknown> => former.host.syncRead(CLUSTER, QUERY, { timeoutMs: 300 });
    expect(['ERR_TIMEOUT', 'ERR_CLUSTER_NOT_READY']).toContain(await codeOf(read));
    const request = former.host.readIndex(CLUSTER, { timeoutMs: 300 });
    expect((await request.result).completed()).toBe(false);
  });
});

describe('lookup', () => {
  it('gets the query as it was given, and its answer goes to the caller', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const { host, journal } = await cluster.readyLeader();
    const asked: Uint8Array[] = [];
    journal.lookup = (query?: Uint8Array) => {
      asked.push(Buffer.from(query ?? []));
      return Buffer.from(`answer ${asked.length}`);
    };
    const query = Buffer.from([0, 1, 2, 255]);
    expect(text(await host.syncRead(CLUSTER, query, TIMEOUT))).toBe('answer 1');
    const request = host.readIndex(CLUSTER, TIMEOUT);
    await request.result;
    expect(text(await host.readLocalNode(request, query))).toBe('answer 2');
    expect(asked).toEqual([query, query]);
  });

  it('may fail: who asked hears of it, the replica goes on', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const node = await cluster.readyLeader();
    const { host, journal } = node;
    const lookup = journal.lookup.bind(journal);
    journal.lookup = () => {
      throw new Error('no such table');
    };
    await expect(host.syncRead(CLUSTER, QUERY, TIMEOUT)).rejects.toThrow('no such table');
    const request = host.readIndex(CLUSTER, TIMEOUT);
    await request.result;
    await expect(host.readLocalNode(request, QUERY)).rejects.toThrow('no such table');
    journal.lookup = lookup;
    await cluster.write(node, 'fine');
    expect(await cluster.read(node)).toBe('fine');
  });
});

describe('the leader that a host tells of', () => {
  it('is the same on all, once it is known, and none when there is none', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.leader();
    for (const { host } of cluster.nodes)
      expect(host.getLeaderID(CLUSTER)).toEqual({ leaderID: leader.nodeID, valid: true });
    for (const { host } of cluster.others(leader)) await host.stop();
    await eventually('it to notice', () => (leader.host.getLeaderID(CLUSTER).valid ? undefined : true));
    expect(leader.host.getLeaderID(CLUSTER)).toEqual({ leaderID: 0, valid: false });
    expect(await codeOf(() => leader.host.getLeaderID(9))).toBe('ERR_CLUSTER_NOT_FOUND');
  });
});

describe('getClusterMembership', () => {
  it('shows every change that was completed before, on whatever host it is asked', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.readyLeader();
    const membership = (host: NodeHost): ReturnType<NodeHost['getClusterMembership']> =>
      retrying(() => host.getClusterMembership(CLUSTER, TIMEOUT));
    let { configChangeIndex } = await membership(leader.host);
    const observers = new Map<number, string>();
    const steps: [nodeID: number, adds: boolean][] = [
      [7, true],
      [8, true],
      [7, false],
    ];
    for (const [nodeID, adds] of steps) {
      const address = await freeAddress();
      if (adds) await leader.host.syncRequestAddObserver(CLUSTER, nodeID, address, 0, TIMEOUT);
      else await leader.host.syncRequestDeleteNode(CLUSTER, nodeID, 0, TIMEOUT);
      if (adds) observers.set(nodeID, address);
      else observers.delete(nodeID);
      for (const { host } of cluster.others(leader)) {
        const seen = await membership(host);
        expect(seen.nodes).toEqual(cluster.members);
        expect(seen.observers).toEqual(observers);
        expect(seen.configChangeIndex).toBeGreaterThan(configChangeIndex);
      }
      ({ configChangeIndex } = await membership(leader.host));
    }
    expect([...(await membership(leader.host)).removed]).toEqual([7]);
  });
});

describe('a node user', () => {
  it('proposes to its group, and reads from it, until that is stopped', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const { host } = await cluster.readyLeader();
    const user = host.getNodeUser(CLUSTER);
    expect([user.clusterID, user.nodeID]).toEqual([CLUSTER, 1]);
    const session = host.getNoOPSession(CLUSTER);
    expect((await user.propose(session, Buffer.from('a'), TIMEOUT).result).value).toBe(1);
    const request = user.readIndex(TIMEOUT);
    expect((await request.result).completed()).toBe(true);
    expect(text(await host.readLocalNode(request, QUERY))).toBe('a');
    expect(await codeOf(() => host.getNodeUser(9))).toBe('ERR_CLUSTER_NOT_FOUND');
    await host.stopCluster(CLUSTER);
    expect(await codeOf(() => user.propose(session, Buffer.from('b')))).toBe('ERR_CLUSTER_CLOSED');
    expect(await codeOf(() => user.readIndex())).toBe('ERR_CLUSTER_CLOSED');
  });
});
