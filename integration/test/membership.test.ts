import { afterEach, describe, expect, it } from '@jest/globals';
import type { RequestState } from '@drakkar/framework';
import { MessageType } from '@drakkar/raftio';
import {
  CLUSTER,
  Journal,
  Load,
  TestCluster,
  type TestNode,
  Workshop,
  clusterConfig,
  codeOf,
  eventually,
  freeAddress,
  progressOf,
  retrying,
} from './support.js';

const workshop = new Workshop();
afterEach(() => workshop.clear());

const TIMEOUT = { timeoutMs: 20_000 };

async function addNode(cluster: TestCluster, by: TestNode, nodeID: number): Promise<void> {
  const address = await cluster.reserve(nodeID);
  await retrying(() => by.host.syncRequestAddNode(CLUSTER, nodeID, address, 0, TIMEOUT));
}

async function deleteNode(by: TestNode, nodeID: number): Promise<void> {
  await retrying(() => by.host.syncRequestDeleteNode(CLUSTER, nodeID, 0, TIMEOUT));
}

async function endOf(request: RequestState): Promise<string> {
  const { outcome, reason } = await request.result;
  return reason === undefined ? outcome : `${outcome}: ${reason}`;
}

const isFromLeader = (type: MessageType): boolean =>
  type === MessageType.Replicate || type === MessageType.Heartbeat;

const unloaded = (node: TestNode): Promise<unknown> =>
  eventually('the removed node to stop', () => node.events.of('nodeUnloaded')[0]);

describe('membership changes under load', () => {
  it('add a node, which catches up, and remove another, which stops by itself', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.readyLeader();
    const load = new Load(cluster, leader);
    await addNode(cluster, leader, 4);
    const joined = await cluster.startNode(4);
    await joined.host.waitReady(CLUSTER, { timeoutMs: 60_000 });
    const gone = cluster.other(leader, joined);
    await deleteNode(leader, gone.nodeID);
    expect(await unloaded(gone)).toEqual({ clusterID: CLUSTER, nodeID: gone.nodeID, reason: 'removed' });
    const lines = await load.stop();
    expect(lines.length).toBeGreaterThan(0);
    for (const node of cluster.others(gone)) {
      expect((await cluster.read(node)).split('\n')).toEqual(lines);
      const membership = await retrying(() => node.host.getClusterMembership(CLUSTER, TIMEOUT));
      expect([...membership.nodes].sort()).toEqual(
        [1, 2, 3, 4].filter((id) => id !== gone.nodeID).map((id) => [id, cluster.addressOf(id)]),
      );
      expect([...membership.removed]).toEqual([gone.nodeID]);
      expect(membership.observers.size).toBe(0);
    }
  });

  it('are taken by any member', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.readyLeader();
    const follower = cluster.other(leader);
    await addNode(cluster, follower, 4);
    const membership = await leader.host.getClusterMembership(CLUSTER, TIMEOUT);
    expect(membership.nodes.get(4)).toBe(cluster.addressOf(4));
    await deleteNode(follower, follower.nodeID);
    await unloaded(follower);
    expect([...(await leader.host.getClusterMembership(CLUSTER, TIMEOUT)).removed]).toEqual([
      follower.nodeID,
    ]);
  });
});

describe('the removal of the leader', () => {
  it('leaves the group with another', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.readyLeader();
    await cluster.write(leader, 'before');
    await deleteNode(leader, leader.nodeID);
    await unloaded(leader);
    const next = await cluster.leader(cluster.others(leader));
    await cluster.write(next, 'after');
    expect(await cluster.read(next)).toBe('before\nafter');
  });

  /** Two nodes; the leader has removed itself, and the other has not heard that this is committed. */
  async function silentRemoval(): Promise<{ cluster: TestCluster; leader: TestNode; stays: TestNode }> {
    const cluster = await TestCluster.start(workshop, 2);
    const leader = await cluster.readyLeader();
    const stays = cluster.other(leader);
    await cluster.write(leader, 'kept');
    expect(await cluster.read(stays)).toBe('kept');
    // The entry that raises the level is news as well, without which the removal would not be taken.
    await eventually('the level to be raised', () =>
      [leader, stays].every((node) => progressOf(node).featureLevel > 0) ? true : undefined,
    );
    const { commit } = progressOf(leader);
    let lost = 0;
    cluster.loses = (nodeID, { requests }) => {
      const isNews = requests.some((message) => isFromLeader(message.type) && message.commit > commit);
      if (nodeID !== stays.nodeID || !isNews) return false;
      lost++;
      return true;
    };
    await deleteNode(leader, leader.nodeID);
    await eventually('the news to get lost', () => (lost > 0 ? true : undefined));
    return { cluster, leader, stays };
  }

  const leadsAlone = (node: TestNode): Promise<true> =>
    eventually('the other to lead', () =>
      node.host.getLeaderID(CLUSTER).leaderID === node.nodeID ? true : undefined,
    );

  it('leaves a group of two with the other, which asks the removed one for its vote', async () => {
    const { cluster, stays } = await silentRemoval();
    await leadsAlone(stays);
    expect(await cluster.read(stays)).toBe('kept');
  });

  it('does so after a restart of the removed one, too, though that is refused', async () => {
    const { cluster, leader, stays } = await silentRemoval();
    cluster.cutOff.add(leader.nodeID);
    await leader.host.stop();
    const again = await cluster.openHost(leader.nodeID);
    cluster.cutOff.clear();
    const restart = again.host.startCluster(
      new Map(),
      false,
      () => new Journal(),
      clusterConfig(leader.nodeID),
    );
    expect(await codeOf(() => restart)).toBe('ERR_NODE_REMOVED');
    await leadsAlone(stays);
    expect(await cluster.read(stays)).toBe('kept');
  });
});

