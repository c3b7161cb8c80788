import { afterEach, describe, expect, it } from '@jest/globals';
import {
  CLUSTER,
  Journal,
  Load,
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

const TIMEOUT = { timeoutMs: 20_000 };

async function addObserver(cluster: TestCluster, leader: TestNode, nodeID: number): Promise<TestNode> {
  const address = await cluster.reserve(nodeID);
  await retrying(() => leader.host.syncRequestAddObserver(CLUSTER, nodeID, address, 0, TIMEOUT));
  return await cluster.startNode(nodeID, { isObserver: true });
}

const role = (node: TestNode): string => progressOf(node).role;

describe('an observer', () => {
  it('follows, serves linearizable reads and takes proposals', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.readyLeader();
    await cluster.write(leader, 'before');
    const observer = await addObserver(cluster, leader, 4);
    expect(await cluster.read(observer)).toBe('before');
    for (let round = 0; round < 20; round++) {
      await cluster.write(leader, `round ${round}`);
      expect((await cluster.read(observer)).split('\n')).toContain(`round ${round}`);
    }
    await cluster.write(observer, 'from the observer');
    expect((await cluster.read(leader)).split('\n')).toContain('from the observer');
    const membership = await retrying(() => observer.host.getClusterMembership(CLUSTER, TIMEOUT));
    expect([...membership.observers]).toEqual([[4, observer.address]]);
    expect([...membership.nodes.keys()]).toEqual([1, 2, 3]);
    expect(role(observer)).toBe('observer');
  });

  it('does not count: the group works without it', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const leader = await cluster.readyLeader();
    const observer = await addObserver(cluster, leader, 2);
    await cluster.read(observer);
    await observer.host.stop();
    await cluster.write(leader, 'without it');
    expect(await cluster.read(leader)).toBe('without it');
  });

  it('has no vote: it makes up no quorum, and never stands for election', async () => {
    const cluster = await TestCluster.start(workshop, 2);
    const leader = await cluster.readyLeader();
    const observer = await addObserver(cluster, leader, 3);
    await cluster.write(leader, 'with quorum');
    expect(await cluster.read(observer)).toBe('with quorum');
    await cluster.other(leader, observer).host.stop();
    await eventually('the leader to step down', () => (role(leader) === 'leader' ? undefined : true));
    await eventually('it to ask for votes again', () => (role(leader) === 'preCandidate' ? true : undefined));
    const session = observer.host.getNoOPSession(CLUSTER);
    const write = (): Promise<unknown> =>
      observer.host.syncPropose(session, Buffer.from('alone'), { timeoutMs: 400 });
    expect(['ERR_TIMEOUT', 'ERR_CLUSTER_NOT_READY']).toContain(await codeOf(write));
    expect(role(observer)).toBe('observer');
    expect(leader.journal.lines).toEqual(['with quorum']);
  });

  it('is one again after a restart, whatever its configuration says', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const leader = await cluster.readyLeader();
    const observer = await addObserver(cluster, leader, 2);
    await cluster.write(leader, 'a');
    expect(await cluster.read(observer)).toBe('a');
    await observer.host.stop();
    const again = await cluster.startNode(2, { isObserver: false });
    expect(await cluster.read(again)).toBe('a');
    expect(role(again)).toBe('observer');
  });

  it('can not be an initial member', async () => {
    const address = await freeAddress();
    const host = await workshop.open({ raftAddress: address, nodeHostDir: `${await workshop.dir()}/host` });
    const start = (): Promise<void> =>
      host.startCluster(
        new Map([[1, address]]),
        false,
        () => new Journal(),
        clusterConfig(1, { isObserver: true }),
      );
    expect(await codeOf(start)).toBe('ERR_INVALID_CLUSTER_SETTINGS');
    expect(await host.hasNodeInfo(CLUSTER, 1)).toBe(false);
  });

  it('can be removed, and stops', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const leader = await cluster.readyLeader();
    const observer = await addObserver(cluster, leader, 2);
    await cluster.read(observer);
    await leader.host.syncRequestDeleteNode(CLUSTER, 2, 0, TIMEOUT);
    const event = await eventually('it to stop', () => observer.events.of('nodeUnloaded')[0]);
    expect(event.reason).toBe('removed');
  });
});

describe('promotion of an observer', () => {
  it('works under load, and gives it a vote that counts', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const leader = await cluster.readyLeader();
    const load = new Load(cluster, leader);
    const observer = await addObserver(cluster, leader, 2);
    await observer.host.waitReady(CLUSTER, TIMEOUT);
    await retrying(() => leader.host.syncRequestAddNode(CLUSTER, 2, observer.address, 0, TIMEOUT));
    const lines = await load.stop();
    expect(lines.length).toBeGreaterThan(0);
    expect((await cluster.read(observer)).split('\n')).toEqual(lines);
    const membership = await retrying(() => observer.host.getClusterMembership(CLUSTER, TIMEOUT));
    expect([...membership.nodes.keys()]).toEqual([1, 2]);
    expect(membership.observers.size).toBe(0);
    await eventually('it to be a follower', () => (role(observer) === 'follower' ? true : undefined));

    leader.host.requestLeaderTransfer(CLUSTER, 2);
    const next = await eventually('it to lead', () => (role(observer) === 'leader' ? observer : undefined));
    await leader.host.stop();
    const session = next.host.getNoOPSession(CLUSTER);
    const alone = (): Promise<unknown> =>
      next.host.syncPropose(session, Buffer.from('x'), { timeoutMs: 300 });
    expect(['ERR_TIMEOUT', 'ERR_CLUSTER_NOT_READY']).toContain(await codeOf(alone));
  });

  it('needs the address that it has', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const leader = await cluster.readyLeader();
    const observer = await addObserver(cluster, leader, 2);
    await cluster.read(observer);
    const { host } = leader;
    const elsewhere = await freeAddress();
    expect(await codeOf(() => host.syncRequestAddNode(CLUSTER, 2, elsewhere, 0, TIMEOUT))).toBe(
      'ERR_REJECTED',
    );
    expect(role(observer)).toBe('observer');
  });

  it('does not concern another observer', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const leader = await cluster.readyLeader();
    const promoted = await addObserver(cluster, leader, 2);
    const stays = await addObserver(cluster, leader, 3);
    await promoted.host.waitReady(CLUSTER, TIMEOUT);
    await leader.host.syncRequestAddNode(CLUSTER, 2, promoted.address, 0, TIMEOUT);
    await cluster.write(leader, 'a');
    expect(await cluster.read(stays)).toBe('a');
    expect(role(stays)).toBe('observer');
    await eventually('the other to be a follower', () => (role(promoted) === 'follower' ? true : undefined));
  });
});
