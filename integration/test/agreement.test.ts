import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { openLmdbLogDB } from '@drakkar/logdb-lmdb';
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
  retryingInSession,
} from './support.js';

const workshop = new Workshop();
afterEach(() => workshop.clear());

const TIMEOUT = { timeoutMs: 20_000 };

/** Hosts of a group that is not started yet: what the last one is started with is up to the test. */
async function hosts(size: number): Promise<TestCluster> {
  const cluster = await TestCluster.start(workshop, 0);
  for (let nodeID = 1; nodeID <= size; nodeID++) cluster.members.set(nodeID, await freeAddress());
  return cluster;
}

async function startWith(
  cluster: TestCluster,
  nodeID: number,
  members: Map<number, string>,
): Promise<TestNode> {
  const node = await cluster.openHost(nodeID);
  await node.host.startCluster(members, false, () => node.journal, clusterConfig(nodeID));
  return node;
}

const refusalOf = (node: TestNode): Promise<string> =>
  eventually('the replica to be refused', () => {
    const refusal = progressOf(node).agreement?.refusal;
    return refusal === undefined || node.events.of('replicaRefused').length === 0
      ? undefined
      : `${refusal.code}: ${refusal.message}`;
  });

async function expectRefused(node: TestNode): Promise<void> {
  const { host } = node;
  const session = host.getNoOPSession(CLUSTER);
  expect(await codeOf(() => host.syncRead(CLUSTER, new Uint8Array(0), TIMEOUT))).toBe('ERR_GROUP_MISMATCH');
  expect(await codeOf(() => host.syncPropose(session, Buffer.from('x'), TIMEOUT))).toBe('ERR_GROUP_MISMATCH');
  expect(await codeOf(() => host.syncRequestDeleteNode(CLUSTER, 1, 0, TIMEOUT))).toBe('ERR_GROUP_MISMATCH');
  expect(await codeOf(() => host.waitReady(CLUSTER, TIMEOUT))).toBe('ERR_GROUP_MISMATCH');
  expect(await node.events.first('replicaRefused')).toHaveLength(1);
}

async function expectHealthy(cluster: TestCluster, nodes: TestNode[]): Promise<void> {
  await cluster.readyLeader(nodes);
  for (const node of nodes) {
    await cluster.write(node, `by ${node.nodeID}`);
    expect(await cluster.read(node)).toContain(`by ${node.nodeID}`);
    expect(progressOf(node).agreement?.refusal).toBeUndefined();
  }
}

describe('a replica that was started with other initial members', () => {
  it.each<[string, (addresses: Map<number, string>) => [number, string][], string]>([
    ['itself alone', (all) => [[3, all.get(3) ?? '']], 'with the members 3='],
    ['one less', (all) => [...all].filter(([id]) => id !== 2), 'with the members 1='],
    ['one more', (all) => [...all, [4, '127.0.0.1:9']], '4=127.0.0.1:9 here'],
  ])('is refused: %s', async (_what, listOf, words) => {
    const cluster = await hosts(3);
    const third = await startWith(cluster, 3, new Map(listOf(cluster.members)));
    const healthy = [await cluster.startNode(1), await cluster.startNode(2)];
    expect(await refusalOf(third)).toMatch(
      /^ERR_GROUP_MISMATCH: group 1: node 3 on this host differs from node /,
    );
    await expectRefused(third);
    await expectHealthy(cluster, healthy);
    expect(third.journal.lines.filter((line) => line.startsWith('by '))).toEqual([]);
    const [mismatch] = await third.events.first('groupMismatch');
    expect(mismatch.difference.differences.join('; ')).toContain(words);
  });
});

