import { rm } from 'node:fs/promises';
import { Session } from '@drakkar/framework';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  CLUSTER,
  TestCluster,
  type TestNode,
  Workshop,
  codeOf,
  eventually,
  progressOf,
  retrying,
  retryingInSession,
} from './support.js';

const workshop = new Workshop();
afterEach(() => workshop.clear());

describe('three NodeHosts on LMDB and WebSocket', () => {
  it('apply writes of any host on every host, in one order', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const writes = cluster.nodes.flatMap((node) =>
      Array.from({ length: 20 }, (_, i) => cluster.write(node, `${node.nodeID}-${i}`)),
    );
    const positions = (await Promise.all(writes)).map(Number);
    expect(positions.sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
    const [first, ...others] = await Promise.all(cluster.nodes.map((node) => cluster.read(node)));
    expect(first?.split('\n')).toHaveLength(60);
    for (const other of others) expect(other).toBe(first);
  });

  it('read on any host what was written on another before', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    for (let round = 0; round < 30; round++) {
      const writer = cluster.nodes[round % 3]!;
      const reader = cluster.nodes[(round + 1) % 3]!;
      await cluster.write(writer, `round ${round}`);
      expect((await cluster.read(reader)).split('\n')).toContain(`round ${round}`);
    }
  });

  it('go on when the leader stops, and bring it up to date when it is back', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.leader();
    await cluster.write(leader, 'before');
    await leader.host.stop();
    const others = cluster.nodes.filter((node) => node !== leader);
    const next = await cluster.leader(others);
    expect(next.nodeID).not.toBe(leader.nodeID);
    await cluster.write(next, 'without it');
    const back = await cluster.startNode(leader.nodeID);
    expect(await cluster.read(back)).toBe('before\nwithout it');
  });

  it('keep everything over a restart of all', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.leader();
    const lines = Array.from({ length: 50 }, (_, i) => `line ${i}`);
    for (const line of lines) await cluster.write(leader, line);
    await Promise.all(cluster.nodes.map((node) => node.host.stop()));
    for (const nodeID of cluster.members.keys()) await cluster.startNode(nodeID);
    for (const node of cluster.nodes) expect(await cluster.read(node)).toBe(lines.join('\n'));
  });

  it('commit nothing without a quorum, and say that the outcome is unknown', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.leader();
    await cluster.write(leader, 'with quorum');
    for (const node of cluster.nodes) if (node !== leader) await node.host.stop();
    const session = leader.host.getNoOPSession(CLUSTER);
    const code = await codeOf(() =>
      leader.host.syncPropose(session, Buffer.from('alone'), { timeoutMs: 400 }),
    );
    expect(['ERR_TIMEOUT', 'ERR_CLUSTER_NOT_READY']).toContain(code);
    const read = await codeOf(() => leader.host.syncRead(CLUSTER, new Uint8Array(0), { timeoutMs: 400 }));
    expect(['ERR_TIMEOUT', 'ERR_CLUSTER_NOT_READY']).toContain(read);
    expect(leader.journal.lines).toEqual(['with quorum']);
  });

  it('run a group of one', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const [only] = cluster.nodes;
    expect(await cluster.write(only!, 'a')).toBe(1);
    expect(await cluster.read(only!)).toBe('a');
  });
});

describe('client sessions', () => {
  it('apply a proposal once, however often it is retried', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const [node] = cluster.nodes;
    const { host } = node!;
    const session = await retrying(() => host.getNewSession(CLUSTER));
    for (let attempt = 0; attempt < 5; attempt++) {
      expect(await retrying(() => host.syncPropose(session, Buffer.from('once')))).toBe(1);
    }
    session.proposalCompleted();
    expect(await retrying(() => host.syncPropose(session, Buffer.from('twice')))).toBe(2);
    session.proposalCompleted();
    expect(await cluster.read(node!)).toBe('once\ntwice');
  });

  it('carry over to another host, a new leader and a restart', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.leader();
    const session = await retrying(() => leader.host.getNewSession(CLUSTER));
    await retryingInSession(() => leader.host.syncPropose(session, Buffer.from('once')));
    await leader.host.stop();
    const next = await cluster.leader(cluster.nodes.filter((node) => node !== leader));
    expect(await retryingInSession(() => next.host.syncPropose(session, Buffer.from('once')))).toBe(1);
    const back = await cluster.startNode(leader.nodeID);
    expect(await retryingInSession(() => back.host.syncPropose(session, Buffer.from('once')))).toBe(1);
    session.proposalCompleted();
    expect(await cluster.read(back)).toBe('once');
  });

  it('are rejected once they are closed', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const { host } = cluster.nodes[0]!;
    const session = await retrying(() => host.getNewSession(CLUSTER));
    const stale = Session.fromRecord(session.toRecord());
    await retrying(() => host.closeSession(session));
    expect(await codeOf(() => host.syncPropose(session, Buffer.from('x')))).toBe('ERR_INVALID_SESSION');
    expect(await codeOf(() => retrying(() => host.syncPropose(stale, Buffer.from('x'))))).toBe(
      'ERR_REJECTED',
    );
  });
});

