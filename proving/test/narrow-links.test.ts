import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { type CreateOptions, type IStateMachine, NodeHost } from '@drakkar/framework';
import {
  type IConnection,
  type IRaftRPC,
  type RaftRPCFactory,
  RaftRPCFactoryID,
  type RaftRPCModule,
  isDrakkarError,
} from '@drakkar/raftio';
import { type Carrier, ChaosNetwork } from '../src/chaos/network.js';
import { ALL_PAIRS } from '../src/chaos/pairs.js';
import { LOOPBACK } from '../src/chaos/relay.js';
import { pollUntil } from '../src/harness/waiting.js';
import { freePorts } from '../src/harness/plan.js';
import { SeededRandom } from '../src/harness/random.js';

const HOSTS = [1, 2, 3];
const LARGE_GROUP = 1;
const NEIGHBOUR = 2;
const MIB = 1024 * 1024;
/** On its way for longer than any election timeout of the hosts, which is one to two seconds. */
const COMMAND_BYTES = 8 * MIB;
const LINK_MBIT_PER_SECOND = 25;
const RTT_MS = 100;
const TIMEOUT_MS = 60_000;

class Counter implements IStateMachine {
  #count = 0;
  update(): number {
    this.#count += 1;
    return this.#count;
  }
  lookup(): Uint8Array {
    return Buffer.from(String(this.#count));
  }
  async saveSnapshot(): Promise<void> {}
  async recoverFromSnapshot(): Promise<void> {}
  close(): void {}
  getHash(): number {
    return this.#count;
  }
}

/** Says nothing of what it knows, as a host of release 0.1: so it gets no more than one connection from each other. */
function asOldHost(inner: IConnection): IConnection {
  return {
    closed: inner.closed,
    close: () => inner.close(),
    sendMessageBatch: ({ requests, deploymentID, sourceAddress, binVer }) =>
      inner.sendMessageBatch({ requests, deploymentID, sourceAddress, binVer }),
  };
}

interface ClusterOptions {
  transport: string;
  transportOptions: Record<string, unknown>;
  carrier: Carrier;
  isOld: boolean;
}

/** Hosts with a relay for each way between two of them. */
class LinkedHosts {
  readonly hosts: NodeHost[] = [];
  readonly leaders = new Map<number, Set<number>>();
  network: ChaosNetwork | undefined;
  isWatching = false;

  async start(dir: string, { transport, transportOptions, carrier, isOld }: ClusterOptions): Promise<void> {
    const ports = await freePorts(HOSTS.length ** 2);
    const own = ports.slice(0, HOSTS.length);
    const addresses = own.map((port) => `${LOOPBACK}:${port}`);
    const random = new SeededRandom(1);
    const network = await ChaosNetwork.open(carrier, own, ports.slice(HOSTS.length), random);
    this.network = network;
    const { adapterModule } = (await import(`@drakkar/transport-${transport}`)) as {
      adapterModule: RaftRPCModule;
    };
    const members = new Map(addresses.map((address, i) => [i + 1, address]));
    for (const hostID of HOSTS) {
      const routes = new Map(network.routesOf(hostID, addresses));
      const overrides: CreateOptions['overrides'] = (container) => {
        const make = adapterModule.create(transportOptions);
        const routed: RaftRPCFactory = (...args) => this.#routed(make(...args), routes, isOld);
        container.bind<RaftRPCFactory>(RaftRPCFactoryID).toConstantValue(routed);
      };
      const config = {
        raftAddress: addresses[hostID - 1] ?? '',
        nodeHostDir: join(dir, String(hostID)),
        rttMillisecond: RTT_MS,
        logdb: { module: 'lmdb' },
        log: { level: 'silent' as const },
      };
      const events = {
        leaderUpdated: ({ clusterID, leaderID }: { clusterID: number; leaderID: number }): void => {
          if (this.isWatching) this.leaders.get(clusterID)?.add(leaderID);
        },
      };
      this.hosts.push(await NodeHost.create(config, { overrides, events }));
    }
    for (const clusterID of [LARGE_GROUP, NEIGHBOUR]) {
      this.leaders.set(clusterID, new Set());
      const times = { electionRTT: 10, heartbeatRTT: 1, checkQuorum: !isOld, preVote: true };
      for (const [i, host] of this.hosts.entries()) {
        await host.startCluster(members, false, () => new Counter(), { clusterID, nodeID: i + 1, ...times });
      }
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.hosts.map((host) => host.stop()));
    await this.network?.close();
  }

  /** The host that leads both groups, so that they share its connections. */
  async leader(): Promise<NodeHost> {
    const leaderOf = (clusterID: number): number =>
      this.hosts[0]?.getNodeHostInfo().replicas.find((each) => each.clusterID === clusterID)?.progress
        ?.leaderID ?? 0;
    await pollUntil(TIMEOUT_MS, 'no leader of both groups', async () => {
      const [wanted, found] = [leaderOf(LARGE_GROUP), leaderOf(NEIGHBOUR)];
      if (wanted === 0 || found === 0) return undefined;
      if (wanted === found) return true;
      try {
        this.hosts[0]?.requestLeaderTransfer(NEIGHBOUR, wanted);
      } catch (error) {
        if (!isDrakkarError(error)) throw error;
      }
      return undefined;
    });
    return this.hosts[leaderOf(LARGE_GROUP) - 1] as NodeHost;
  }

  #routed(inner: IRaftRPC, routes: ReadonlyMap<string, string>, isOld: boolean): IRaftRPC {
    const via = (target: string): string => routes.get(target) ?? target;
    return {
      name: inner.name,
      start: () => inner.start(),
      stop: () => inner.stop(),
      getConnection: async (target, ...rest) => {
        const connection = await inner.getConnection(via(target), ...rest);
        return isOld ? asOldHost(connection) : connection;
      },
      getSnapshotConnection: (target, ...rest) => inner.getSnapshotConnection(via(target), ...rest),
    };
  }
}

/** Proposes until it is acknowledged. */
async function write(host: NodeHost, clusterID: number): Promise<void> {
  await pollUntil(TIMEOUT_MS, `no write to group ${clusterID}`, async () => {
    try {
      return await host.syncPropose(host.getNoOPSession(clusterID), Buffer.from('x'), {
        timeoutMs: TIMEOUT_MS,
      });
    } catch (error) {
      if (isDrakkarError(error)) return undefined;
      throw error;
    }
  });
}

const TRANSPORTS = ALL_PAIRS.filter(({ logdb }) => logdb === 'lmdb').map(
  (pair) => [pair.name.replace('lmdb+', ''), pair] as const,
);

/** One command on links that take seconds for it, and a neighbour of its group that has small ones. */
async function play(cluster: LinkedHosts, isOld: boolean): Promise<void> {
  const leader = await cluster.leader();
  await write(leader, LARGE_GROUP);
  await write(leader, NEIGHBOUR);
  const { network } = cluster;
  network?.narrow(network.ways, LINK_MBIT_PER_SECOND);
  cluster.isWatching = true;
  const options = { timeoutMs: TIMEOUT_MS };
  const command = new Uint8Array(COMMAND_BYTES).fill(0x61);
  let isOver = false;
  const large = leader
    .syncPropose(leader.getNoOPSession(LARGE_GROUP), command, options)
    .finally(() => (isOver = true));
  let meanwhile = 0;
  // Over a single connection all that others have to say waits behind the command, and their leaders may change.
  const neighbour = (async () => {
    for (; !isOver && !isOld; meanwhile += 1) await write(leader, NEIGHBOUR);
  })();
  expect(await large).toBe(2);
  await neighbour;
  expect([...(cluster.leaders.get(LARGE_GROUP) ?? [])]).toEqual([]);
  if (isOld) return;
  expect([...(cluster.leaders.get(NEIGHBOUR) ?? [])]).toEqual([]);
  // Nothing less than two has begun and ended meanwhile for certain.
  expect(meanwhile).toBeGreaterThanOrEqual(2);
}

/** Hosts of this release, or such that have one connection to each other. */
async function withHosts(pair: (typeof TRANSPORTS)[number][1], isOld: boolean): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'drakkar-narrow-'));
  const cluster = new LinkedHosts();
  try {
    await cluster.start(dir, { ...pair, isOld });
    await play(cluster, isOld);
  } finally {
    await cluster.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

describe('a command of 8 MiB on links of 25 Mbit/s', () => {
  it.each(TRANSPORTS)(
    'unseats no leader, of no group, over %s, nor one between hosts that have one connection to each other',
    async (_transport, pair) => {
      // Both wait for their links most of the time.
      const outcomes = await Promise.allSettled([withHosts(pair, false), withHosts(pair, true)]);
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    },
    120_000,
  );
});