describe('a node that was removed while it was away', () => {
  async function removedWhileAway(): Promise<{ cluster: TestCluster; gone: TestNode }> {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.readyLeader();
    await cluster.write(leader, 'kept');
    const gone = cluster.other(leader);
    cluster.cutOff.add(gone.nodeID);
    await deleteNode(leader, gone.nodeID);
    return { cluster, gone };
  }

  it('learns it from the members when it hears them again, and is not started again', async () => {
    const { cluster, gone } = await removedWhileAway();
    expect(gone.events.of('nodeUnloaded')).toEqual([]);
    cluster.cutOff.clear();
    expect(await unloaded(gone)).toEqual({ clusterID: CLUSTER, nodeID: gone.nodeID, reason: 'removed' });
    expect(await codeOf(() => gone.host.syncRead(CLUSTER, new Uint8Array(0), TIMEOUT))).toBe(
      'ERR_CLUSTER_CLOSED',
    );
    const start = (): Promise<void> =>
      gone.host.startCluster(new Map(), false, () => new Journal(), clusterConfig(gone.nodeID));
    expect(await codeOf(start)).toBe('ERR_NODE_REMOVED');
    await gone.host.removeData(CLUSTER, gone.nodeID);
    expect(await codeOf(start)).toBe('ERR_NODE_REMOVED');
  });

  it('learns it after a restart of its host', async () => {
    const { cluster, gone } = await removedWhileAway();
    await gone.host.stop();
    const again = await cluster.openHost(gone.nodeID);
    cluster.cutOff.clear();
    await again.host.startCluster(new Map(), false, () => new Journal(), clusterConfig(gone.nodeID));
    await unloaded(again);
    expect(await codeOf(() => again.host.syncRead(CLUSTER, new Uint8Array(0), TIMEOUT))).toBe(
      'ERR_CLUSTER_CLOSED',
    );
  });
});

