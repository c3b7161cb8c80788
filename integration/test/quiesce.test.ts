import { afterEach, describe, expect, it } from '@jest/globals';
import {
  CLUSTER,
  Journal,
  TestCluster,
  type TestNode,
  Workshop,
  clusterConfig,
  codeOf,
  eventually,
  freeAddress,
  progressOf,
  retrying,
} from './support.js';

const workshop = new Workshop();
afterEach(() => workshop.clear());

const AWAKE = 2;

/** Ticks are short here: a group sleeps after ten election timeouts of idleness. */
const start = (size = 3): Promise<TestCluster> =>
  TestCluster.start(workshop, size, { rttMillisecond: 10 }, { quiesce: true });

const asleep = (nodes: readonly TestNode[]): Promise<true> =>
  eventually('all to sleep', () => (nodes.every((node) => progressOf(node).quiesced) ? true : undefined));

/** Starts a second group on the same hosts, which does not sleep: its messages are the clock of a test. */
async function startAwake(cluster: TestCluster): Promise<void> {
  for (const { host, nodeID } of cluster.nodes) {
    const config = clusterConfig(nodeID, { clusterID: AWAKE });
    await host.startCluster(cluster.members, false, () => new Journal(), config);
  }
  for (const { host } of cluster.nodes) await host.waitReady(AWAKE, { timeoutMs: 60_000 });
}

const received = (node: TestNode, clusterID: number): number => node.received.get(clusterID) ?? 0;

/** Each host has received so many messages more of the group that is awake. */
async function heartbeats(nodes: readonly TestNode[], count: number): Promise<void> {
  const ends = nodes.map((node) => received(node, AWAKE) + count);
  await eventually('messages of the group that is awake', () =>
    nodes.every((node, at) => received(node, AWAKE) >= ends[at]!) ? true : undefined,
  );
}

