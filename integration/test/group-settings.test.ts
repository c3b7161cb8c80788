import { afterEach, describe, expect, it } from '@jest/globals';
import type { Session } from '@drakkar/framework';
import type { GroupSettings } from '@drakkar/raftio';
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
const DEFAULTS: GroupSettings = { orderedConfigChange: false, lruMaxSessionCount: 4096 };
const ORDERED: GroupSettings = { ...DEFAULTS, orderedConfigChange: true };

async function allHave(nodes: readonly TestNode[], settings: GroupSettings): Promise<void> {
  await eventually('all replicas to have the settings', () =>
    nodes.every((node) => JSON.stringify(progressOf(node).settings) === JSON.stringify(settings))
      ? true
      : undefined,
  );
}

async function atLevelOne(nodes: readonly TestNode[]): Promise<void> {
  await eventually('the level to be raised', () =>
    nodes.every((node) => progressOf(node).featureLevel === 1) ? true : undefined,
  );
}

const set = (node: TestNode, settings: Partial<GroupSettings>): Promise<void> =>
  retrying(() => node.host.syncRequestSetGroupSettings(CLUSTER, settings, TIMEOUT));

const observe = (node: TestNode, nodeID: number, index: number): Promise<string> =>
  codeOf(() => node.host.syncRequestAddObserver(CLUSTER, nodeID, `127.0.0.1:${nodeID}`, index, TIMEOUT));

/**
 * Two of three members, at level 0, have changed the membership twice for the same one, which the ordered mode refuses;
 * then the third has come, and the level was raised.
 */
async function raisedLate(): Promise<TestCluster> {
  const cluster = await TestCluster.start(workshop, 0);
  for (const nodeID of [1, 2, 3]) cluster.members.set(nodeID, await freeAddress());
  const first = await cluster.startNode(1);
  await cluster.startNode(2);
  await cluster.readyLeader();
  for (const nodeID of [7, 8]) {
    const address = `127.0.0.1:${nodeID}`;
    await retrying(() => first.host.syncRequestAddObserver(CLUSTER, nodeID, address, 0, TIMEOUT));
  }
  expect(progressOf(first).featureLevel).toBe(0);
  for (const nodeID of [7, 8])
    await retrying(() => first.host.syncRequestDeleteNode(CLUSTER, nodeID, 0, TIMEOUT));
  await cluster.startNode(3);
  await atLevelOne(cluster.nodes);
  return cluster;
}

const removed = (node: TestNode): number[] => [...progressOf(node).membership.removed].sort();

describe('settings of a group', () => {
  it('are changed on all replicas by one request, wherever it is made', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.readyLeader();
    const follower = cluster.other(leader);
    expect(await follower.host.getGroupSettings(CLUSTER, TIMEOUT)).toEqual(DEFAULTS);
    await set(follower, { orderedConfigChange: true });
    await set(leader, { lruMaxSessionCount: 3 });
    await allHave(cluster.nodes, { orderedConfigChange: true, lruMaxSessionCount: 3 });
    for (const node of cluster.nodes) {
      const events = await eventually('both events', () => {
        const found = node.events.of('groupSettingsChanged');
        return found.length < 2 ? undefined : found;
      });
      expect(events.map(({ settings }) => settings)).toEqual([
        ORDERED,
        { orderedConfigChange: true, lruMaxSessionCount: 3 },
      ]);
      expect(progressOf(node).configuredSettings).toEqual(DEFAULTS);
      expect(progressOf(node).agreement?.refusal).toBeUndefined();
    }
    expect(await observe(follower, 7, 0)).toBe('ERR_REJECTED');
    const { configChangeIndex } = await leader.host.getClusterMembership(CLUSTER, TIMEOUT);
    expect(await observe(leader, 7, configChangeIndex)).toBe('no error');
  });

  it('evict the least recently used sessions at once when their number is lowered', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.readyLeader();
    const sessions: Session[] = [];
    for (let i = 0; i < 4; i++) sessions.push(await leader.host.getNewSession(CLUSTER, TIMEOUT));
    const use = (session: Session | undefined): Promise<string> =>
      codeOf(async () => {
        if (session === undefined) throw new Error('no session');
        await leader.host.syncPropose(session, Buffer.from('x'), TIMEOUT);
        session.proposalCompleted();
      });
    expect(await use(sessions[0])).toBe('no error');
    await set(leader, { lruMaxSessionCount: 2 });
    const codes: string[] = [];
    for (const i of [3, 0, 1, 2]) codes.push(await use(sessions[i]));
    expect(codes).toEqual(['no error', 'no error', 'ERR_REJECTED', 'ERR_REJECTED']);
  });

  it('survive restarts and come with a snapshot, whatever the configuration says', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.readyLeader();
    const third = cluster.other(leader);
    await third.host.stop();
    const changed = { orderedConfigChange: true, lruMaxSessionCount: 5 };
    await set(leader, changed);
    await leader.host.requestSnapshot(CLUSTER);
    for (const node of cluster.others(third)) {
      await node.host.stop();
      await cluster.startNode(node.nodeID);
    }
    await cluster.startNode(third.nodeID);
    await cluster.readyLeader();
    await allHave(cluster.nodes, changed);
    for (const node of cluster.nodes) {
      expect(await node.host.getGroupSettings(CLUSTER, TIMEOUT)).toEqual(changed);
      const [event] =
        node.nodeID === third.nodeID ? [undefined] : await node.events.first('configurationOverruled');
      if (event !== undefined) expect(event).toMatchObject({ settings: changed, configured: DEFAULTS });
    }
  });

  it.each<[Partial<GroupSettings>]>([
    [{}],
    [{ lruMaxSessionCount: 0 }],
    [{ lruMaxSessionCount: 1_000_001 }],
    [{ orderedConfigChange: 1 as unknown as boolean }],
    [{ snapshotEntries: 7 } as unknown as Partial<GroupSettings>],
    [undefined as unknown as Partial<GroupSettings>],
  ])('are refused at the request when they are %p', async (settings) => {
    const cluster = await TestCluster.start(workshop, 1);
    const leader = await cluster.readyLeader();
    const code = await codeOf(() => leader.host.syncRequestSetGroupSettings(CLUSTER, settings, TIMEOUT));
    expect(code).toBe('ERR_INVALID_OPTION');
    expect(progressOf(leader).settings).toEqual(DEFAULTS);
  });

  it('are refused at the request below feature level 1', async () => {
    const cluster = await TestCluster.start(workshop, 0);
    for (const nodeID of [1, 2, 3]) cluster.members.set(nodeID, await freeAddress());
    const first = await cluster.startNode(1);
    await cluster.startNode(2);
    await cluster.readyLeader();
    const code = await codeOf(() => first.host.syncRequestSetGroupSettings(CLUSTER, ORDERED, TIMEOUT));
    expect(code).toBe('ERR_LEVEL_TOO_LOW');
  });
});

