import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { drakkar, drakkarJSON, exportArgs, writeConfig } from './cli-support.js';
import { flipBitAt, folderNameOf, restartNode, snapshotFolders, stateHashes } from './repair-support.js';
import {
  CLUSTER,
  Journal,
  TestCluster,
  type TestNode,
  Workshop,
  clusterConfig,
  codeOf,
  retrying,
} from './support.js';

const workshop = new Workshop();
afterEach(() => workshop.clear());

interface Exported {
  ok: boolean;
  index: number;
  nodeID: number;
  sizeBytes: number;
  notExported: { first: number; last: number; commit: number } | null;
  problems: { index: number; code: string }[];
  membership: { nodes: Record<string, string>; removed: number[]; configChangeIndex: number };
  error?: { code: string; message: string };
}

interface Imported {
  ok: boolean;
  index: number;
  replaced: { commit: number; lastIndex: number } | null;
  membership: { nodes: Record<string, string>; removed: number[]; configChangeIndex: number };
  error?: { code: string; message: string };
}

const configOf = async (nodeID: number, address: string): Promise<string> => {
  const dir = await workshop.dir();
  return await writeConfig(join(dir, `host-${nodeID}.yaml`), { address, dir: join(dir, `node-${nodeID}`) });
};

/** One stopped host with a snapshot after `a`, one after `b`, and `c` in the log. */
async function stoppedHost(): Promise<{ node: TestNode; config: string; indexes: number[]; to: string }> {
  const cluster = await TestCluster.start(workshop, 1);
  const node = await cluster.readyLeader();
  const indexes: number[] = [];
  for (const line of ['a', 'b']) {
    await cluster.write(node, line);
    indexes.push(await node.host.requestSnapshot(CLUSTER));
  }
  await cluster.write(node, 'c');
  await node.host.stop();
  const config = await configOf(1, node.address);
  return { node, config, indexes, to: join(await workshop.dir(), 'backup') };
}

