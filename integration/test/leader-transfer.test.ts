import { afterEach, describe, expect, it } from '@jest/globals';
import type { LeaderUpdatedEvent, NodeHost } from '@drakkar/framework';
import { isDrakkarError } from '@drakkar/raftio';
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

const leadsAt = (cluster: TestCluster, nodeID: number): Promise<true> =>
  eventually(`all to follow node ${nodeID}`, () =>
    cluster.nodes.every(({ host }) => host.getLeaderID(CLUSTER).leaderID === nodeID) ? true : undefined,
  );

describe('a leadership transfer', () => {
  it('goes to the member that is asked for, from any member', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const first = await cluster.readyLeader();
    await cluster.write(first, 'a');
    const second = cluster.other(first);
    first.host.requestLeaderTransfer(CLUSTER, second.nodeID);
    await leadsAt(cluster, second.nodeID);
    const third = cluster.other(first, second);
    await cluster.write(third, 'b');
    // Asked of a follower, for another and for itself.
    first.host.requestLeaderTransfer(CLUSTER, third.nodeID);
    await leadsAt(cluster, third.nodeID);
    first.host.requestLeaderTransfer(CLUSTER, first.nodeID);
    await leadsAt(cluster, first.nodeID);
    await cluster.write(first, 'c');
    expect(await cluster.read(second)).toBe('a\nb\nc');
  });

  it('takes one term, and no election that nobody asked for', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const first = await cluster.readyLeader();
    const second = cluster.other(first);
    const { term } = progressOf(first);
    first.host.requestLeaderTransfer(CLUSTER, second.nodeID);
    await leadsAt(cluster, second.nodeID);
    expect(progressOf(second).term).toBe(term + 1);
  });

  it('has no effect towards the leader itself', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.readyLeader();
    const { term } = progressOf(leader);
    leader.host.requestLeaderTransfer(CLUSTER, leader.nodeID);
    cluster.other(leader).host.requestLeaderTransfer(CLUSTER, leader.nodeID);
    await cluster.write(leader, 'a');
    expect([progressOf(leader).role, progressOf(leader).term]).toEqual(['leader', term]);
  });

  it('is refused to who can not lead', async () => {
    const cluster = await TestCluster.start(workshop, 2);
    const leader = await cluster.readyLeader();
    const { host } = leader;
    await host.syncRequestAddObserver(CLUSTER, 3, await cluster.reserve(3), 0);
    for (const target of [0, 3, 9, NaN]) {
      expect(await codeOf(() => host.requestLeaderTransfer(CLUSTER, target))).toBe('ERR_INVALID_TARGET');
    }
    expect(await codeOf(() => host.requestLeaderTransfer(7, 1))).toBe('ERR_CLUSTER_NOT_FOUND');
    const follower = cluster.other(leader);
    await host.stop();
    await eventually('it to lose the leader', () =>
      follower.host.getLeaderID(CLUSTER).valid ? undefined : true,
    );
    const ask = (): void => follower.host.requestLeaderTransfer(CLUSTER, leader.nodeID);
    expect(await codeOf(ask)).toBe('ERR_CLUSTER_NOT_READY');
  });

  it('is given up towards a dead target, and the leader goes on', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.readyLeader();
    const target = cluster.other(leader);
    const { term } = progressOf(leader);
    await target.host.stop();
    const { host } = leader;
    host.requestLeaderTransfer(CLUSTER, target.nodeID);
    await eventually('the transfer to be under way', async () => {
      const code = await codeOf(() => host.requestLeaderTransfer(CLUSTER, target.nodeID));
      return code === 'ERR_PENDING_LEADER_TRANSFER_EXIST' ? true : undefined;
    });
    const session = host.getNoOPSession(CLUSTER);
    expect(await codeOf(() => host.syncPropose(session, Buffer.from('meanwhile')))).toBe(
      'ERR_CLUSTER_NOT_READY',
    );
    expect(await cluster.write(leader, 'afterwards')).toBe(1);
    expect([progressOf(leader).role, progressOf(leader).term]).toEqual(['leader', term]);
  });
});

