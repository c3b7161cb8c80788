import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { NodeHost } from '@drakkar/framework';
import {
  CLUSTER,
  Journal,
  TestCluster,
  Workshop,
  clusterConfig,
  codeOf,
  eventually,
  freeAddress,
  retrying,
} from './support.js';

const workshop = new Workshop();
afterEach(() => workshop.clear());

const TIMEOUT = { timeoutMs: 60_000 };
const QUERY = new Uint8Array(0);

describe('starting a replica', () => {
  it('makes a state machine for that group and node, which begins empty and gets its state from the log', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const { host } = cluster.node(1);
    const made: [number, number, Journal][] = [];
    const start = (): Promise<void> =>
      host.startCluster(
        cluster.members,
        false,
        (clusterID, nodeID) => {
          const journal = new Journal();
          made.push([clusterID, nodeID, journal]);
          return journal;
        },
        clusterConfig(1, { clusterID: 5 }),
      );
    await start();
    const write = (line: string): Promise<unknown> =>
      retrying(() => host.syncPropose(host.getNoOPSession(5), Buffer.from(line), TIMEOUT));
    await write('a');
    await host.stopCluster(5);
    await start();
    await write('b');
    expect(made.map(([clusterID, nodeID]) => [clusterID, nodeID])).toEqual([
      [5, 1],
      [5, 1],
    ]);
    const [first, second] = made.map(([, , journal]) => journal);
    expect(first?.lines).toEqual(['a']);
    expect(second?.lines).toEqual(['a', 'b']);
    expect([first?.closed, second?.closed]).toEqual([1, 0]);
  });

  it('is done once for a group: a second one on the same host is refused', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const { host } = cluster.node(1);
    for (const nodeID of [1, 2]) {
      const again = host.startCluster(cluster.members, false, () => new Journal(), clusterConfig(nodeID));
      expect(await codeOf(() => again)).toBe('ERR_CLUSTER_ALREADY_EXIST');
    }
    await cluster.write(cluster.node(1), 'goes on');
  });

  it('gets no data and no leader, until the node is added', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const leader = await cluster.readyLeader();
    await cluster.write(leader, 'a');
    const address = await cluster.reserve(2);
    const joining = await cluster.startNode(2);
    expect(joining.host.getLeaderID(CLUSTER)).toEqual({ leaderID: 0, valid: false });
    const waiting = joining.host.waitReady(CLUSTER, { timeoutMs: 500 });
    expect(await codeOf(() => waiting)).toBe('ERR_CLUSTER_NOT_READY');
    expect(await codeOf(() => joining.host.syncRead(CLUSTER, QUERY))).toBe('ERR_CLUSTER_NOT_READY');
    expect(joining.journal.lines).toEqual([]);
    const { nodes } = await leader.host.getClusterMembership(CLUSTER, TIMEOUT);
    expect([...nodes.keys()]).toEqual([1]);
    await leader.host.syncRequestAddNode(CLUSTER, 2, address, 0, { ...TIMEOUT, force: true });
    expect(await cluster.read(joining)).toBe('a');
  });

  it('changes no membership and leaves the data, as does stopping it', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.readyLeader();
    const stopped = cluster.other(leader);
    const before = await leader.host.getClusterMembership(CLUSTER, TIMEOUT);
    await cluster.write(leader, 'a');
    await cluster.read(stopped);
    await stopped.host.stopNode(CLUSTER, stopped.nodeID);
    expect(await leader.host.getClusterMembership(CLUSTER, TIMEOUT)).toEqual(before);
    expect(await stopped.host.hasNodeInfo(CLUSTER, stopped.nodeID)).toBe(true);
    await cluster.write(leader, 'b');
    // No members given: those of the first start are on its disk.
    const config = clusterConfig(stopped.nodeID);
    const journal = new Journal();
    await stopped.host.startCluster(new Map(), false, () => journal, config);
    expect(Buffer.from(await retrying(() => stopped.host.syncRead(CLUSTER, QUERY))).toString()).toBe('a\nb');
    expect(await leader.host.getClusterMembership(CLUSTER, TIMEOUT)).toEqual(before);
  });
});

