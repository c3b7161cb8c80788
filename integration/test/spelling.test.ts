import { lookup } from 'node:dns/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { isSameAddress } from '@drakkar/raftio';
import {
  CLUSTER,
  TestCluster,
  type TestNode,
  Workshop,
  clusterConfig,
  eventually,
  freeAddress,
  progressOf,
  retrying,
} from './support.js';

const workshop = new Workshop();
afterEach(() => workshop.clear());

const TIMEOUT = { timeoutMs: 60_000 };

const isKnown = (host: string): Promise<boolean> =>
  lookup(host).then(
    () => true,
    () => false,
  );

/** How each of four hosts, and who adds the fourth, spells the same name. */
const NAMES = (await isKnown('localhost.'))
  ? ['localhost', 'LOCALHOST', 'LocalHost.', 'localHOST', 'localhost.']
  : ['localhost', 'LOCALHOST', 'LocalHost', 'localHOST', 'Localhost'];
const IPV6 = ['[::1]', '[0:0:0:0:0:0:0:1]', '[::0001]', '[0::1]', '[0:0::1]'];
const hasIPv6 = await freeAddress('::1').then(
  () => true,
  () => false,
);
const SPELLINGS: [string, string[]][] = [
  ['names', NAMES],
  ...(hasIPv6 ? [['IPv6', IPV6] as [string, string[]]] : []),
];

/** Three hosts at feature level 1; each spells all addresses, its own included, in its own way. */
class Hosts {
  readonly cluster: TestCluster;
  readonly #spellings: string[];
  readonly #ports = new Map<number, string>();

  constructor(cluster: TestCluster, spellings: string[]) {
    this.cluster = cluster;
    this.#spellings = spellings;
  }

  static async start(spellings: string[]): Promise<Hosts> {
    const settings = { stateCheckEntries: 5, stateCheckIntervalMs: 100 };
    const hosts = new Hosts(await TestCluster.start(workshop, 0, { settings }), spellings);
    for (const nodeID of [1, 2, 3]) await hosts.reserve(nodeID);
    for (const nodeID of [1, 2, 3]) {
      const node = await hosts.cluster.openHost(nodeID);
      const members = new Map([1, 2, 3].map((id) => [id, hosts.spelled(id, nodeID)]));
      await node.host.startCluster(members, false, () => node.journal, clusterConfig(nodeID));
    }
    await hosts.areAtLevel1();
    return hosts;
  }

  async reserve(nodeID: number): Promise<void> {
    const address = await freeAddress();
    this.#ports.set(nodeID, address.slice(address.lastIndexOf(':')));
    this.cluster.members.set(nodeID, this.spelled(nodeID, nodeID));
  }

  /** The address of a node, as one of the hosts spells it. */
  spelled(nodeID: number, by: number): string {
    return `${this.#spellings[by - 1]}${this.#ports.get(nodeID)}`;
  }

  async areAtLevel1(): Promise<void> {
    await eventually('the feature level to be raised', () =>
      this.cluster.nodes.every((node) => progressOf(node).featureLevel === 1) ? true : undefined,
    );
  }

  async makeLeader(node: TestNode): Promise<void> {
    await eventually(`node ${node.nodeID} to lead`, async () => {
      const leader = await this.cluster.leader();
      if (leader === node) return true;
      await retrying(async () => leader.host.requestLeaderTransfer(CLUSTER, node.nodeID)).catch(
        () => undefined,
      );
      return undefined;
    });
  }

  /** Every host takes a write and has those of the others; states are compared. */
  async work(): Promise<void> {
    const { cluster } = this;
    for (const node of cluster.nodes) await cluster.write(node, `by ${node.nodeID}`);
    const applied = Math.max(...cluster.nodes.map((node) => progressOf(node).applied));
    for (const node of cluster.nodes) {
      await eventually(`node ${node.nodeID} to have all, and to have compared it`, () => {
        const { agreement, applied: own } = progressOf(node);
        return own >= applied && (agreement?.comparedIndex ?? 0) >= applied ? true : undefined;
      });
      expect(progressOf(node).agreement?.divergence).toBeUndefined();
      for (const name of ['stateDiverged', 'groupMismatch', 'replicaRefused'] as const) {
        expect(node.events.of(name)).toEqual([]);
      }
    }
  }
}

describe('hosts that spell the same addresses differently', () => {
  it.each(SPELLINGS)('serve one group, under any leader: %s', async (_what, spellings) => {
    const hosts = await Hosts.start(spellings);
    for (const node of hosts.cluster.nodes) {
      await hosts.makeLeader(node);
      await hosts.work();
    }
    for (const { events } of hosts.cluster.nodes) expect(events.of('memberOutdated')).toEqual([]);
  });

  it.each(SPELLINGS)('serve a node that is added under another spelling: %s', async (_what, spellings) => {
    const hosts = await Hosts.start(spellings);
    const { cluster } = hosts;
    await hosts.reserve(4);
    const fourth = await cluster.openHost(4);
    const { host } = await cluster.readyLeader(cluster.others(fourth));
    await retrying(() => host.syncRequestAddObserver(CLUSTER, 4, hosts.spelled(4, 5), 0, TIMEOUT));
    await fourth.host.startCluster(
      new Map(),
      true,
      () => fourth.journal,
      clusterConfig(4, { isObserver: true }),
    );
    await fourth.host.waitReady(CLUSTER, TIMEOUT);
    await retrying(() => host.syncRequestAddNode(CLUSTER, 4, hosts.spelled(4, 2), 0, TIMEOUT));
    for (const node of cluster.nodes) {
      await hosts.makeLeader(node);
      await hosts.work();
      const { nodes } = await node.host.getClusterMembership(CLUSTER, TIMEOUT);
      expect(isSameAddress(nodes.get(4) ?? '', fourth.address)).toBe(true);
    }
  });

  it.each(SPELLINGS)(
    'agree that an address is taken under another spelling: %s',
    async (_what, spellings) => {
      const hosts = await Hosts.start(spellings);
      const { host } = await hosts.cluster.readyLeader();
      const taken = hosts.spelled(2, 5);
      await expect(
        retrying(() => host.syncRequestAddObserver(CLUSTER, 4, taken, 0, TIMEOUT)),
      ).rejects.toMatchObject({ code: 'ERR_REJECTED' });
      await hosts.work();
    },
  );
});