describe('a replica with other settings of how entries are applied', () => {
  it('is refused with another orderedConfigChange, and catches up when it is as the others are', async () => {
    const cluster = await hosts(3);
    for (const nodeID of [1, 2]) await cluster.startNode(nodeID);
    const third = await cluster.startNode(3, { orderedConfigChange: true });
    expect(await refusalOf(third)).toContain('orderedConfigChange is true here, and false on node ');
    await expectRefused(third);
    const healthy = cluster.others(third);
    await expectHealthy(cluster, healthy);
    await third.host.stop();
    const again = await cluster.startNode(3);
    await again.host.waitReady(CLUSTER, TIMEOUT);
    expect(await cluster.read(again)).toContain('by 2');
    await eventually('the others to see that it agrees', () =>
      healthy.every((node) => progressOf(node).agreement?.differences.length === 0) ? true : undefined,
    );
    await eventually('the level to be raised', () =>
      cluster.nodes.every((node) => progressOf(node).featureLevel === 1) ? true : undefined,
    );
  });

  it('is refused with another number of client sessions, before it evicts one that the others have', async () => {
    const cluster = await hosts(3);
    cluster.hostConfigs.set(3, { hardSettings: { lruMaxSessionCount: 2 } });
    for (const nodeID of [1, 2, 3]) await cluster.startNode(nodeID);
    const third = cluster.node(3);
    const [first, second] = cluster.others(third);
    if (first === undefined || second === undefined) throw new Error('two others');
    await cluster.readyLeader([first, second]);
    const session = await retrying(() => first.host.getNewSession(CLUSTER, TIMEOUT));
    for (let i = 0; i < 3; i++) await retrying(() => first.host.getNewSession(CLUSTER, TIMEOUT));
    await first.host.syncPropose(session, Buffer.from('paid'), TIMEOUT);
    expect(await refusalOf(third)).toContain('hardSettings.lruMaxSessionCount is 2 here, and 4096 on node ');
    await expectRefused(third);
    expect(await cluster.read(second)).toBe('paid');
    expect(progressOf(second).featureLevel).toBe(0);
  });

  it('has no majority to go by in a group of two: both are refused and report it', async () => {
    const cluster = await hosts(2);
    await cluster.startNode(1);
    await cluster.startNode(2, { orderedConfigChange: true });
    for (const node of cluster.nodes) {
      expect(await refusalOf(node)).toContain('no majority of the members is known to agree');
    }
  });
});

describe('the identity of a group', () => {
  const recorded = async (node: TestNode): Promise<number | undefined> => {
    await node.host.stop();
    const dir = join(node.dir, 'logdb');
    const logDB = await openLmdbLogDB({ dir, walDir: dir });
    const bootstrap = await logDB.getBootstrapInfo(CLUSTER, node.nodeID);
    await logDB.close();
    return bootstrap?.groupID;
  };

  it('is taken over by a replica that joins, and is durable', async () => {
    const cluster = await TestCluster.start(workshop, 2);
    const leader = await cluster.readyLeader();
    const address = await cluster.reserve(3);
    await retrying(() => leader.host.syncRequestAddNode(CLUSTER, 3, address, 0, TIMEOUT));
    const joined = await cluster.startNode(3);
    await joined.host.waitReady(CLUSTER, TIMEOUT);
    const ids: (number | undefined)[] = [];
    for (const node of cluster.nodes) ids.push(await recorded(node));
    expect(ids[0]).toBeGreaterThan(0);
    expect(ids).toEqual([ids[0], ids[0], ids[0]]);
  });
});