describe('a host', () => {
  it('runs many groups that know nothing of each other', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const clusterIDs = [11, 12, 13];
    const journals = new Map<string, Journal>();
    for (const { host, nodeID } of cluster.nodes) {
      for (const clusterID of clusterIDs) {
        const journal = new Journal();
        journals.set(`${nodeID}/${clusterID}`, journal);
        await host.startCluster(cluster.members, false, () => journal, clusterConfig(nodeID, { clusterID }));
      }
    }
    const { host } = cluster.node(1);
    for (const clusterID of clusterIDs) {
      const session = host.getNoOPSession(clusterID);
      await retrying(() => host.syncPropose(session, Buffer.from(`of ${clusterID}`), TIMEOUT));
    }
    await host.stopCluster(11);
    for (const clusterID of [12, 13]) {
      const lines = await retrying(() => host.syncRead(clusterID, QUERY, TIMEOUT));
      expect(Buffer.from(lines).toString()).toBe(`of ${clusterID}`);
    }
    expect(journals.get('1/11')?.closed).toBe(1);
    expect(journals.get('1/12')?.closed).toBe(0);
  });

  it('closes what it runs when stopped, and leaves its address, directory and data free', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const node = await cluster.readyLeader();
    const other = new Journal();
    await node.host.startCluster(cluster.members, false, () => other, clusterConfig(1, { clusterID: 2 }));
    await cluster.write(node, 'kept');
    await node.host.stop();
    expect([node.journal.closed, other.closed]).toEqual([1, 1]);
    const again = await cluster.startNode(1);
    expect(again.host.raftAddress).toBe(node.address);
    expect(again.host.nodeHostConfig).toMatchObject({ nodeHostDir: node.dir, raftAddress: node.address });
    expect(await cluster.read(again)).toBe('kept');
  });

  it('keeps its log where walDir says, and everything else in nodeHostDir', async () => {
    const address = await freeAddress();
    const dir = await workshop.dir();
    const [nodeHostDir, walDir] = [join(dir, 'host'), join(dir, 'wal')];
    const host = await workshop.open({ raftAddress: address, nodeHostDir, walDir });
    await host.startCluster(new Map([[1, address]]), false, () => new Journal(), clusterConfig(1));
    await host.waitReady(CLUSTER, TIMEOUT);
    await host.syncPropose(host.getNoOPSession(CLUSTER), Buffer.from('a'), TIMEOUT);
    await host.requestSnapshot(CLUSTER);
    await host.stop();
    const files = async (at: string): Promise<string[]> =>
      (await readdir(at, { recursive: true, withFileTypes: true }))
        .filter((entry) => entry.isFile())
        .map(({ name }) => name);
    expect(await files(walDir)).toContain('log.mdb');
    expect(await files(nodeHostDir)).not.toContain('log.mdb');
    expect(await readdir(join(nodeHostDir, 'snapshots'))).toEqual(['1-1']);
  });

  it('is not listened to when of another deployment', async () => {
    const [one, two] = [await freeAddress(), await freeAddress()];
    const members = new Map([
      [1, one],
      [2, two],
    ]);
    const dir = await workshop.dir();
    const open = async (nodeID: number, raftAddress: string, deploymentId: number): Promise<NodeHost> => {
      const nodeHostDir = join(dir, `of-${deploymentId}-${nodeID}`);
      const host = await workshop.open({ raftAddress, nodeHostDir, deploymentId });
      await host.startCluster(members, false, () => new Journal(), clusterConfig(nodeID));
      return host;
    };
    const first = await open(1, one, 7);
    const stranger = await open(2, two, 8);
    for (const host of [first, stranger]) {
      const wait = host.waitReady(CLUSTER, { timeoutMs: 1_500 });
      expect(await codeOf(() => wait)).toBe('ERR_CLUSTER_NOT_READY');
    }
    await stranger.stop();
    const fellow = await open(2, two, 7);
    await eventually('a leader', () => (fellow.getLeaderID(CLUSTER).valid ? true : undefined));
    await first.waitReady(CLUSTER, TIMEOUT);
  });
});