describe('a node whose disk was wiped', () => {
  it('is found out by what it once acknowledged, and does not go on as if nothing had happened', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.leader();
    for (let i = 0; i < 10; i++) await cluster.write(leader, `line ${i}`);
    const victim = cluster.nodes.find((node) => node !== leader)!;
    expect((await cluster.read(victim)).split('\n')).toHaveLength(10);
    await victim.host.stop();
    await rm(victim.dir, { recursive: true });
    const wiped = await cluster.startNode(victim.nodeID);
    const { host, journal } = wiped;
    // A message may claim anything, so this alone does not stop the replica; the host counts it and logs an error.
    await eventually('the loss to be found', () => progressOf(wiped).rejectedMessages.lostEntries);
    const query = new Uint8Array(0);
    const read = (): Promise<unknown> => host.syncRead(CLUSTER, query, { timeoutMs: 300 });
    await eventually('calls to be refused', async () => (await codeOf(read)) === 'ERR_ENTRIES_LOST');
    expect(await codeOf(() => host.waitReady(CLUSTER, { timeoutMs: 300 }))).toBe('ERR_ENTRIES_LOST');
    expect(journal.lines).toEqual([]);
    await cluster.write(leader, 'the others go on');
  });

  it('has no vote after a restart either, though the leader that found it out is gone', async () => {
    // Long enough for the leader to lead on while the victim is away, or nobody would know what that one acknowledged.
    const cluster = await TestCluster.start(workshop, 3, {}, { electionRTT: 100 });
    const leader = await cluster.readyLeader();
    const [victim, behind] = cluster.others(leader) as [TestNode, TestNode];
    await behind.host.stop();
    const lines = Array.from({ length: 5 }, (_, i) => `line ${i}`);
    for (const line of lines) await cluster.write(leader, line);
    await victim.host.stop();
    await rm(victim.dir, { recursive: true });
    const found = await cluster.startNode(victim.nodeID);
    await found.events.first('replicaRefused');
    cluster.cutOff.add(leader.nodeID);
    await found.host.stop();
    await leader.host.stop();
    const wiped = await cluster.startNode(victim.nodeID);
    const other = await cluster.startNode(behind.nodeID);
    await wiped.events.first('replicaRefused');
    // It is asked for its vote again and again; each time would be enough.
    const asked = (): boolean => (wiped.received.get(CLUSTER) ?? 0) >= 3;
    await eventually('the other one to stand for election', () => asked() || undefined);
    expect([progressOf(wiped).role, progressOf(other).role]).not.toContain('leader');
    cluster.cutOff.clear();
    const back = await cluster.startNode(leader.nodeID);
    await cluster.write(back, 'the end');
    for (const node of [back, other, wiped]) {
      expect((await cluster.read(node)).split('\n')).toEqual([...lines, 'the end']);
    }
  });
});

describe('a replica that fails', () => {
  it('stops alone: other groups of the host, and other replicas of the group, learn of it or go on', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const [only] = cluster.nodes;
    const { host } = only!;
    const other = { clusterID: 2, nodeID: 1, electionRTT: 10, heartbeatRTT: 1 };
    const { Journal } = await import('./support.js');
    await host.startCluster(cluster.members, false, () => new Journal(), other);
    await cluster.write(only!, 'fine');
    const session = host.getNoOPSession(CLUSTER);
    const code = await codeOf(() => host.syncPropose(session, Buffer.from('throw'), { timeoutMs: 20_000 }));
    expect(code).toBe('ERR_REQUEST_TERMINATED');
    expect(await codeOf(() => host.syncPropose(session, Buffer.from('x')))).toBe('ERR_REPLICA_FAILED');
    expect(await codeOf(() => host.syncRead(CLUSTER, new Uint8Array(0)))).toBe('ERR_REPLICA_FAILED');
    expect(only!.journal.closed).toBe(1);
    const second = host.getNoOPSession(2);
    expect(await retrying(() => host.syncPropose(second, Buffer.from('alive')))).toBe(1);
    await eventually('the failed group to be stoppable', async () => {
      await host.stopCluster(CLUSTER);
      return true;
    });
    expect(await codeOf(() => host.getLeaderID(CLUSTER))).toBe('ERR_CLUSTER_NOT_FOUND');
  });
});