describe('a membership change', () => {
  it('is rejected in the ordered mode when made for an older membership', async () => {
    const cluster = await TestCluster.start(workshop, 3, {}, { orderedConfigChange: true });
    const { host } = await cluster.readyLeader();
    const before = await host.getClusterMembership(CLUSTER, TIMEOUT);
    const add = (nodeID: number, address: string, index: number): RequestState =>
      host.requestAddNode(CLUSTER, nodeID, address, index, TIMEOUT);
    expect(await endOf(add(4, await freeAddress(), before.configChangeIndex))).toBe('completed');
    const after = await host.getClusterMembership(CLUSTER, TIMEOUT);
    expect(after.configChangeIndex).toBeGreaterThan(before.configChangeIndex);
    expect(await endOf(add(5, await freeAddress(), before.configChangeIndex))).toMatch(
      /^rejected: .*configChangeID/,
    );
    const stale = (): Promise<void> =>
      host.syncRequestDeleteNode(CLUSTER, 4, before.configChangeIndex, TIMEOUT);
    expect(await codeOf(stale)).toBe('ERR_REJECTED');
    expect(await host.getClusterMembership(CLUSTER, TIMEOUT)).toEqual(after);
    await host.syncRequestDeleteNode(CLUSTER, 4, after.configChangeIndex, TIMEOUT);
  });

  it('is rejected, with the reason, when it does not fit the membership', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const { host } = await cluster.readyLeader();
    const request = (nodeID: number, address: string): Promise<string> =>
      endOf(host.requestAddNode(CLUSTER, nodeID, address, 0, { ...TIMEOUT, force: true }));
    expect(await request(1, cluster.addressOf(1))).toMatch(/^rejected: .*is a voting member already/);
    expect(await request(2, cluster.addressOf(1))).toMatch(/^rejected: .*is the address of node 1/);
    expect(await endOf(host.requestDeleteNode(CLUSTER, 1, 0, TIMEOUT))).toMatch(
      /^rejected: .*last voting member/,
    );
    expect(await cluster.write(cluster.node(1), 'alive')).toBe(1);
  });

  it('is refused at once when no group could take it', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const { host } = await cluster.readyLeader();
    const add = (nodeID: number, address: string, index = 0, timeoutMs = 1_000): Promise<string> =>
      codeOf(() => host.requestAddNode(CLUSTER, nodeID, address, index, { timeoutMs }));
    expect(await add(0, 'host:1')).toBe('ERR_INVALID_OPTION');
    expect(await add(1.5, 'host:1')).toBe('ERR_INVALID_OPTION');
    expect(await add(2, 'host:1', -1)).toBe('ERR_INVALID_OPTION');
    expect(await add(2, 'nonsense')).toBe('ERR_INVALID_ADDRESS');
    expect(await add(2, 'host:1', 0, 1)).toBe('ERR_TIMEOUT_TOO_SMALL');
    expect(await codeOf(() => host.requestDeleteNode(9, 1, 0))).toBe('ERR_CLUSTER_NOT_FOUND');
    // None of them counts as pending.
    expect(await endOf(host.requestAddObserver(CLUSTER, 2, 'host:1', 0))).toBe('completed');
  });

  it('waits for nobody: a second one on the same replica is refused while the first is under way', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.readyLeader();
    const { host } = leader;
    for (const node of cluster.others(leader)) cluster.cutOff.add(node.nodeID);
    const first = host.requestAddNode(CLUSTER, 4, await freeAddress(), 0, { timeoutMs: 100 });
    expect(await codeOf(() => host.requestDeleteNode(CLUSTER, 3, 0))).toBe('ERR_PENDING_CONFIG_CHANGE_EXIST');
    expect(await endOf(first)).toBe('timeout');
    // The first is in the leader's log, or nobody leads: in both cases the second does not get into any.
    const second = host.requestDeleteNode(CLUSTER, 3, 0, TIMEOUT);
    expect(await endOf(second)).toMatch(/^dropped: /);
    cluster.cutOff.clear();
    const next = await cluster.readyLeader();
    const membership = await next.host.getClusterMembership(CLUSTER, TIMEOUT);
    expect(membership.nodes.has(3)).toBe(true);
  });

  it('is dropped, with the reason, when forwarded to a leader that has another one under way', async () => {
    // Patient, so that a machine with much to do elects nobody else meanwhile.
    const cluster = await TestCluster.start(workshop, 3, {}, { checkQuorum: false, electionRTT: 50 });
    const leader = await cluster.readyLeader();
    const follower = cluster.other(leader);
    // The first change is not committed before an entry behind it is: that is the answer to the second one.
    const index = 1 + progressOf(leader).commit;
    cluster.loses = (nodeID, { requests }) =>
      nodeID === leader.nodeID &&
      requests.some(({ type, logIndex }) => type === MessageType.ReplicateResp && logIndex === index);
    const patient = { timeoutMs: 60_000 };
    const first = leader.host.requestAddObserver(CLUSTER, 4, await freeAddress(), 0, patient);
    const second = follower.host.requestDeleteNode(CLUSTER, follower.nodeID, 0, patient);
    expect(await endOf(second)).toMatch(/^dropped: another membership change is under way/);
    expect(await endOf(first)).toBe('completed');
    await retrying(() => follower.host.syncRequestDeleteNode(CLUSTER, 4, 0, TIMEOUT));
    const membership = await leader.host.getClusterMembership(CLUSTER, TIMEOUT);
    expect([...membership.nodes.keys()].sort()).toEqual([1, 2, 3]);
    expect([...membership.removed]).toEqual([4]);
    expect(await cluster.write(follower, 'alive')).toBe(1);
  });

  it('is refused before the leader has committed an entry of its term', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const former = await cluster.readyLeader();
    const { term } = progressOf(former);
    const target = cluster.other(former);
    // Votes and heartbeats pass, entries of the new leader do not.
    cluster.loses = (_nodeID, { requests }) =>
      requests.some((message) => message.type === MessageType.Replicate && message.term > term);
    former.host.requestLeaderTransfer(CLUSTER, target.nodeID);
    await eventually('the new leader', () =>
      target.host.getLeaderID(CLUSTER).leaderID === target.nodeID ? true : undefined,
    );
    const early = target.host.requestAddNode(CLUSTER, 4, await freeAddress(), 0, TIMEOUT);
    expect(await endOf(early)).toMatch(/^dropped: .*has not committed an entry of its own term/);
    const notReady = (): Promise<void> => target.host.waitReady(CLUSTER, { timeoutMs: 100 });
    expect(await codeOf(notReady)).toBe('ERR_CLUSTER_NOT_READY');
    cluster.loses = undefined;
    const leader = await cluster.readyLeader();
    await addNode(cluster, leader, 4);
  });
});