describe('an idle group', () => {
  it('sends nothing', async () => {
    const cluster = await start();
    const leader = await cluster.readyLeader();
    await cluster.write(leader, 'a');
    await startAwake(cluster);
    await asleep(cluster.nodes);
    await heartbeats(cluster.nodes, 10); // What was on its way when the last one fell asleep has come.
    const before = cluster.nodes.map((node) => received(node, CLUSTER));
    await heartbeats(cluster.nodes, 50); // Five election timeouts.
    expect(cluster.nodes.map((node) => received(node, CLUSTER))).toEqual(before);
    expect(cluster.nodes.every((node) => progressOf(node).quiesced)).toBe(true);
  });

  it.each([
    ['a proposal on the leader', (cluster: TestCluster, leader: TestNode) => cluster.write(leader, 'x')],
    [
      'a proposal on a follower',
      (cluster: TestCluster, leader: TestNode) => cluster.write(cluster.other(leader), 'x'),
    ],
    ['a read on the leader', (cluster: TestCluster, leader: TestNode) => cluster.read(leader)],
    ['a read on a follower', (cluster: TestCluster, leader: TestNode) => cluster.read(cluster.other(leader))],
    [
      'a membership change',
      async (_cluster: TestCluster, { host }: TestNode) =>
        await host.syncRequestAddObserver(CLUSTER, 4, await freeAddress(), 0),
    ],
    [
      'a leadership transfer asked of a follower',
      async (cluster: TestCluster, leader: TestNode) => {
        const { host, nodeID } = cluster.other(leader);
        host.requestLeaderTransfer(CLUSTER, nodeID);
        await eventually('it to lead', () =>
          host.getLeaderID(CLUSTER).leaderID === nodeID ? true : undefined,
        );
      },
    ],
  ])('is woken by %s, without an election that nobody asked for', async (name, act) => {
    const cluster = await start();
    const leader = await cluster.readyLeader();
    await cluster.write(leader, 'a');
    await asleep(cluster.nodes);
    const { term } = progressOf(leader);
    const before = cluster.nodes.map((node) => received(node, CLUSTER));
    await act(cluster, leader);
    await eventually('messages on all', () =>
      cluster.nodes.every((node, at) => received(node, CLUSTER) > before[at]!) ? true : undefined,
    );
    const isTransfer = name.includes('transfer');
    expect(progressOf(leader).term).toBe(isTransfer ? term + 1 : term);
  });

  it('sleeps again, and again takes part when it is woken', async () => {
    const cluster = await start();
    const leader = await cluster.readyLeader();
    for (const line of ['a', 'b']) {
      await cluster.write(cluster.other(leader), line);
      await asleep(cluster.nodes);
    }
    expect(await cluster.read(leader)).toBe('a\nb');
  });

  it('finds out that its leader is dead when a request is made', async () => {
    const cluster = await start();
    const leader = await cluster.readyLeader();
    await cluster.write(leader, 'a');
    await asleep(cluster.nodes);
    cluster.cutOff.add(leader.nodeID);
    const [first, second] = cluster.others(leader);
    expect([progressOf(first!).quiesced, progressOf(second!).quiesced]).toEqual([true, true]);
    const session = first!.host.getNoOPSession(CLUSTER);
    const early = (): Promise<unknown> =>
      first!.host.syncPropose(session, Buffer.from('lost'), { timeoutMs: 50 });
    expect(await codeOf(early)).toBe('ERR_TIMEOUT');
    await cluster.leader([first!, second!]);
    await cluster.write(first!, 'b');
    expect(await cluster.read(second!)).toBe('a\nb');
  });

  it('ends requests in time, also when nobody answers', async () => {
    const cluster = await start();
    const leader = await cluster.readyLeader();
    await asleep(cluster.nodes);
    for (const { nodeID } of cluster.nodes) cluster.cutOff.add(nodeID);
    for (const node of [leader, cluster.other(leader)]) {
      const { host } = node;
      const session = host.getNoOPSession(CLUSTER);
      const write = (): Promise<unknown> => host.syncPropose(session, Buffer.from('x'), { timeoutMs: 60 });
      const read = (): Promise<unknown> => host.syncRead(CLUSTER, new Uint8Array(0), { timeoutMs: 60 });
      expect(await codeOf(write)).toBe('ERR_TIMEOUT');
      expect(['ERR_TIMEOUT', 'ERR_CLUSTER_NOT_READY']).toContain(await codeOf(read));
    }
  });

  it('takes back a member that was restarted', async () => {
    const cluster = await start();
    const leader = await cluster.readyLeader();
    await cluster.write(leader, 'a');
    const { nodeID, host } = cluster.other(leader);
    await asleep(cluster.nodes);
    await host.stop();
    const { term } = progressOf(leader);
    const back = await cluster.startNode(nodeID);
    await back.host.waitReady(CLUSTER, { timeoutMs: 60_000 });
    expect(await cluster.read(back)).toBe('a');
    expect(progressOf(leader).term).toBe(term);
    await asleep(cluster.nodes);
  });

  it('is found by an observer that was added, and is started while all sleep; and when it is restarted', async () => {
    const cluster = await start();
    const leader = await cluster.readyLeader();
    await cluster.write(leader, 'a');
    await leader.host.syncRequestAddObserver(CLUSTER, 4, await cluster.reserve(4), 0);
    await asleep(cluster.nodes);
    const { term } = progressOf(leader);
    for (const _ of ['started', 'restarted']) {
      const observer = await cluster.startNode(4, { isObserver: true });
      await observer.host.waitReady(CLUSTER, { timeoutMs: 20_000 });
      expect(await cluster.read(observer)).toBe('a');
      await asleep(cluster.nodes);
      await observer.host.stop();
    }
    expect(progressOf(leader).term).toBe(term);
  });

  it('serves an observer when the leader has died in its sleep', async () => {
    const cluster = await start();
    const leader = await cluster.readyLeader();
    await cluster.write(leader, 'a');
    await leader.host.syncRequestAddObserver(CLUSTER, 4, await cluster.reserve(4), 0);
    const observer = await cluster.startNode(4, { isObserver: true });
    await observer.host.waitReady(CLUSTER, { timeoutMs: 20_000 });
    await asleep(cluster.nodes);
    cluster.cutOff.add(leader.nodeID);
    expect(await cluster.read(observer)).toBe('a');
    await cluster.write(observer, 'b');
    expect(await cluster.read(observer)).toBe('a\nb');
  });

  it('brings a member up to date that was cut off while all slept, without being used', async () => {
    const cluster = await start();
    const leader = await cluster.readyLeader();
    await cluster.write(leader, 'a');
    await asleep(cluster.nodes);
    const away = cluster.other(leader);
    cluster.cutOff.add(away.nodeID);
    await cluster.write(leader, 'b');
    await asleep(cluster.nodes);
    const { applied } = progressOf(leader);
    expect(progressOf(away).applied).toBeLessThan(applied);
    cluster.cutOff.clear();
    await eventually('the member to catch up', () =>
      progressOf(away).applied === applied ? true : undefined,
    );
    await asleep(cluster.nodes);
  });

  it('hands over when its leader is stopped', async () => {
    const cluster = await start();
    const leader = await cluster.readyLeader();
    await cluster.write(leader, 'a');
    await asleep(cluster.nodes);
    const { term } = progressOf(leader);
    await leader.host.stop();
    const next = await cluster.leader(cluster.others(leader));
    expect(progressOf(next).term).toBe(term + 1);
    expect(await retrying(() => cluster.read(next))).toBe('a');
  });
});
