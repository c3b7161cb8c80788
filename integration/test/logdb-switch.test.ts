import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type NodeHostConfigInput, SeededRandom } from '@drakkar/framework';
import { drakkar, drakkarJSON, start } from './cli-support.js';
import {
  CLUSTER,
  Load,
  TestCluster,
  type TestNode,
  Workshop,
  eventually,
  retrying,
  retryingInSession,
} from './support.js';

type Storage = Pick<NodeHostConfigInput, 'logdb' | 'walDir'>;

/** Each takes some processes, so there are more of them only on demand. */
/** 50 lines, and before them the first member, the leader's first entry and the feature level. */
const ENTRIES = 53;
const KILLS = Number(process.env['DRAKKAR_SWITCH_KILLS'] ?? 3);

const workshop = new Workshop();
afterEach(() => workshop.clear());

/** The configuration of a node's host as a file; JSON is YAML too. */
async function writeConfig(name: string, node: TestNode, storage: Storage): Promise<string> {
  const file = join(await workshop.dir(), `${name}-${node.nodeID}.yaml`);
  const config = { raftAddress: node.address, nodeHostDir: node.dir, rttMillisecond: 20, ...storage };
  await writeFile(file, JSON.stringify({ ...config, log: { level: 'silent' } }));
  return file;
}

/** Stops the node's host, moves it to another LogDB by the command, and starts it there. */
async function switchNode(cluster: TestCluster, nodeID: number, from: Storage, to: Storage): Promise<void> {
  const node = cluster.node(nodeID);
  await node.host.stop();
  const oldConfig = await writeConfig('old', node, from);
  const newConfig = await writeConfig('new', node, to);
  const { exitCode, result } = await drakkarJSON(
    ...['logdb', 'copy', '--config', oldConfig, '--switch-to', newConfig],
  );
  expect({ exitCode, error: result.error }).toEqual({ exitCode: 0, error: undefined });
  expect(result.replicas).toMatchObject([{ clusterID: CLUSTER, nodeID }]);
  expect((await drakkar('check', '--config', newConfig)).exitCode).toBe(0);
  const again = await drakkarJSON('inspect', '--config', oldConfig);
  expect(again.exitCode).toBe(2);
  expect(again.result.error?.code).toMatch(/^ERR_LOGDB_TYPE$|^ERR_INCOMPATIBLE_DATA$/);
  cluster.hostConfigs.set(nodeID, to);
  await cluster.startNode(nodeID);
}

async function expectAllEqual(cluster: TestCluster, lines: readonly string[]): Promise<void> {
  for (const node of cluster.nodes) {
    await eventually(`node ${node.nodeID} to have all of it`, () =>
      node.journal.lines.length === lines.length ? true : undefined,
    );
    expect(node.journal.lines).toEqual(lines);
  }
}

