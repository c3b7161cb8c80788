import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { openLmdbLogDB } from '@drakkar/logdb-lmdb';
import { CLUSTER, TestCluster, Workshop, codeOf, eventually, freeAddress, progressOf } from './support.js';

const workshop = new Workshop();
afterEach(() => workshop.clear());

const TIMEOUT = { timeoutMs: 60_000 };

describe('checkQuorum', () => {
  it.each([
    [true, 'follower'],
    [false, 'leader'],
  ])('%s: a leader that hears of nobody is a %s afterwards', async (checkQuorum, role) => {
    const cluster = await TestCluster.start(workshop, 3, {}, { checkQuorum });
    const leader = await cluster.readyLeader();
    const others = cluster.others(leader);
    cluster.cutOff.add(leader.nodeID);
    // The others have elected another: far more than the time after which it has to notice.
    await cluster.readyLeader(others);
    const leads = (): boolean => progressOf(leader).role === 'leader';
    if (role === 'leader') expect(leads()).toBe(true);
    // A follower, or by now a candidate that nobody hears.
    else await eventually('it to step down', () => (leads() ? undefined : true));
  });
});

describe('snapshotEntries', () => {
  it('takes none by itself when 0; a requested one is taken', async () => {
    const cluster = await TestCluster.start(workshop, 1, {}, { snapshotEntries: 0, compactionOverhead: 0 });
    const node = cluster.node(1);
    for (let i = 0; i < 40; i++) await cluster.write(node, `${i}`);
    await node.host.stopCluster(CLUSTER);
    expect(node.events.of('snapshotCreated')).toEqual([]);
    expect(await readdir(join(node.dir, 'snapshots')).catch(() => [])).toEqual([]);
    await node.host.stop();
    const again = await cluster.startNode(1);
    await again.host.waitReady(CLUSTER, TIMEOUT);
    await again.host.requestSnapshot(CLUSTER);
    expect(await again.events.first('snapshotCreated')).toHaveLength(1);
  });

  it('takes one about every N applied entries', async () => {
    const cluster = await TestCluster.start(workshop, 1, {}, { snapshotEntries: 10, compactionOverhead: 3 });
    const node = cluster.node(1);
    for (let i = 0; i < 40; i++) {
      await cluster.write(node, `${i}`);
      const due = Math.floor((i + 1) / 10);
      await eventually('the snapshots that are due', () =>
        node.events.of('snapshotCreated').length >= due ? true : undefined,
      );
    }
    const indexes = node.events.of('snapshotCreated').map(({ index }) => index);
    expect(indexes.length).toBeGreaterThanOrEqual(4);
    for (const [i, index] of indexes.entries())
      expect(index - (indexes[i - 1] ?? 0)).toBeGreaterThanOrEqual(10);
  });
});

describe('compactionOverhead', () => {
  it('is how many entries stay in the log behind a snapshot', async () => {
    const cluster = await TestCluster.start(workshop, 1, {}, { snapshotEntries: 0, compactionOverhead: 7 });
    const node = cluster.node(1);
    for (let i = 0; i < 30; i++) await cluster.write(node, `${i}`);
    const index = await node.host.requestSnapshot(CLUSTER);
    await node.events.first('logDBCompacted');
    await node.host.stop();
    const dir = join(node.dir, 'logdb');
    const logDB = await openLmdbLogDB({ dir, walDir: dir });
    try {
      const state = await logDB.readRaftState(CLUSTER, 1, 0);
      expect(state?.firstIndex).toBe(index - 7 + 1);
    } finally {
      await logDB.close();
    }
  });
});

describe('orderedConfigChange', () => {
  it('off: the index that a change names has no effect', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const { host } = await cluster.readyLeader();
    const [seven, eight] = [await freeAddress(), await freeAddress()];
    await host.syncRequestAddObserver(CLUSTER, 7, seven, 0, TIMEOUT);
    await host.syncRequestAddObserver(CLUSTER, 8, eight, 999, TIMEOUT);
    await host.syncRequestDeleteNode(CLUSTER, 7, 1, TIMEOUT);
    const { observers } = await host.getClusterMembership(CLUSTER, TIMEOUT);
    expect([...observers]).toEqual([[8, eight]]);
  });

  it('on: each kind of change must name the membership in force', async () => {
    const cluster = await TestCluster.start(workshop, 1, {}, { orderedConfigChange: true });
    const { host } = await cluster.readyLeader();
    const inForce = async (): Promise<number> =>
      (await host.getClusterMembership(CLUSTER, TIMEOUT)).configChangeIndex;
    const address = await freeAddress();
    const changes: ((index: number) => Promise<void>)[] = [
      (index) => host.syncRequestAddObserver(CLUSTER, 7, address, index, TIMEOUT),
      (index) => host.syncRequestDeleteNode(CLUSTER, 7, index, TIMEOUT),
      (index) => host.syncRequestAddNode(CLUSTER, 8, address, index, { ...TIMEOUT, force: true }),
    ];
    for (const change of changes) {
      const index = await inForce();
      expect(await codeOf(() => change(index - 1))).toBe('ERR_REJECTED');
      expect(await codeOf(() => change(index + 1))).toBe('ERR_REJECTED');
      expect(await inForce()).toBe(index);
      await change(index);
    }
  });
});
