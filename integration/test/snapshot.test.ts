import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { CLUSTER, TestCluster, Workshop, codeOf, eventually, retrying } from './support.js';

const TIMEOUT = { timeoutMs: 60_000 };

const workshop = new Workshop();
afterEach(() => workshop.clear());

const lines = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `line ${from + i}`);

const snapshotFolders = async (dir: string): Promise<string[]> => readdir(join(dir, 'snapshots', '1-1'));

describe('the stream of a snapshot', () => {
  it('ends when the node that it is for is removed', async () => {
    const slow = { settings: { maxSnapshotBytesPerSecond: 10_000 } };
    const cluster = await TestCluster.start(workshop, 1, slow, { compactionOverhead: 0 });
    const leader = cluster.node(1);
    const { host, events } = leader;
    for (let i = 0; i < 30; i++) await cluster.write(leader, randomBytes(4_000).toString('hex'));
    await host.requestSnapshot(CLUSTER);
    await host.syncRequestAddObserver(CLUSTER, 2, await cluster.reserve(2), 0, TIMEOUT);
    await cluster.startNode(2, { isObserver: true });
    await events.first('sendSnapshotStarted');
    await host.syncRequestDeleteNode(CLUSTER, 2, 0, TIMEOUT);
    expect(await events.first('sendSnapshotAborted')).toMatchObject([{ to: 2 }]);
    expect(events.of('sendSnapshotCompleted')).toEqual([]);
  });
});

describe('snapshots of a replica', () => {
  it.each(['none', 'snappy'] as const)(
    'stand in for the log at a restart (%s)',
    async (snapshotCompression) => {
      const cluster = await TestCluster.start(
        workshop,
        1,
        {},
        { compactionOverhead: 2, snapshotCompression },
      );
      const node = cluster.node(1);
      for (const line of lines(1, 20)) await cluster.write(node, line);
      const index = await node.host.requestSnapshot(CLUSTER);
      expect(index).toBeGreaterThanOrEqual(20);
      for (const line of lines(21, 30)) await cluster.write(node, line);
      await node.host.stop();
      const again = await cluster.startNode(1);
      expect(again.journal.recoveries).toBe(1);
      expect(await cluster.read(again)).toBe(lines(1, 30).join('\n'));
      expect(again.journal.updates).toBeLessThanOrEqual(10);
    },
  );

  it('carry the client sessions', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const { host } = cluster.node(1);
    await cluster.leader();
    const session = await host.getNewSession(CLUSTER);
    expect(await host.syncPropose(session, Buffer.from('once'))).toBe(1);
    await host.requestSnapshot(CLUSTER);
    await host.stop();
    const again = await cluster.startNode(1);
    await cluster.leader();
    expect(await again.host.syncPropose(session, Buffer.from('once'))).toBe(1);
    expect(await cluster.read(again)).toBe('once');
  });

  it('are refused when there is nothing new, and taken by themselves when it is time', async () => {
    const cluster = await TestCluster.start(workshop, 1, {}, { snapshotEntries: 10, compactionOverhead: 1 });
    const node = cluster.node(1);
    for (const line of lines(1, 45)) await cluster.write(node, line);
    await eventually('two snapshots to be kept', async () =>
      (await snapshotFolders(node.dir)).length === 2 ? true : undefined,
    );
    await node.host.requestSnapshot(CLUSTER).catch(() => undefined);
    expect(await codeOf(() => node.host.requestSnapshot(CLUSTER))).toBe('ERR_REJECTED');
    await node.host.stop();
    const again = await cluster.startNode(1);
    expect(await cluster.read(again)).toBe(lines(1, 45).join('\n'));
  });

  it('go when the data of the replica is removed', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const node = cluster.node(1);
    await cluster.write(node, 'a');
    await node.host.requestSnapshot(CLUSTER);
    expect(await snapshotFolders(node.dir)).toHaveLength(1);
    await node.host.stopCluster(CLUSTER);
    await node.host.removeData(CLUSTER, 1);
    expect(await readdir(join(node.dir, 'snapshots'))).toEqual([]);
  });

  it('leave the replica as it was when they fail', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const node = cluster.node(1);
    await cluster.write(node, 'a');
    node.journal.failSnapshots = true;
    await expect(node.host.requestSnapshot(CLUSTER)).rejects.toThrow('no snapshot today');
    node.journal.failSnapshots = false;
    await cluster.write(node, 'b');
    await node.host.requestSnapshot(CLUSTER);
    expect(await snapshotFolders(node.dir)).toHaveLength(1);
    expect(await cluster.read(node)).toBe('a\nb');
  });
});

describe('a follower that is too far behind for the log', () => {
  it('gets a snapshot, sessions and all, and goes on from there', async () => {
    const cluster = await TestCluster.start(
      workshop,
      3,
      {},
      { compactionOverhead: 1, maxInMemLogSize: 65_536 },
    );
    const leader = await cluster.leader();
    const lagging = cluster.nodes.find((node) => node !== leader)!;
    await cluster.write(leader, 'before');
    await lagging.host.stop();
    const session = await retrying(() => leader.host.getNewSession(CLUSTER));
    await retrying(() => leader.host.syncPropose(session, Buffer.from('once')));
    const many = lines(1, 12).map((line) => line.padEnd(10_000, '.'));
    for (const line of many) await cluster.write(leader, line);
    for (const node of cluster.nodes) if (node !== lagging) await node.host.requestSnapshot(CLUSTER);
    await cluster.write(leader, 'after');
    const back = await cluster.startNode(lagging.nodeID);
    expect(await cluster.read(back)).toBe(['before', 'once', ...many, 'after'].join('\n'));
    expect(back.journal.recoveries).toBe(1);
    expect(back.journal.updates).toBeLessThan(10);
    expect(await retrying(() => back.host.syncPropose(session, Buffer.from('once')))).toBe(2);
    await back.host.stop();
    const again = await cluster.startNode(lagging.nodeID);
    expect(await cluster.read(again)).toBe(['before', 'once', ...many, 'after'].join('\n'));
  });
});
