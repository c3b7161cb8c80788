import { afterEach, describe, expect, it } from '@jest/globals';
import type { HostListener, NodeHost } from '@drakkar/framework';
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
} from './support.js';

const workshop = new Workshop();
afterEach(() => workshop.clear());

const TIMEOUT = { timeoutMs: 20_000 };

/** Groups whose followers soon need a snapshot: a short log, little of it in memory. */
const SHORT_LOG = { compactionOverhead: 2, snapshotEntries: 0, maxInMemLogSize: 65_536 };

async function fillLog(cluster: TestCluster, node: TestNode): Promise<void> {
  for (let i = 0; i < 15; i++) await cluster.write(node, `${i}`.padEnd(10_000, '.'));
}

/** A host with a group of one. */
async function openSingle(events: HostListener): Promise<NodeHost> {
  const address = await freeAddress();
  const host = await workshop.open(
    { raftAddress: address, nodeHostDir: `${await workshop.dir()}/host` },
    { events },
  );
  await host.startCluster(new Map([[1, address]]), false, () => new Journal(), clusterConfig(1));
  return host;
}

const states = ({ host }: TestNode): [number, number, string][] =>
  host.getNodeHostInfo().replicas.map(({ clusterID, nodeID, state }) => [clusterID, nodeID, state]);

