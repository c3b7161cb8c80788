import { afterEach, describe, expect, it } from '@jest/globals';
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

const TIMEOUT = { timeoutMs: 20_000 };
const OPTION = { compatibility: 'dragonboat-2.1' } as const;

/** Without its replicas. */
async function threeMembers(): Promise<TestCluster> {
  const cluster = await TestCluster.start(workshop, 0, {}, OPTION);
  for (const nodeID of [1, 2, 3]) cluster.members.set(nodeID, await freeAddress());
  return cluster;
}

const messageOf = (call: () => Promise<unknown>): Promise<string> =>
  call().then(
    () => 'no error',
    (error: unknown) => (error as Error).message,
  );

describe("a group with compatibility: 'dragonboat-2.1'", () => {
  let cluster: TestCluster;
  let leader: TestNode;

  async function start(): Promise<void> {
    cluster = await threeMembers();
    for (const nodeID of [1, 2, 3]) await cluster.startNode(nodeID);
    leader = await cluster.readyLeader();
  }

  it('writes, reads and moves leadership, and stays at feature level 0', async () => {
    await start();
    await cluster.write(leader, 'one');
    const next = cluster.other(leader);
    await retrying(async () => {
      leader.host.requestLeaderTransfer(CLUSTER, next.nodeID);
      await eventually('another leader', () =>
        next.host.getLeaderID(CLUSTER).leaderID === next.nodeID ? true : undefined,
      );
    });
    await cluster.write(next, 'two');
    for (const node of cluster.nodes) {
      expect(await cluster.read(node)).toBe('one\ntwo');
      expect(progressOf(node).featureLevel).toBe(0);
    }
  });

  it('refuses what a host of Dragonboat could not take, before it is in the log', async () => {
    await start();
    const before = progressOf(leader).commit;
    for (const address of ['[::1]:7000', '::1:7000']) {
      for (const add of ['syncRequestAddNode', 'syncRequestAddObserver'] as const) {
        const told = await messageOf(() => leader.host[add](CLUSTER, 9, address, 0, TIMEOUT));
        expect(told).toContain('host:port with one colon');
      }
    }
    const set = (): Promise<void> =>
      leader.host.syncRequestSetGroupSettings(CLUSTER, { orderedConfigChange: true }, TIMEOUT);
    expect(await codeOf(set)).toBe('ERR_LEVEL_TOO_LOW');
    expect(await messageOf(set)).toContain("compatibility: 'dragonboat-2.1'");
    expect(progressOf(leader).commit).toBe(before);
  });

  it('changes its members by the rules of Dragonboat: an observer may have the address of a voting member', async () => {
    await start();
    const address = cluster.members.get(leader.nodeID) as string;
    await retrying(() => leader.host.syncRequestAddObserver(CLUSTER, 9, address, 0, TIMEOUT));
    expect(progressOf(leader).membership.observers.get(9)).toBe(address);
  });

  it('is refused by a member that does not have the option, which is named', async () => {
    cluster = await threeMembers();
    await cluster.startNode(1, { compatibility: 'none' });
    await cluster.startNode(2);
    await cluster.startNode(3);
    const differing = cluster.nodes.find(({ nodeID }) => nodeID === 1) as TestNode;
    const session = differing.host.getNoOPSession(CLUSTER);
    const told = await eventually('the refusal', async () => {
      const message = await messageOf(() => differing.host.syncPropose(session, Buffer.from('x'), TIMEOUT));
      return message.includes('(compatibility) is "strict" here, and "dragonboat" on node')
        ? message
        : undefined;
    });
    expect(told).toContain('differs from node');
    const others = cluster.others(differing);
    await cluster.write(await cluster.readyLeader(others), 'goes on without it');
  });
});

describe('a replica that is started with it', () => {
  it('is refused on a host whose address a host of Dragonboat can not parse', async () => {
    const cluster = await TestCluster.start(workshop, 0, {}, OPTION);
    cluster.members.set(1, await freeAddress());
    cluster.members.set(2, '[::1]:7000');
    expect(await codeOf(() => cluster.startNode(1))).toBe('ERR_INVALID_CLUSTER_SETTINGS');
  });
});
