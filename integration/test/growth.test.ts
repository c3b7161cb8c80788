import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { HostListener, NodeHost } from '@drakkar/framework';
import { isDrakkarError } from '@drakkar/raftio';
import { MEMORY_ADDRESS, openMemoryHost } from './memory-host.js';
import { CLUSTER, Journal, TestCluster, Workshop, clusterConfig, eventually, retrying } from './support.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const workshop = new Workshop();
const hosts: NodeHost[] = [];

afterEach(async () => {
  await Promise.all(hosts.splice(0).map((host) => host.stop()));
  await workshop.clear();
});

async function open(events: HostListener = {}): Promise<NodeHost> {
  const { host } = await openMemoryHost(workshop, undefined, { settings: { sealTimeoutMs: 0 } }, events);
  hosts.push(host);
  return host;
}

/** How many of them something still holds. */
async function held(objects: readonly WeakRef<object>[]): Promise<number> {
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  return objects.filter((object) => object.deref() !== undefined).length;
}

const GROUPS = 200;
const AT_A_TIME = 40;
const IDS = 10_000;
/** A number in a set takes 16 bytes and more. */
const BYTES_PER_ID = 16;

async function startGroup(host: NodeHost, clusterID: number): Promise<WeakRef<object>> {
  const machine = new Journal();
  const config = clusterConfig(1, { clusterID });
  await host.startCluster(new Map([[1, MEMORY_ADDRESS]]), false, () => machine, config);
  await retrying(() => host.syncPropose(host.getNoOPSession(clusterID), Buffer.from('line')));
  return new WeakRef(machine);
}

describe('a host', () => {
  it('keeps nothing of groups that came and went', async () => {
    const host = await open();
    const machines: WeakRef<object>[] = [];
    const comeAndGo = async (clusterID: number): Promise<void> => {
      machines.push(await startGroup(host, clusterID));
      await host.stopCluster(clusterID);
      if (clusterID % 2 === 0) await host.removeData(clusterID, 1);
    };
    for (let first = 1; first <= GROUPS; first += AT_A_TIME) {
      await Promise.all(Array.from({ length: AT_A_TIME }, (_, i) => comeAndGo(first + i)));
    }
    expect(host.getNodeHostInfo().replicas).toEqual([]);
    await eventually('the groups to be gone', async () => ((await held(machines)) === 0 ? true : undefined));
  });

  it('keeps of a group that has removed its node no more than that', async () => {
    const cluster = await TestCluster.start(workshop, 2, {}, { electionRTT: 5 });
    const { host } = await cluster.readyLeader();
    const machine = new WeakRef(cluster.node(2).journal);
    await retrying(() => host.syncRequestDeleteNode(CLUSTER, 2, 0, { timeoutMs: 20_000, force: true }));
    const removed = cluster.node(2);
    removed.journal = new Journal();
    const info = await eventually('the end of its answers', () => {
      const [found] = removed.host.getNodeHostInfo().replicas;
      return found?.state === 'removed' && found.progress === undefined ? found : undefined;
    });
    expect(info).toMatchObject({ clusterID: CLUSTER, nodeID: 2, error: undefined });
    const call = (): unknown => removed.host.readIndex(CLUSTER);
    expect(call).toThrow(expect.objectContaining({ code: 'ERR_CLUSTER_CLOSED' }));
    await eventually('its state to be gone', async () => ((await held([machine])) === 0 ? true : undefined));
    await removed.host.stopCluster(CLUSTER);
    expect(removed.host.getNodeHostInfo().replicas).toEqual([]);
  });

  it('keeps nothing of ids that were only asked for', async () => {
    const host = await open();
    const ask = async (clusterID: number): Promise<void> => {
      const session = host.getNoOPSession(clusterID);
      const calls: (() => unknown)[] = [
        () => host.propose(session, Buffer.from('x')),
        () => host.readIndex(clusterID),
        () => host.readLocal(clusterID, Buffer.from('x')),
        () => host.getLeaderID(clusterID),
        () => host.stopCluster(clusterID),
        () => host.stopNode(clusterID, 3),
        () => host.requestSnapshot(clusterID),
        () => host.requestCompaction(clusterID, 2),
        () => host.removeData(clusterID, 2),
        () => host.waitReady(clusterID, { timeoutMs: 20 }),
        () => host.startCluster(new Map(), false, () => new Journal(), clusterConfig(1, { clusterID })),
      ];
      const from = clusterID % 10 === 0 ? 0 : 1;
      for (const call of calls.slice(from, from === 0 ? calls.length : 9)) {
        try {
          await call();
        } catch (error) {
          if (!isDrakkarError(error)) throw error;
        }
      }
    };
    for (let id = 1; id <= 2_000; id++) await ask(id);
    collect();
    const beforeBytes = process.memoryUsage().heapUsed;
    for (let id = 1; id <= IDS; id++) await ask(100_000 + id);
    collect();
    expect(process.memoryUsage().heapUsed - beforeBytes).toBeLessThan(IDS * BYTES_PER_ID);
  });
});
