import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { ClusterConfigInput } from '@drakkar/framework';
import { ErrUnsupported } from '@drakkar/raftio';
import { open as openLmdb } from 'lmdb';
import { MEMORY_ADDRESS, openMemoryHost } from './memory-host.js';
import { CLUSTER, Journal, TestCluster, type TestNode, Workshop, clusterConfig, codeOf } from './support.js';

const workshop = new Workshop();
afterEach(() => workshop.clear());

const BIG = 'x'.repeat(20_000);
const ON_REQUEST: Partial<ClusterConfigInput> = {
  compactionOverhead: 5,
  snapshotEntries: 0,
  disableAutoCompactions: true,
};

/** Bytes of all values in the LMDB file of a host, in whatever of its tables. */
function storedBytes(node: TestNode): number {
  const db = openLmdb<Buffer, Uint8Array>({
    path: join(node.dir, 'logdb', 'log.mdb'),
    noSubdir: true,
    readOnly: true,
    maxDbs: 1,
    keyEncoding: 'binary',
    encoding: 'binary',
  });
  try {
    let total = 0;
    for (const { value } of db.getRange()) total += value.length;
    return total;
  } finally {
    void db.close();
  }
}

/** A group of one with a log of some 400 kB behind its snapshot. */
async function filled(
  config: Partial<ClusterConfigInput>,
): Promise<{ cluster: TestCluster; node: TestNode }> {
  const cluster = await TestCluster.start(workshop, 1, {}, config);
  const node = await cluster.readyLeader();
  for (let i = 0; i < 20; i++) await cluster.write(node, `${i} ${BIG}`);
  await node.host.requestSnapshot(CLUSTER);
  return { cluster, node };
}

describe('requestCompaction', () => {
  it('deletes from the disk what a snapshot has made superfluous, when that is left to it', async () => {
    const { cluster, node } = await filled(ON_REQUEST);
    const [{ index }] = await node.events.first('logCompacted');
    expect(node.events.of('logDBCompacted')).toEqual([]);
    const operation = await node.host.requestCompaction(CLUSTER, 1);
    await operation.completed;
    expect(operation.isDone).toBe(true);
    expect(await node.events.first('logDBCompacted')).toEqual([{ clusterID: CLUSTER, nodeID: 1, index }]);
    await cluster.write(node, 'last');
    await node.host.stop();
    expect(storedBytes(node)).toBeLessThan(7 * 20_100);
    const again = await cluster.startNode(1);
    expect((await cluster.read(again)).split('\n')).toHaveLength(21);
  });

  it('leaves it on the disk otherwise', async () => {
    const { node } = await filled(ON_REQUEST);
    await node.host.stop();
    expect(storedBytes(node)).toBeGreaterThan(20 * 20_000);
  });

  it('is rejected when there is nothing to give back', async () => {
    const cluster = await TestCluster.start(workshop, 1, {}, ON_REQUEST);
    const node = await cluster.readyLeader();
    expect(await codeOf(() => node.host.requestCompaction(CLUSTER, 1))).toBe('ERR_REJECTED');
    for (let i = 0; i < 10; i++) await cluster.write(node, `${i}`);
    await node.host.requestSnapshot(CLUSTER);
    await (
      await node.host.requestCompaction(CLUSTER, 1)
    ).completed;
    expect(await codeOf(() => node.host.requestCompaction(CLUSTER, 1))).toBe('ERR_REJECTED');
  });

  it('is rejected where it is done after each snapshot', async () => {
    const { node } = await filled({ compactionOverhead: 5 });
    expect(await node.events.first('logDBCompacted')).toHaveLength(1);
    expect(await codeOf(() => node.host.requestCompaction(CLUSTER, 1))).toBe('ERR_REJECTED');
  });

  it('takes what a node has left that does not run here, and knows of no other', async () => {
    const { cluster, node } = await filled(ON_REQUEST);
    await node.host.stopCluster(CLUSTER);
    await (
      await node.host.requestCompaction(CLUSTER, 1)
    ).completed;
    await node.host.stop();
    expect(storedBytes(node)).toBeLessThan(7 * 20_100);
    const again = await cluster.startNode(1);
    expect((await cluster.read(again)).split('\n')).toHaveLength(20);
    expect(await codeOf(() => again.host.requestCompaction(CLUSTER, 2))).toBe('ERR_CLUSTER_NOT_FOUND');
    expect(await codeOf(() => again.host.requestCompaction(9, 1))).toBe('ERR_CLUSTER_NOT_FOUND');
    await again.host.stopCluster(CLUSTER);
    await again.host.removeData(CLUSTER, 1);
    await (
      await again.host.requestCompaction(CLUSTER, 1)
    ).completed;
    await again.host.stop();
    expect(await codeOf(() => again.host.requestCompaction(CLUSTER, 1))).toBe('ERR_CLOSED');
  });

  it('reports a LogDB that can not, and harms nothing', async () => {
    const { host, logDB } = await openMemoryHost(workshop);
    try {
      logDB.compactEntriesTo = () => Promise.reject(new ErrUnsupported('no space is ever given back'));
      const members = new Map([[1, MEMORY_ADDRESS]]);
      await host.startCluster(members, false, () => new Journal(), clusterConfig(1, ON_REQUEST));
      await host.waitReady(CLUSTER, { timeoutMs: 60_000 });
      const session = host.getNoOPSession(CLUSTER);
      for (let i = 0; i < 10; i++) await host.syncPropose(session, Buffer.from(`${i}`));
      await host.requestSnapshot(CLUSTER);
      const operation = await host.requestCompaction(CLUSTER, 1);
      expect(await codeOf(() => operation.completed)).toBe('ERR_UNSUPPORTED');
      expect(operation.isDone).toBe(true);
      expect(await host.syncPropose(session, Buffer.from('goes on'))).toBe(11);
      await host.requestCompaction(CLUSTER, 1); // whose failure nobody hears of
    } finally {
      await host.stop();
    }
  });
});
