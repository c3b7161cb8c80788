import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type ImportOptions, type ImportedSnapshot, importSnapshot } from '@drakkar/framework';
import { restartNode, stateHashes } from './repair-support.js';
import {
  CLUSTER,
  TestCluster,
  type TestNode,
  Workshop,
  codeOf,
  eventually,
  quietly,
  retrying,
} from './support.js';

/*
 * docs/disaster-recovery.md, step by step, on LMDB and WebSocket. The headlines of its steps are the titles below.
 */
const workshop = new Workshop();
afterEach(() => workshop.clear());

const ORDERED = { orderedConfigChange: true, compactionOverhead: 5 };
const TIMEOUT = { timeoutMs: 60_000 };

const lines = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `line ${from + i}`);

/** A group whose membership has changed: members 1, 2 and 4, of which 4 was added; 3 was removed. */
async function changedGroup(): Promise<{ cluster: TestCluster; changeIndex: number }> {
  const cluster = await TestCluster.start(workshop, 3, {}, ORDERED);
  const first = cluster.node(1);
  for (const line of lines(1, 10)) await cluster.write(first, line);
  const index = async (): Promise<number> =>
    (await retrying(() => first.host.getClusterMembership(CLUSTER, TIMEOUT))).configChangeIndex;
  const address = await cluster.reserve(4);
  await retrying(async () => first.host.syncRequestAddNode(CLUSTER, 4, address, await index(), TIMEOUT));
  await cluster.startNode(4);
  await retrying(async () => first.host.syncRequestDeleteNode(CLUSTER, 3, await index(), TIMEOUT));
  // Until then a proposal might be forwarded to the node that was removed.
  await cluster.readyLeader([first, cluster.node(2), cluster.node(4)]);
  for (const line of lines(11, 20)) await cluster.write(first, line);
  return { cluster, changeIndex: await index() };
}

/** Imports on the host of each new member, as its operator would. */
async function importOnAll(
  from: string,
  members: ReadonlyMap<number, string>,
  options: ImportOptions = {},
): Promise<ImportedSnapshot[]> {
  const imported: ImportedSnapshot[] = [];
  for (const [nodeID, raftAddress] of members) {
    const nodeHostDir = join(await workshop.dir(), `node-${nodeID}`);
    const config = { raftAddress, nodeHostDir };
    imported.push(await importSnapshot(config, from, members, nodeID, { overrides: quietly, ...options }));
  }
  return imported;
}

/** Has the node lead. */
async function leadBy({ host, nodeID }: TestNode): Promise<void> {
  await eventually('the transfer', async () => {
    if (host.getLeaderID(CLUSTER).leaderID === nodeID) return true;
    await codeOf(() => host.requestLeaderTransfer(CLUSTER, nodeID));
    return undefined;
  });
  await host.waitReady(CLUSTER, TIMEOUT);
}

/** Members 2 and 4 can be reached no more. */
function cutOffTwo(cluster: TestCluster): void {
  for (const nodeID of [2, 4]) cluster.cutOff.add(nodeID);
}

/** Members 2 and 4 are gone, with their disks. */
async function loseTwo(cluster: TestCluster): Promise<void> {
  cutOffTwo(cluster);
  for (const nodeID of [2, 3, 4]) await cluster.node(nodeID).host.stop();
}

/** Cuts a leader off; what it is asked in that moment goes to its log, and no further. */
async function proposeInVain(cluster: TestCluster, leader: TestNode): Promise<void> {
  const { host, nodeID } = leader;
  const noOP = host.getNoOPSession(CLUSTER);
  await eventually('a proposal that no quorum hears of', async () => {
    await leadBy(leader);
    if (host.getLeaderID(CLUSTER).leaderID !== nodeID) return undefined;
    cutOffTwo(cluster);
    const lost = host.syncPropose(noOP, Buffer.from('lost'), { timeoutMs: 500 });
    if ((await codeOf(() => lost)) === 'ERR_TIMEOUT') return true;
    cluster.cutOff.clear(); // It led no more.
    return undefined;
  });
}