describe('the events of a host', () => {
  it('report the states of a replica, in order', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const { host, events } = await cluster.readyLeader();
    const address = await freeAddress();
    await host.syncRequestAddObserver(CLUSTER, 2, address, 0, TIMEOUT);
    await host.stopCluster(CLUSTER);
    await host.stop();
    const who = { clusterID: CLUSTER, nodeID: 1 };
    expect(events.all.map(({ name }) => name).filter((name) => !name.startsWith('connection'))).toEqual([
      'nodeReady',
      'leaderUpdated',
      'leaderUpdated',
      'levelRaised',
      'membershipChanged',
      'nodeUnloaded',
      'nodeHostShuttingDown',
    ]);
    expect(events.of('nodeReady')).toEqual([who]);
    const [candidate, elected] = events.of('leaderUpdated');
    expect(candidate).toEqual({ ...who, leaderID: 0, term: 2 });
    expect(elected).toEqual({ ...who, leaderID: 1, term: 2 });
    const [changed] = events.of('membershipChanged');
    expect([...(changed?.membership.observers ?? [])]).toEqual([[2, address]]);
    expect([...(changed?.membership.nodes.keys() ?? [])]).toEqual([1]);
    expect(changed?.membership.configChangeIndex).toBeGreaterThan(1);
    expect(events.of('nodeUnloaded')).toEqual([{ ...who, reason: 'stopped' }]);
  });

  it('report connections made and broken', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.readyLeader();
    const gone = cluster.other(leader);
    await eventually('a connection', () =>
      leader.events.of('connectionEstablished').some(({ address }) => address === gone.address)
        ? true
        : undefined,
    );
    await gone.host.stop();
    await eventually('its end', () =>
      leader.events.of('connectionFailed').some(({ address }) => address === gone.address) ? true : undefined,
    );
    const { length } = leader.events.of('connectionEstablished');
    await cluster.startNode(gone.nodeID);
    const next = await eventually('another', () => leader.events.of('connectionEstablished')[length]);
    expect(next.address).toBe(gone.address);
  });

  it('report snapshots taken, sent, received and recovered from, and what they make superfluous', async () => {
    const cluster = await TestCluster.start(workshop, 1, {}, SHORT_LOG);
    const sender = await cluster.readyLeader();
    const one = { clusterID: CLUSTER, nodeID: 1 };
    await fillLog(cluster, sender);
    const index = await sender.host.requestSnapshot(CLUSTER);
    expect(await sender.events.first('snapshotCreated')).toEqual([{ ...one, index }]);
    expect(await sender.events.first('logCompacted')).toEqual([{ ...one, index: index - 2 }]);
    expect(await sender.events.first('logDBCompacted')).toEqual([{ ...one, index: index - 2 }]);

    const address = await cluster.reserve(2);
    await sender.host.syncRequestAddNode(CLUSTER, 2, address, 0, { ...TIMEOUT, force: true });
    const receiver = await cluster.startNode(2);
    const two = { clusterID: CLUSTER, nodeID: 2 };
    expect(await receiver.events.first('snapshotReceived')).toEqual([{ ...two, from: 1, index }]);
    expect(await receiver.events.first('snapshotRecovered')).toEqual([{ ...two, index }]);
    expect(receiver.journal.recoveries).toBe(1);
    const [completed] = await sender.events.first('sendSnapshotCompleted');
    expect(completed).toEqual({ ...one, to: 2, index });
    expect(sender.events.of('sendSnapshotStarted').at(-1)).toEqual(completed);

    for (const line of ['a', 'b']) {
      await cluster.write(sender, line);
      await sender.host.requestSnapshot(CLUSTER);
    }
    expect(await sender.events.first('snapshotCompacted')).toEqual([{ ...one, index }]);
    await sender.host.stop();
    const again = await cluster.startNode(1);
    await again.events.first('nodeReady');
    const names = again.events.all.map(({ name }) => name);
    expect(names.indexOf('snapshotRecovered')).toBeGreaterThanOrEqual(0);
    expect(names.indexOf('snapshotRecovered')).toBeLessThan(names.indexOf('nodeReady'));
  });

  it('report a snapshot that could not be sent', async () => {
    const cluster = await TestCluster.start(workshop, 1, {}, SHORT_LOG);
    const { host, events } = await cluster.readyLeader();
    await fillLog(cluster, cluster.node(1));
    const index = await host.requestSnapshot(CLUSTER);
    await host.syncRequestAddObserver(CLUSTER, 2, await cluster.reserve(2), 0, TIMEOUT);
    cluster.refusing.add(2);
    const observer = await cluster.startNode(2, { isObserver: true });
    const stream = { clusterID: CLUSTER, nodeID: 1, to: 2, index };
    expect((await events.first('sendSnapshotAborted'))[0]).toMatchObject(stream);
    expect(events.of('sendSnapshotStarted')[0]).toEqual(stream);
    expect(events.of('sendSnapshotCompleted')).toEqual([]);
    expect(observer.events.of('snapshotReceived')).toEqual([]);
    cluster.refusing.clear();
    expect(await events.first('sendSnapshotCompleted')).toEqual([stream]);
  });

  it('report a replica that failed', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const { host, events } = await cluster.readyLeader();
    await codeOf(() => host.syncPropose(host.getNoOPSession(CLUSTER), Buffer.from('throw'), TIMEOUT));
    await eventually('the end', () => events.of('nodeUnloaded')[0]);
    expect(events.all.slice(-2).map(({ name }) => name)).toEqual(['replicaFailed', 'nodeUnloaded']);
    expect(events.of('replicaFailed')).toMatchObject([
      { clusterID: CLUSTER, nodeID: 1, error: { code: expect.any(String) } },
    ]);
    expect(events.of('nodeUnloaded')).toEqual([{ clusterID: CLUSTER, nodeID: 1, reason: 'failed' }]);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('a listener of bad manners');
      },
    ],
    ['rejects', () => Promise.reject(new Error('a listener of bad manners'))],
    ['never comes to an end', () => new Promise<void>(() => undefined)],
    [
      'keeps the thread for longer than its turn',
      () => {
        const endMs = performance.now() + 20;
        while (performance.now() < endMs);
      },
    ],
  ])('do no harm to a host whose listener %s', async (_name, listen) => {
    let calls = 0;
    const listener = (): void | Promise<void> => {
      calls++;
      return listen();
    };
    const host = await openSingle({
      nodeReady: listener,
      leaderUpdated: listener,
      membershipChanged: listener,
    });
    await host.waitReady(CLUSTER, TIMEOUT);
    await host.syncRequestAddObserver(CLUSTER, 2, await freeAddress(), 0, TIMEOUT);
    expect(await host.syncPropose(host.getNoOPSession(CLUSTER), Buffer.from('a'), TIMEOUT)).toBe(1);
    expect(calls).toBeGreaterThanOrEqual(3);
  });

  it('may be answered by calls to the host, to stop it even', async () => {
    let stopped: Promise<void> | undefined;
    const host: { it?: NodeHost } = {};
    host.it = await openSingle({
      leaderUpdated: ({ leaderID }) => {
        if (leaderID === 1) stopped ??= host.it?.stop();
      },
    });
    await (
      await eventually('the listener to act', () => (stopped === undefined ? undefined : { stopped }))
    ).stopped;
    expect(await codeOf(() => host.it?.getLeaderID(CLUSTER))).toBe('ERR_CLOSED');
  });
});

describe('waitReady', () => {
  it('waits for a leader, and for this replica to catch up with it', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    await Promise.all(cluster.nodes.map(({ host }) => host.waitReady(CLUSTER, { timeoutMs: 60_000 })));
    for (const { host } of cluster.nodes) {
      await host.syncRead(CLUSTER, new Uint8Array(0), TIMEOUT); // at once, without another try
    }
  });

  it('reports what is missing when the time is up', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.readyLeader();
    for (const { host } of cluster.others(leader)) await host.stop();
    await eventually('the leader to step down', () =>
      progressOf(leader).role === 'leader' ? undefined : true,
    );
    const wait = leader.host.waitReady(CLUSTER, { timeoutMs: 200 });
    await expect(wait).rejects.toThrow(/was not ready within 200 ms: it has no leader/);
    expect(await codeOf(() => wait)).toBe('ERR_CLUSTER_NOT_READY');
    // A request does not wait for that: it says so at once.
    expect(await codeOf(() => leader.host.syncRead(CLUSTER, new Uint8Array(0), TIMEOUT))).toBe(
      'ERR_CLUSTER_NOT_READY',
    );
  });

  it('can be ended by a signal, and refuses what makes no sense', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    for (const { nodeID } of cluster.nodes) cluster.cutOff.add(nodeID);
    const { host } = cluster.node(1);
    const abort = new AbortController();
    const wait = host.waitReady(CLUSTER, { timeoutMs: 60_000, signal: abort.signal });
    abort.abort();
    expect(await codeOf(() => wait)).toBe('ERR_CANCELED');
    expect(await codeOf(() => host.waitReady(CLUSTER, { timeoutMs: -1 }))).toBe('ERR_INVALID_DEADLINE');
    expect(await codeOf(() => host.waitReady(9))).toBe('ERR_CLUSTER_NOT_FOUND');
    const stopped = host.waitReady(CLUSTER, { timeoutMs: 60_000 });
    await host.stopCluster(CLUSTER);
    expect(['ERR_CLUSTER_NOT_FOUND', 'ERR_CLUSTER_CLOSED']).toContain(await codeOf(() => stopped));
  });
});