describe('a replica whose configuration differs from the settings of its group', () => {
  it('goes on with those of the group after a restart, and reports it once', async () => {
    const cluster = await raisedLate();
    await cluster.node(3).host.stop();
    const third = await cluster.startNode(3, { orderedConfigChange: true });
    await third.host.waitReady(CLUSTER, TIMEOUT);
    expect(progressOf(third)).toMatchObject({ settings: DEFAULTS, configuredSettings: ORDERED });
    // Its log begins before the level was raised: that part is applied by the settings of that time.
    expect(removed(third)).toEqual([7, 8]);
    expect(third.events.of('configurationOverruled')).toEqual([
      { clusterID: CLUSTER, nodeID: 3, settings: DEFAULTS, configured: ORDERED },
    ]);
    expect(await observe(third, 9, 0)).toBe('no error');
    await allHave(cluster.nodes, DEFAULTS);
    await cluster.write(third, 'by the third');
    for (const node of cluster.nodes) {
      expect(await cluster.read(node)).toContain('by the third');
      expect(node.events.of('groupMismatch')).toEqual([]);
      expect(node.events.of('stateDiverged')).toEqual([]);
    }
  });

  it('joins with those of the group, for the log before level 1 too, and keeps them', async () => {
    const cluster = await raisedLate();
    const leader = await cluster.readyLeader();
    const address = await cluster.reserve(4);
    await retrying(() => leader.host.syncRequestAddNode(CLUSTER, 4, address, 0, TIMEOUT));
    cluster.hostConfigs.set(4, { hardSettings: { lruMaxSessionCount: 2 } });
    const configured = { orderedConfigChange: true, lruMaxSessionCount: 2 };
    for (let run = 0; run < 2; run++) {
      const joined = await cluster.startNode(4, { orderedConfigChange: true });
      await joined.host.waitReady(CLUSTER, { timeoutMs: 60_000 });
      expect(progressOf(joined)).toMatchObject({ settings: DEFAULTS, configuredSettings: configured });
      expect(removed(joined)).toEqual([7, 8]);
      expect(await joined.events.first('configurationOverruled')).toHaveLength(1);
      expect(joined.events.of('groupMismatch')).toEqual([]);
      await cluster.write(joined, `run ${run}`);
      await joined.host.stop();
    }
    for (const node of cluster.nodes.slice(0, 3)) expect(node.events.of('groupMismatch')).toEqual([]);
  });

  it('joins by a snapshot with those of the group', async () => {
    const cluster = await TestCluster.start(
      workshop,
      3,
      {},
      { compactionOverhead: 1, maxInMemLogSize: 65_536 },
    );
    const leader = await cluster.readyLeader();
    const changed = { orderedConfigChange: false, lruMaxSessionCount: 5 };
    await set(leader, changed);
    for (let i = 0; i < 5; i++) await cluster.write(leader, `${i}`.repeat(30_000));
    for (const node of cluster.nodes) {
      const codes = await codeOf(() => retrying(() => node.host.requestSnapshot(CLUSTER)));
      expect(codes).toBe('no error');
      await node.events.first('logCompacted');
    }
    const address = await cluster.reserve(4);
    await retrying(() => leader.host.syncRequestAddNode(CLUSTER, 4, address, 0, TIMEOUT));
    const joined = await cluster.startNode(4, { orderedConfigChange: true });
    await joined.host.waitReady(CLUSTER, { timeoutMs: 60_000 });
    expect(joined.events.of('snapshotReceived')).toHaveLength(1);
    expect(progressOf(joined).settings).toEqual(changed);
    await cluster.write(joined, 'by the fourth');
    expect(await cluster.read(leader)).toContain('by the fourth');
  });
});