describe('drakkar snapshot', () => {
  it('repairs a group that has lost two of its three members permanently', async () => {
    const ordered = { orderedConfigChange: true };
    const cluster = await TestCluster.start(workshop, 3, {}, ordered);
    const survivor = cluster.node(1);
    for (let i = 1; i <= 10; i++) await cluster.write(survivor, `line ${i}`);
    const session = await retrying(() => survivor.host.getNewSession(CLUSTER));
    const answer = await retrying(() => survivor.host.syncPropose(session, Buffer.from('once')));
    const index = await survivor.host.requestSnapshot(CLUSTER);
    await cluster.write(survivor, 'behind the snapshot');
    for (const nodeID of [2, 3]) cluster.cutOff.add(nodeID);
    for (const { host } of cluster.nodes) await host.stop();

    const config = await configOf(1, survivor.address);
    const backup = join(await workshop.dir(), 'backup');
    const { exitCode, result } = await drakkarJSON<Exported>(...exportArgs(config, backup));
    expect(exitCode).toBe(0);
    expect(result).toMatchObject({ ok: true, index, nodeID: 1, problems: [] });
    expect(result.notExported?.first).toBe(index + 1);
    expect(Object.keys(result.membership.nodes)).toEqual(['1', '2', '3']);

    const addresses = new Map([
      [1, survivor.address],
      [4, await cluster.reserve(4)],
      [5, await cluster.reserve(5)],
    ]);
    const members = [...addresses].map(([nodeID, address]) => `${nodeID}=${address}`).join(',');
    for (const [nodeID, address] of addresses) {
      const importing = ['snapshot', 'import', '--config', await configOf(nodeID, address), '--from', backup];
      importing.push('--node', String(nodeID), '--members', members);
      if (nodeID === 1) {
        const refused = await drakkarJSON<Imported>(...importing);
        expect(refused.exitCode).toBe(2);
        expect(refused.result.error?.code).toBe('ERR_SNAPSHOT_OUT_OF_DATE');
        importing.push('--allow-older');
      }
      const imported = await drakkarJSON<Imported>(...importing);
      expect({ exitCode: imported.exitCode, stderr: imported.stderr }).toEqual({ exitCode: 0, stderr: '' });
      expect(imported.result).toMatchObject({ ok: true, index, membership: { removed: [2, 3] } });
      expect(imported.result.membership.configChangeIndex).toBe(result.membership.configChangeIndex);
      const checked = await drakkar('check', '--config', await configOf(nodeID, address));
      expect({ exitCode: checked.exitCode, stdout: checked.stdout }).toMatchObject({ exitCode: 0 });
    }

    cluster.cutOff.clear();
    const group: TestNode[] = [];
    for (const nodeID of addresses.keys()) group.push(await restartNode(cluster, nodeID, ordered));
    const [one, four, five] = group as [TestNode, TestNode, TestNode];
    for (const node of group) await node.host.waitReady(CLUSTER, { timeoutMs: 20_000 });
    expect((await cluster.read(five)).split('\n')).toEqual([
      ...Array.from({ length: 10 }, (_, i) => `line ${i + 1}`),
      'once',
    ]);
    expect(await retrying(() => four.host.syncPropose(session, Buffer.from('once')))).toBe(answer);
    const { configChangeIndex } = result.membership;
    // Of the leader, which knows at once when the change before is done with.
    const remove = (at: number): Promise<void> =>
      retrying(async () => {
        const { host } = await cluster.readyLeader(group);
        await host.syncRequestDeleteNode(CLUSTER, 5, at, { timeoutMs: 60_000 });
      });
    expect(await codeOf(() => remove(configChangeIndex + 1))).toBe('ERR_REJECTED');
    await cluster.write(five, 'new');
    expect(new Set(await stateHashes(group, await workshop.dir())).size).toBe(1);
    await remove(configChangeIndex);
    await cluster.readyLeader([one, four]);
    await cluster.write(one, 'newer');
    expect((await cluster.read(four)).split('\n').slice(-3)).toEqual(['once', 'new', 'newer']);
  }, 180_000);

  it('reports clearly what is not in an export', async () => {
    const { config, indexes, to, node } = await stoppedHost();
    const { exitCode, stdout } = await drakkar(...exportArgs(config, to));
    expect(exitCode).toBe(0);
    const [, newest = 0] = indexes;
    expect(stdout).toContain(`group 1 node 1: snapshot at index ${newest}`);
    expect(stdout).toMatch(new RegExp(`WARNING  log entries ${newest + 1} to \\d+ .* NOT in the export`));
    expect((await readdir(to)).sort()).toEqual(['export.json', 'snapshot.data']);
    const again = await drakkar('snapshot', 'export', '--dir', node.dir, '--cluster', '1', '--to', to);
    expect(again.exitCode).toBe(2);
    expect(again.stderr).toContain('is not empty');
  }, 60_000);

  it('exports the newest snapshot that is good, and reports the others', async () => {
    const { config, indexes, to, node } = await stoppedHost();
    const [older = 0, newest = 0] = indexes;
    const folders = await snapshotFolders(node);
    await flipBitAt(join(folders[1] ?? '', 'snapshot.data'), 0.8);
    const args = ['snapshot', 'export', '--config', config, '--cluster', '1', '--to'];
    const { exitCode, result } = await drakkarJSON<Exported>(...args, to);
    expect(exitCode).toBe(1);
    expect(result).toMatchObject({ ok: false, index: older });
    expect(result.problems).toMatchObject([{ index: newest, code: 'ERR_SNAPSHOT_CORRUPT' }]);
    expect(result.notExported?.first).toBe(older + 1);
    // It is looked at only: what can still be saved from it must not be lost.
    expect(
      (await snapshotFolders(node)).map((path) => path.endsWith(folderNameOf({ index: newest }))),
    ).toEqual([false, true]);
    await flipBitAt(join(folders[0] ?? '', 'snapshot.data'), 0.8);
    const none = await drakkarJSON<Exported>(...args, `${to}-2`);
    expect(none.exitCode).toBe(2);
    expect(none.result.error?.code).toBe('ERR_SNAPSHOT_CORRUPT');
    expect(none.result.error?.message).toContain('has no good snapshot on this host');
    expect((await readdir(await workshop.dir())).filter((name) => name.startsWith('backup'))).toEqual([
      'backup',
    ]);
  }, 60_000);

  it('refuses a host that runs, and reports what is missing', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const node = await cluster.readyLeader();
    await cluster.write(node, 'a');
    const config = await configOf(1, node.address);
    const to = join(await workshop.dir(), 'backup');
    const exporting = ['snapshot', 'export', '--config', config, '--to', to, '--cluster'];
    expect((await drakkar(...exporting, '1')).stderr).toContain('ERR_LOCK_DIRECTORY');
    await node.host.exportSnapshot(CLUSTER, to);
    const members = `1=${node.address}`;
    const importing = ['snapshot', 'import', '--config', config, '--from', to, '--node', '1'];
    expect((await drakkar(...importing, '--members', members)).stderr).toContain('ERR_LOCK_DIRECTORY');
    const other = clusterConfig(1, { clusterID: 2 });
    await node.host.startCluster(cluster.members, false, () => new Journal(), other);
    await node.host.removeData(7, 7);
    await node.host.stop();
    const cases: [string[], RegExp][] = [
      [
        [...exporting.slice(0, 4), '--to', `${to}-2`, '--cluster', '2'],
        /has no snapshot on this host.*exportSnapshot/,
      ],
      [[...exporting.slice(0, 4), '--to', `${to}-2`, '--cluster', '9'], /no data of group 9 here/],
      [[...exporting.slice(0, 4), '--to', `${to}-2`, '--cluster', 'one'], /--cluster must be an integer/],
      [[...importing, '--members', '1:host'], /--members must be ID=HOST:PORT/],
      [[...importing, '--members', `${members},${members}`], /names node 1 twice/],
      [[...importing, '--members', '1=elsewhere:1'], /raftAddress is/],
      [importing, /required option '--members/],
    ];
    for (const [args, message] of cases) {
      const { exitCode, stderr } = await drakkar(...args);
      expect(stderr).toMatch(message);
      expect(exitCode).toBe(2);
    }
    const help = await drakkar('snapshot', 'import', '--help');
    expect(help.exitCode).toBe(0);
    expect(help.stdout).toContain('before any of them is started');
  }, 90_000);

  it('takes a replica whose data was removed for what it is', async () => {
    const { node, config } = await stoppedHost();
    const host = await workshop.open({ raftAddress: node.address, nodeHostDir: node.dir });
    await host.removeData(CLUSTER, 1);
    await host.stop();
    expect((await drakkar('check', '--config', config)).exitCode).toBe(0);
    expect((await drakkar('inspect', '--config', config)).stdout).toContain('removed from this host');
    const exporting = exportArgs(config, join(node.dir, 'x'));
    expect((await drakkar(...exporting)).stderr).toContain('there is no data of group 1 here');
  }, 60_000);
});