describe('a group that has lost two of its three members permanently', () => {
  it('goes on with a snapshot of the one that is left, and two new members', async () => {
    const { cluster, changeIndex } = await changedGroup();
    const survivor = cluster.node(1);
    const session = await retrying(() => survivor.host.getNewSession(CLUSTER, TIMEOUT));
    const once = Buffer.from('once');
    const answer = await retrying(() => survivor.host.syncPropose(session, once, TIMEOUT));

    // The quorum is lost. What the survivor is asked meanwhile goes to its log, and no further.
    await proposeInVain(cluster, survivor);
    await loseTwo(cluster);

    // Export from the survivor.
    const backup = join(await workshop.dir(), 'backup', 'group-1');
    const exported = await survivor.host.exportSnapshot(CLUSTER, backup, TIMEOUT);
    expect(exported).toMatchObject({ clusterID: CLUSTER, nodeID: 1, dir: backup });
    expect([...exported.membership.nodes.keys()].sort()).toEqual([1, 2, 4]);
    expect([...exported.membership.removed]).toEqual([3]);
    expect(exported.membership.configChangeIndex).toBe(changeIndex);
    expect((await readdir(backup)).sort()).toEqual(['export.json', 'snapshot.data']);
    expect(await readdir(join(backup, '..'))).toEqual(['group-1']);
    await survivor.host.stop();

    // Import on every member of the new membership.
    const members = new Map([
      [1, survivor.address],
      [5, await cluster.reserve(5)],
      [6, await cluster.reserve(6)],
    ]);
    const refusal = await codeOf(() => importOnAll(backup, members));
    expect(refusal).toBe('ERR_SNAPSHOT_OUT_OF_DATE'); // node 1 has an entry more in its log, which no quorum had
    const imported = await importOnAll(backup, members, { allowOlder: true });
    for (const each of imported) {
      expect(each).toMatchObject({ clusterID: CLUSTER, index: exported.index, term: exported.term });
      expect(each.membership.nodes).toEqual(members);
      expect([...each.membership.removed].sort()).toEqual([2, 3, 4]);
      expect(each.membership.configChangeIndex).toBe(changeIndex);
    }
    expect(imported.map(({ replaced }) => replaced !== undefined)).toEqual([true, false, false]);

    // Start, and verify.
    cluster.cutOff.clear();
    const group: TestNode[] = [];
    for (const nodeID of members.keys()) group.push(await restartNode(cluster, nodeID, ORDERED));
    const [one, five, six] = group as [TestNode, TestNode, TestNode];
    for (const node of group) await node.host.waitReady(CLUSTER, { timeoutMs: 20_000 });
    const expected = [...lines(1, 20), 'once'];
    for (const node of group) expect(await cluster.read(node)).toBe(expected.join('\n'));

    // A retry of what was answered before the disaster is not applied again.
    expect(await retrying(() => six.host.syncPropose(session, once, TIMEOUT))).toBe(answer);
    session.proposalCompleted();
    expect(await retrying(() => five.host.syncPropose(session, Buffer.from('twice'), TIMEOUT))).toBe(22);
    expect(await cluster.read(one)).toBe([...expected, 'twice'].join('\n'));

    // Ordered changes of the membership go on where they were.
    const membership = await retrying(() => five.host.getClusterMembership(CLUSTER, TIMEOUT));
    expect(membership.configChangeIndex).toBe(changeIndex);
    expect(membership.nodes).toEqual(members);
    const address = await cluster.reserve(7);
    // One that reaches the leader before it has applied the one before is lost, and is made again: the index that it
    // names keeps it from being applied twice.
    const add = (nodeID: number, index: number): Promise<void> =>
      eventually('an answer', async () => {
        const made = retrying(() =>
          five.host.syncRequestAddNode(CLUSTER, nodeID, address, index, { timeoutMs: 3_000, force: true }),
        );
        const code = await codeOf(() => made);
        return code === 'ERR_TIMEOUT' ? undefined : { made };
      }).then(({ made }) => made);
    expect(await codeOf(() => add(7, changeIndex - 1))).toBe('ERR_REJECTED');
    for (const gone of [2, 3, 4]) expect(await codeOf(() => add(gone, changeIndex))).toBe('ERR_REJECTED');
    await add(7, changeIndex);
    expect(await codeOf(() => add(8, changeIndex))).toBe('ERR_REJECTED');
    const seven = await cluster.startNode(7);
    await seven.host.waitReady(CLUSTER, { timeoutMs: 20_000 });

    // New writes, on all of them, the same.
    for (const [i, node] of [...group, seven].entries()) await cluster.write(node, `new ${i}`);
    const all = [...group, seven];
    const hashes = await stateHashes(all, await workshop.dir());
    expect(new Set(hashes).size).toBe(1);
    for (const node of all) {
      expect(await cluster.read(node)).toBe(
        [...expected, 'twice', 'new 0', 'new 1', 'new 2', 'new 3'].join('\n'),
      );
    }

    // It all outlives a restart.
    for (const node of all) await node.host.stop();
    const again = await Promise.all([...members.keys(), 7].map((id) => restartNode(cluster, id, ORDERED)));
    const [back] = again as [TestNode];
    expect(await cluster.read(back)).toBe(
      [...expected, 'twice', 'new 0', 'new 1', 'new 2', 'new 3'].join('\n'),
    );
  }, 180_000);

  it('takes no notice of a former member that is started again by mistake', async () => {
    const { cluster } = await changedGroup();
    const survivor = cluster.node(1);
    await loseTwo(cluster);
    const backup = join(await workshop.dir(), 'backup');
    await survivor.host.exportSnapshot(CLUSTER, backup, TIMEOUT);
    await survivor.host.stop();
    const members = new Map([
      [1, survivor.address],
      [5, await cluster.reserve(5)],
    ]);
    await importOnAll(backup, members);
    cluster.cutOff.clear();
    const one = await restartNode(cluster, 1, ORDERED);
    const five = await restartNode(cluster, 5, ORDERED);
    await cluster.readyLeader([one, five]);
    await cluster.write(five, 'before');
    const former = await restartNode(cluster, 2, ORDERED);
    for (const line of lines(1, 5)) await cluster.write(one, `while it is there: ${line}`);
    expect(await codeOf(() => former.host.waitReady(CLUSTER, { timeoutMs: 1_000 }))).toBe(
      'ERR_CLUSTER_NOT_READY',
    );
    expect(former.journal.lines).not.toContain('before');
    await cluster.write(five, 'after');
    expect(await cluster.read(one)).toContain('after');
  }, 120_000);
});