describe('a clean stop of the leader', () => {
  /** What the others learnt of leaders since then, each in order. */
  const newsOf = (nodes: readonly TestNode[], since: readonly number[]): LeaderUpdatedEvent[][] =>
    nodes.map(({ events }, at) => events.of('leaderUpdated').slice(since[at]));

  it.each([
    ['of its host', (node: TestNode) => node.host.stop()],
    ['of its replica', (node: TestNode) => node.host.stopCluster(CLUSTER)],
  ])('%s has another lead before it is gone', async (_name, stop) => {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.readyLeader();
    await cluster.write(leader, 'a');
    const others = cluster.others(leader);
    const since = others.map(({ events }) => events.of('leaderUpdated').length);
    const { term } = progressOf(leader);
    await stop(leader);
    // One of them leads by now, of the next term: nobody had to find out that the leader is gone.
    const heirs = others.filter((node) => progressOf(node).role === 'leader');
    expect(heirs).toHaveLength(1);
    expect(progressOf(heirs[0]!).term).toBe(term + 1);
    await cluster.leader(others);
    for (const news of newsOf(others, since)) {
      expect(news.map((event) => event.term)).toEqual(news.map(() => term + 1));
      expect(news.at(-1)?.leaderID).toBe(heirs[0]!.nodeID);
    }
    expect(leader.events.of('leaderUpdated').at(-1)?.leaderID).toBe(heirs[0]!.nodeID);
  });

  it('takes the most up-to-date voting member, not one that is gone, nor an observer', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.readyLeader();
    const { host } = leader;
    const [dead, heir] = cluster.others(leader);
    await retrying(async () => host.syncRequestAddObserver(CLUSTER, 4, await cluster.reserve(4), 0));
    const observer = await cluster.startNode(4, { isObserver: true });
    await dead!.host.stop();
    for (let i = 0; i < 20; i++) await cluster.write(leader, `line ${i}`);
    await cluster.read(observer);
    const { term } = progressOf(leader);
    await host.stop();
    // Only one of three voting members is left: it has the leader's vote, and leads until it misses the others.
    const news = heir!.events.of('leaderUpdated').filter((event) => event.leaderID === heir!.nodeID);
    expect(news.at(-1)?.term).toBeGreaterThan(term);
  });

  it('does not wait when there is nobody to hand over to', async () => {
    const cluster = await TestCluster.start(workshop, 0, {}, { electionRTT: 100_000 });
    cluster.members.set(1, await freeAddress());
    const only = await cluster.startNode(1);
    // It would take half an hour to time out; so it is not a leader either. Both must not matter.
    await only.host.stop();
    expect(only.journal.closed).toBe(1);
  });
});

describe('a rolling restart', () => {
  /** Writes to the node that leads, as far as it can be told; false for a failure that passes. */
  async function write(cluster: TestCluster, line: string, codes: Set<string>): Promise<boolean> {
    const node = cluster.nodes.find(({ host, nodeID }) => knownLeader(host) === nodeID);
    if (node === undefined) return false;
    try {
      const session = node.host.getNoOPSession(CLUSTER);
      await node.host.syncPropose(session, Buffer.from(line), { timeoutMs: 60_000 });
      return true;
    } catch (error) {
      codes.add(isDrakkarError(error) ? error.code : String(error));
      return false;
    }
  }

  /** The leader as that host knows it; undefined while it can't tell, since it is stopped or starting. */
  function knownLeader(host: NodeHost): number | undefined {
    try {
      return host.getLeaderID(CLUSTER).leaderID;
    } catch {
      return undefined;
    }
  }

  it('loses nothing under load, and requests fail by passing errors only', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    await cluster.readyLeader();
    const acknowledged: string[] = [];
    const codes = new Set<string>();
    let isOn = true;
    const client = async (name: string): Promise<void> => {
      for (let i = 0; isOn;) {
        if (await write(cluster, `${name} ${i}`, codes)) acknowledged.push(`${name} ${i++}`);
        else await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const clients = Promise.all([client('a'), client('b'), client('c')]);
    try {
      for (const nodeID of [1, 2, 3]) {
        await cluster.node(nodeID).host.stop();
        const back = await cluster.startNode(nodeID);
        await back.host.waitReady(CLUSTER, { timeoutMs: 60_000 });
      }
    } finally {
      isOn = false;
      await clients;
    }
    const passing = ['ERR_CLUSTER_NOT_READY', 'ERR_CLUSTER_CLOSED', 'ERR_REQUEST_TERMINATED', 'ERR_CLOSED'];
    expect([...codes].filter((code) => !passing.includes(code))).toEqual([]);
    expect(acknowledged.length).toBeGreaterThan(0);
    for (const node of cluster.nodes) {
      expect((await cluster.read(node)).split('\n')).toEqual(expect.arrayContaining(acknowledged));
    }
  });
});