describe('the comparison of states', () => {
  /** Forgets every command that begins with `only`, unless it keeps all. */
  class Forgetful extends Journal {
    constructor(readonly keepsAll: boolean) {
      super();
    }
    override update(cmd: Uint8Array): number {
      const line = Buffer.from(cmd).toString();
      if (this.keepsAll || !line.startsWith('only')) this.lines.push(line);
      return this.lines.length > 0 ? 1 : 0;
    }
  }

  const FREQUENT = { settings: { stateCheckEntries: 10, stateCheckIntervalMs: 100 } };

  async function startedWith(size: number, stateCheckHash: boolean, wrongID: number): Promise<TestCluster> {
    const cluster = await TestCluster.start(workshop, 0, FREQUENT, { stateCheckHash });
    for (let nodeID = 1; nodeID <= size; nodeID++) cluster.members.set(nodeID, await freeAddress());
    for (const nodeID of cluster.members.keys()) {
      await cluster.startNode(nodeID, {}, new Forgetful(nodeID !== wrongID));
    }
    return cluster;
  }

  it('finds the replica that is not as most are by the hash of its state machine, which reads no more', async () => {
    const cluster = await startedWith(3, true, 3);
    await cluster.readyLeader();
    const [wrong, right] = [cluster.node(3), cluster.node(1)];
    for (let i = 0; i < 25; i++) await cluster.write(right, i === 7 ? 'only most' : `${i}`);
    const [event] = await wrong.events.first('stateDiverged');
    expect(event).toMatchObject({ parts: ['stateMachine'], wrong: [3] });
    const [seen] = await right.events.first('stateDiverged');
    expect(seen.wrong).toEqual([3]);
    expect(await codeOf(() => wrong.host.syncRead(CLUSTER, new Uint8Array(0), TIMEOUT))).toBe(
      'ERR_STATE_DIVERGED',
    );
    expect(progressOf(wrong).agreement?.divergence?.wrong).toEqual([3]);
    expect(await cluster.read(right)).toContain('only most');
    await cluster.write(wrong, 'a write is still taken');
  });

  it('takes leadership from the replica that is wrong, and exports its state only on demand', async () => {
    const cluster = await startedWith(3, true, 3);
    await cluster.readyLeader();
    const [wrong, right] = [cluster.node(3), cluster.node(1)];
    await eventually('the wrong one to lead', () => {
      if (progressOf(wrong).role === 'leader') return true;
      if (wrong.host.getLeaderID(CLUSTER).leaderID !== 0) {
        try {
          wrong.host.requestLeaderTransfer(CLUSTER, 3);
        } catch {
          // one is under way
        }
      }
      return undefined;
    });
    // leadership moves among these writes
    const session = await retrying(() => right.host.getNewSession(CLUSTER, TIMEOUT));
    for (let i = 0; i < 25; i++) {
      const command = Buffer.from(i === 7 ? 'only most' : `${i}`);
      await retryingInSession(() => right.host.syncPropose(session, command, { timeoutMs: 1_000 }));
      session.proposalCompleted();
    }
    await wrong.events.first('stateDiverged');
    await eventually('another to lead', () => {
      const { leaderID } = right.host.getLeaderID(CLUSTER);
      return leaderID === 1 || leaderID === 2 ? true : undefined;
    });
    expect(wrong.events.of('leaderSteppedDown').map(({ reason }) => reason)).toContain('stateDiverged');
    const dir = join(await workshop.dir(), 'export');
    expect(await codeOf(() => wrong.host.exportSnapshot(CLUSTER, dir))).toBe('ERR_STATE_DIVERGED');
    const exported = await wrong.host.exportSnapshot(CLUSTER, dir, { evenIfDiverged: true });
    expect(exported).toMatchObject({ nodeID: 3, dir });
  });

  it('compares sessions and members also of groups with few entries, and finds nothing where all are equal', async () => {
    const cluster = await TestCluster.start(workshop, 3, {
      settings: { stateCheckEntries: 0, stateCheckIntervalMs: 100 },
    });
    const leader = await cluster.readyLeader();
    const session = await retrying(() => leader.host.getNewSession(CLUSTER, TIMEOUT));
    await leader.host.syncPropose(session, Buffer.from('one'), TIMEOUT);
    const { applied } = progressOf(leader);
    for (const node of cluster.nodes) {
      await eventually('the states to be compared', () =>
        (progressOf(node).agreement?.comparedIndex ?? 0) >= applied ? true : undefined,
      );
      expect(progressOf(node).agreement?.divergence).toBeUndefined();
      expect(node.events.of('stateDiverged')).toEqual([]);
    }
  });
});
