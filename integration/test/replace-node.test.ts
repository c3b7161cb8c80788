import { afterEach, describe, expect, it } from '@jest/globals';
import type { ReplaceOptions, ReplaceStep } from '@drakkar/framework';
import { isDrakkarError } from '@drakkar/raftio';
import {
  CLUSTER,
  TestCluster,
  type TestNode,
  Workshop,
  clusterConfig,
  codeOf,
  eventually,
  freeAddress,
  retrying,
} from './support.js';

const workshop = new Workshop();
afterEach(() => workshop.clear());

const TIMEOUT = { timeoutMs: 20_000 };

/** Replaces node `nodeID` by node 4, by way of the host of `by`. */
async function replace(
  cluster: TestCluster,
  by: TestNode,
  nodeID: number,
  options: ReplaceOptions = TIMEOUT,
): Promise<void> {
  const address = await cluster.reserve(4);
  await by.host.syncRequestReplaceNode(CLUSTER, nodeID, 4, address, options);
}

async function startJoiner(cluster: TestCluster): Promise<TestNode> {
  await cluster.reserve(4);
  return await cluster.startNode(4, { isObserver: true });
}

/** Voting members, observers and removed nodes, as `by` reads them. */
async function members(by: TestNode): Promise<{ nodes: number[]; observers: number[]; removed: number[] }> {
  const read = await retrying(() => by.host.getClusterMembership(CLUSTER, { timeoutMs: 20_000 }));
  const [nodes, observers, removed] = [read.nodes, read.observers, read.removed].map((ids) =>
    [...ids.keys()].sort((a, b) => a - b),
  );
  return { nodes: nodes ?? [], observers: observers ?? [], removed: removed ?? [] };
}

async function failureOf(call: Promise<void>): Promise<{ code: string; step: unknown; message: string }> {
  const error: unknown = await call.then(
    () => new Error('no error'),
    (reason: unknown) => reason,
  );
  if (!isDrakkarError(error)) throw error;
  return { code: error.code, step: error.details.step, message: error.message };
}