describe('a removed node', () => {
  it('is refused permanently, also by the host that ran it', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.readyLeader();
    const gone = cluster.other(leader);
    const { nodeID, address, host } = gone;
    await deleteNode(leader, nodeID);
    await unloaded(gone);
    const { host: leaderHost } = leader;
    const never = /^rejected: .*a node id is never used again/;
    expect(await endOf(leaderHost.requestAddNode(CLUSTER, nodeID, address, 0, TIMEOUT))).toMatch(never);
    expect(await endOf(leaderHost.requestAddObserver(CLUSTER, nodeID, address, 0, TIMEOUT))).toMatch(never);

    expect(await codeOf(() => host.syncRead(CLUSTER, new Uint8Array(0)))).toBe('ERR_CLUSTER_CLOSED');
    expect(await codeOf(() => host.getLeaderID(CLUSTER))).toBe('ERR_CLUSTER_CLOSED');
    const start = (on: TestNode, join: boolean): Promise<string> =>
      codeOf(() =>
        on.host.startCluster(
          join ? new Map() : cluster.members,
          join,
          () => new Journal(),
          clusterConfig(nodeID),
        ),
      );
    expect(await start(gone, false)).toBe('ERR_NODE_REMOVED');
    await host.stop();

    const again = await cluster.openHost(nodeID);
    expect(await start(again, false)).toBe('ERR_NODE_REMOVED');
    expect(await codeOf(() => again.host.syncRead(CLUSTER, new Uint8Array(0)))).toBe('ERR_CLUSTER_CLOSED');
    await again.host.removeData(CLUSTER, nodeID);
    expect(await again.host.hasNodeInfo(CLUSTER, nodeID)).toBe(false);
    expect(await start(again, true)).toBe('ERR_NODE_REMOVED');
  });

  it('makes room on its host, and its address free, for a node with another id', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.readyLeader();
    const gone = cluster.other(leader);
    await cluster.write(leader, 'a');
    await deleteNode(leader, gone.nodeID);
    await unloaded(gone);
    await retrying(() => leader.host.syncRequestAddNode(CLUSTER, 4, gone.address, 0, TIMEOUT));
    const journal = new Journal();
    await gone.host.startCluster(new Map(), true, () => journal, clusterConfig(4));
    expect(gone.journal.closed).toBe(1);
    await gone.host.waitReady(CLUSTER, TIMEOUT);
    expect(journal.lines).toEqual(['a']);
    expect(await codeOf(() => gone.host.removeData(CLUSTER, 4))).toBe('ERR_CLUSTER_NOT_STOPPED');
    await gone.host.removeData(CLUSTER, gone.nodeID);
    await cluster.write(leader, 'b');
  });

  it('comes back without harm when it was away: it finds no leader and wins no election', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.readyLeader();
    const { nodeID, host } = cluster.other(leader);
    await cluster.write(leader, 'a');
    await host.stop();
    await deleteNode(leader, nodeID);
    const { term } = progressOf(leader);
    const back = await cluster.startNode(nodeID);
    await eventually('it to ask for votes', () =>
      progressOf(back).role === 'preCandidate' ? true : undefined,
    );
    expect(await codeOf(() => back.host.waitReady(CLUSTER, { timeoutMs: 300 }))).toBe(
      'ERR_CLUSTER_NOT_READY',
    );
    expect(await codeOf(() => back.host.getClusterMembership(CLUSTER, { timeoutMs: 300 }))).toBe(
      'ERR_CLUSTER_NOT_READY',
    );
    await cluster.write(leader, 'b');
    expect(progressOf(leader).term).toBe(term);
    expect(back.journal.lines).not.toContain('b');
  });
});