describe('a host that changes its LogDB', () => {
  it('keeps data and sessions, one host after the other, there and back, while the group works', async () => {
    const lmdb: Storage = { logdb: { module: 'lmdb' } };
    const leveldb: Storage = {
      logdb: { module: 'leveldb', options: { writeBufferSizeBytes: 1_048_576 } },
    };
    const cluster = await TestCluster.start(workshop, 3, {}, { snapshotEntries: 40, compactionOverhead: 10 });
    const leader = await cluster.readyLeader();
    const session = await retrying(() => leader.host.getNewSession(CLUSTER, { timeoutMs: 60_000 }));
    const once = (node: TestNode): Promise<unknown> =>
      retryingInSession(() => node.host.syncPropose(session, Buffer.from('once'), { timeoutMs: 20_000 }));
    const result = await once(leader);
    const lines = ['once'];
    for (let i = 0; i < 100; i++) lines.push(`before ${i}`);
    for (const line of lines.slice(1)) await cluster.write(leader, line);

    for (const nodeID of [1, 2, 3]) {
      // With the first of them the group has one host on LevelDB, and two on LMDB.
      const load = new Load(cluster, cluster.node(1 + (nodeID % 3)));
      await switchNode(cluster, nodeID, lmdb, leveldb);
      const node = cluster.node(nodeID);
      await node.host.waitReady(CLUSTER, { timeoutMs: 60_000 });
      lines.push(...(await load.stop()), `on leveldb ${nodeID}`);
      await cluster.write(node, lines.at(-1) ?? '');
      await expectAllEqual(cluster, lines);
      expect(await readdir(node.dir)).toEqual(expect.arrayContaining(['logdb-1']));
      expect(existsSync(join(node.dir, 'logdb'))).toBe(false);
    }
    expect(await once(cluster.node(2))).toEqual(result);
    await expectAllEqual(cluster, lines);

    for (const nodeID of [3, 1, 2]) {
      const walDir = join(await workshop.dir(), `wal-${nodeID}`);
      await switchNode(cluster, nodeID, leveldb, { ...lmdb, walDir });
      const node = cluster.node(nodeID);
      await node.host.waitReady(CLUSTER, { timeoutMs: 60_000 });
      lines.push(`on lmdb ${nodeID}`);
      await cluster.write(node, lines.at(-1) ?? '');
      expect((await readdir(walDir)).sort()).toEqual(['LOCK', 'drakkar.json', 'wal-2']);
    }
    expect(await once(cluster.node(3))).toEqual(result);
    await expectAllEqual(cluster, lines);
  }, 300_000);

  it(
    'has the old LogDB or the new one when the command is killed, and can be moved then',
    async () => {
      const cluster = await TestCluster.start(workshop, 1);
      const node = cluster.node(1);
      for (let i = 0; i < 50; i++) await cluster.write(node, `line ${i} ${'x'.repeat(1000)}`);
      await node.host.stop();
      const good = `${node.dir}-good`;
      await cp(node.dir, good, { recursive: true, filter: (path) => !path.endsWith('.sock') });
      const oldConfig = await writeConfig('old', node, { logdb: { module: 'lmdb' } });
      const newConfig = await writeConfig('new', node, { logdb: { module: 'leveldb' } });
      const command = ['logdb', 'copy', '--config', oldConfig, '--switch-to', newConfig];
      const from = performance.now();
      const whole = await drakkarJSON(...command);
      expect(whole.exitCode).toBe(0);
      const wholeMs = performance.now() - from;
      const random = new SeededRandom(5);
      for (let round = 0; round < KILLS; round++) {
        await rm(node.dir, { recursive: true });
        await mkdir(node.dir);
        await cp(good, node.dir, { recursive: true });
        const running = start(command);
        // The first part of the time goes into starting.
        const killMs = wholeMs * (0.4 + 0.6 * (random.nextInt(1000) / 1000));
        const timer = setTimeout(() => running.kill('SIGKILL'), killMs);
        await running.done;
        clearTimeout(timer);
        const asOld = await drakkarJSON('check', '--config', oldConfig);
        const asNew = await drakkarJSON('check', '--config', newConfig);
        const codes = [asOld.exitCode, asNew.exitCode];
        expect({ round, codes: codes.sort() }).toEqual({ round, codes: [0, 2] });
        const refused = asOld.exitCode === 2 ? asOld : asNew;
        expect(refused.result.error?.code).toBe('ERR_LOGDB_TYPE');
        expect(refused.result.error?.message).toContain('drakkar logdb copy');
        const unused = (await readdir(node.dir)).filter((name) => name.startsWith('logdb')).length - 1;
        expect([asOld.result, asNew.result].find(({ ok }) => ok)?.unusedLogDBs).toHaveLength(unused);
        const again = await drakkarJSON(...command);
        expect({ round, exitCode: again.exitCode, error: again.result.error }).toEqual({
          round,
          exitCode: 0,
          error: undefined,
        });
        const end = await drakkarJSON('check', '--config', newConfig);
        expect(end.result).toMatchObject({ ok: true, replicas: [{ entries: ENTRIES }] });
        expect((await readdir(node.dir)).filter((name) => name.startsWith('logdb'))).toEqual(['logdb-1']);
      }
    },
    60_000 + KILLS * 20_000,
  );

  it('is left alone while it runs, and when the new configuration is another host’s', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const node = cluster.node(1);
    await cluster.write(node, 'kept');
    const oldConfig = await writeConfig('old', node, { logdb: { module: 'lmdb' } });
    const newConfig = await writeConfig('new', node, { logdb: { module: 'leveldb' } });
    const foreign = await writeConfig(
      'foreign',
      { ...node, address: '127.0.0.1:9' },
      { logdb: { module: 'leveldb' } },
    );
    const refusal = async (config: string): Promise<unknown> => {
      const { exitCode, result } = await drakkarJSON(
        ...['logdb', 'copy', '--config', oldConfig, '--switch-to', config],
      );
      return [exitCode, result.error?.code];
    };
    expect(await refusal(newConfig)).toEqual([2, 'ERR_LOCK_DIRECTORY']);
    await node.host.stop();
    expect(await refusal(foreign)).toEqual([2, 'ERR_NOT_OWNER']);
    expect((await readdir(node.dir)).filter((name) => name.startsWith('logdb'))).toEqual(['logdb']);
    expect((await drakkar('check', '--config', oldConfig)).exitCode).toBe(0);
  });
});