describe('the replacement of a node', () => {
  it('is one call, also of the leader, which hands over, and asked twice at once', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.readyLeader();
    const old = leader.nodeID;
    await cluster.write(leader, 'before');
    const joiner = await startJoiner(cluster);
    const steps: ReplaceStep[] = [];
    const onProgress: ReplaceOptions['onProgress'] = ({ step }) => {
      if (steps.at(-1) !== step) steps.push(step);
    };
    const [by, other] = cluster.others(leader, joiner);
    if (by === undefined || other === undefined) throw new Error('there are three nodes');
    await Promise.all([
      replace(cluster, by, old, { ...TIMEOUT, onProgress }),
      replace(cluster, by, old),
      replace(cluster, other, old),
    ]);
    const order: ReplaceStep[] = ['addObserver', 'promote', 'transferLeadership', 'removeOld'];
    expect(steps).toEqual(order.filter((step) => steps.includes(step)));
    expect(steps[0]).toBe('addObserver');
    const nodes = [1, 2, 3, 4].filter((id) => id !== old);
    expect(await members(joiner)).toEqual({ nodes, observers: [], removed: [old] });
    expect(await cluster.read(joiner)).toBe('before');
    await eventually('the old node to stop', () => leader.events.of('nodeUnloaded')[0]);
    await replace(cluster, by, old);
    expect((await members(by)).nodes).toEqual(nodes);
  });

  it('replaces the only member of a group, on whose host it was asked for', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const only = await cluster.readyLeader();
    await cluster.write(only, 'kept');
    const joiner = await startJoiner(cluster);
    await replace(cluster, only, 1);
    expect(await members(joiner)).toEqual({ nodes: [4], observers: [], removed: [1] });
    expect(await cluster.read(joiner)).toBe('kept');
    expect(joiner.host.getLeaderID(CLUSTER).leaderID).toBe(4);
  });

  it('replaces a member that is lost', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.readyLeader();
    const lost = cluster.other(leader);
    await lost.host.stop();
    const joiner = await startJoiner(cluster);
    await replace(cluster, leader, lost.nodeID);
    const nodes = [1, 2, 3, 4].filter((id) => id !== lost.nodeID);
    expect(await members(joiner)).toEqual({ nodes, observers: [], removed: [lost.nodeID] });
  });

  it('is ended by its signal or its time-out, with what it waits for, and goes on when it is repeated', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.readyLeader();
    const old = cluster.other(leader).nodeID;
    const abort = new AbortController();
    const onProgress: ReplaceOptions['onProgress'] = ({ step, obstacle }) => {
      if (step === 'promote' && obstacle?.includes('the observer has the log') === true) abort.abort();
    };
    const ended = replace(cluster, leader, old, { ...TIMEOUT, signal: abort.signal, onProgress });
    expect(await failureOf(ended)).toMatchObject({ code: 'ERR_CANCELED', step: 'promote' });

    const early = await failureOf(replace(cluster, leader, old, { timeoutMs: 2_000 }));
    expect(early).toMatchObject({ code: 'ERR_TIMEOUT', step: 'promote' });
    expect(early.message).toMatch(/at step promote \(.*observer has the log up to .*start it/);
    expect(await members(leader)).toEqual({ nodes: [1, 2, 3], observers: [4], removed: [] });

    const started: Promise<TestNode>[] = [];
    const onPromote: ReplaceOptions['onProgress'] = ({ step }) => {
      if (step === 'promote' && started.length === 0) started.push(startJoiner(cluster));
    };
    await replace(cluster, leader, old, { ...TIMEOUT, onProgress: onPromote });
    await Promise.all(started);
    const nodes = [1, 2, 3, 4].filter((id) => id !== old);
    expect(await members(leader)).toEqual({ nodes, observers: [], removed: [old] });
  });

  it('goes on after the promotion, in a group that compares memberships', async () => {
    const cluster = await TestCluster.start(workshop, 3, {}, { orderedConfigChange: true });
    const leader = await cluster.readyLeader();
    const old = cluster.other(leader).nodeID;
    await startJoiner(cluster);
    const abort = new AbortController();
    const onProgress: ReplaceOptions['onProgress'] = ({ step }) => {
      if (step === 'removeOld' || step === 'transferLeadership') abort.abort();
    };
    const ended = replace(cluster, leader, old, { ...TIMEOUT, signal: abort.signal, onProgress });
    expect(await failureOf(ended)).toMatchObject({ code: 'ERR_CANCELED', step: 'removeOld' });
    expect((await members(leader)).nodes).toEqual([1, 2, 3, 4]);
    await replace(cluster, leader, old);
    expect((await members(leader)).removed).toEqual([old]);
  });

  it('is refused when the nodes do not fit, and changes nothing', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.readyLeader();
    const { host } = leader;
    const address = await freeAddress();
    const call = (nodeID: number, newNodeID: number, at: string): Promise<string> =>
      codeOf(() => host.syncRequestReplaceNode(CLUSTER, nodeID, newNodeID, at, TIMEOUT));
    expect(await call(1, 1, address)).toBe('ERR_INVALID_TARGET');
    expect(await call(8, 9, address)).toBe('ERR_INVALID_TARGET');
    expect(await call(9, 1, cluster.addressOf(1))).toBe('ERR_INVALID_TARGET');
    expect(await call(1, 2, address)).toBe('ERR_INVALID_TARGET');
    expect(await call(1, 4, cluster.addressOf(1))).toBe('ERR_INVALID_TARGET');
    expect(await call(1, 4, 'nonsense')).toBe('ERR_INVALID_ADDRESS');
    expect(await members(leader)).toEqual({ nodes: [1, 2, 3], observers: [], removed: [] });
  });

  it('is refused at the address of the old node, and reports which changes bring back a host without data', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const [first, second, third] = cluster.nodes;
    if (first === undefined || second === undefined || third === undefined) throw new Error('three nodes');
    await cluster.write(first, 'before');
    await third.host.stop();
    const { address } = third;
    const call = first.host.syncRequestReplaceNode(CLUSTER, 3, 4, address, TIMEOUT);
    const { code, message } = await failureOf(call);
    expect(code).toBe('ERR_INVALID_TARGET');
    expect(message).toContain('remove node 3 (syncRequestDeleteNode), then add node 4 there');
    const { host } = await cluster.readyLeader([first, second]);
    await retrying(() => host.syncRequestDeleteNode(CLUSTER, 3, 0, TIMEOUT));
    await retrying(() => host.syncRequestAddObserver(CLUSTER, 4, address, 0, TIMEOUT));
    cluster.members.set(4, address);
    const fourth = await cluster.openHost(4);
    const config = clusterConfig(4, { isObserver: true });
    await fourth.host.startCluster(new Map(), true, () => fourth.journal, config);
    await fourth.host.waitReady(CLUSTER, TIMEOUT);
    await retrying(() => host.syncRequestAddNode(CLUSTER, 4, address, 0, TIMEOUT));
    expect(await members(fourth)).toEqual({ nodes: [1, 2, 4], observers: [], removed: [3] });
    expect(await cluster.read(fourth)).toContain('before');
  });
});