describe('getNodeHostInfo', () => {
  it('reports groups, roles, terms, progress and membership', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.readyLeader();
    await cluster.write(leader, 'a');
    for (const node of cluster.nodes) {
      await cluster.read(node);
      const { raftAddress, replicas } = node.host.getNodeHostInfo();
      expect(raftAddress).toBe(node.address);
      expect(replicas).toHaveLength(1);
      const { progress, error } = replicas[0]!;
      expect(error).toBeUndefined();
      expect(progress).toMatchObject({
        role: node === leader ? 'leader' : 'follower',
        leaderID: leader.nodeID,
        term: progressOf(leader).term,
        quiesced: false,
      });
      // Three entries of the first members, that of the new leader, the one written, and maybe that of the level.
      expect([5, 6]).toContain(progress?.applied);
      expect([...(progress?.membership.nodes ?? [])]).toEqual([...cluster.members]);
    }
  });

  it('reports every state', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const node = await cluster.readyLeader();
    const { host } = node;
    let made: () => void = () => undefined;
    const members = cluster.members;
    const starting = host.startCluster(
      members,
      false,
      () => new Promise<Journal>((resolve) => (made = () => resolve(new Journal()))),
      clusterConfig(1, { clusterID: 2 }),
    );
    expect(states(node)).toEqual([
      [1, 1, 'running'],
      [2, 1, 'starting'],
    ]);
    await eventually('the state machine to be asked for', () => {
      made();
      return host.getNodeHostInfo().replicas[1]?.state === 'running' ? true : undefined;
    });
    await starting;
    await codeOf(() => host.syncPropose(host.getNoOPSession(CLUSTER), Buffer.from('throw'), TIMEOUT));
    await eventually('the failure', () => (states(node)[0]?.[2] === 'failed' ? true : undefined));
    expect(host.getNodeHostInfo().replicas[0]?.progress).toBeUndefined();
    expect(host.getNodeHostInfo().replicas[0]?.error).toBeInstanceOf(Error);
    const stopping = host.stopCluster(2);
    expect(states(node)[1]).toEqual([2, 1, 'stopping']);
    await stopping;
    expect(states(node)).toEqual([[1, 1, 'failed']]);
  });
});

describe('removeData', () => {
  it('removes what is stored of a replica, once it does not run', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const node = await cluster.readyLeader();
    const { host } = node;
    await cluster.write(node, 'a');
    const remove = (): Promise<string> => codeOf(() => host.removeData(CLUSTER, 1));
    const start = (): Promise<string> =>
      codeOf(() => host.startCluster(cluster.members, false, () => new Journal(), clusterConfig(1)));
    expect(await remove()).toBe('ERR_CLUSTER_NOT_STOPPED');
    expect(await cluster.read(node)).toBe('a');
    await host.stopCluster(CLUSTER);
    expect(await host.hasNodeInfo(CLUSTER, 1)).toBe(true);
    expect(await remove()).toBe('no error');
    expect(await remove()).toBe('no error');
    expect(await host.hasNodeInfo(CLUSTER, 1)).toBe(false);
    // What it had promised the group is forgotten, so it must not come back as if nothing had happened.
    expect(await start()).toBe('ERR_NODE_REMOVED');
    await host.stop();
    const again = await cluster.openHost(1);
    const restart = again.host.startCluster(cluster.members, false, () => new Journal(), clusterConfig(1));
    expect(await codeOf(() => restart)).toBe('ERR_NODE_REMOVED');
  });

  it('leaves the other groups of the host alone, and what it has not got', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const node = await cluster.readyLeader();
    await cluster.write(node, 'a');
    await node.host.removeData(7, 1);
    const config = clusterConfig(1, { clusterID: 7 });
    await node.host.startCluster(cluster.members, false, () => new Journal(), config);
    await node.host.removeData(CLUSTER, 2);
    expect(await cluster.read(node)).toBe('a');
  });
});
