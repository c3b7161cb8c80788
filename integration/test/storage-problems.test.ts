import { rename, rm } from 'node:fs/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { CLUSTER, TestCluster, type TestNode, Workshop, codeOf } from './support.js';

const workshop = new Workshop();
afterEach(() => workshop.clear());

async function started(module: string): Promise<TestNode> {
  const cluster = await TestCluster.start(workshop, 1, { logdb: { module } });
  const node = await cluster.readyLeader();
  await cluster.write(node, 'before');
  return node;
}

const write = (node: TestNode): Promise<unknown> =>
  node.host.syncPropose(node.host.getNoOPSession(CLUSTER), Buffer.from('x'), { timeoutMs: 20_000 });

describe('a host whose data directory', () => {
  it('is removed acknowledges nothing more', async () => {
    const node = await started('leveldb');
    await rm(node.dir, { recursive: true });
    const [{ problem, advice }] = await node.events.first('logDBFailed');
    expect(problem).toBe('folderGone');
    expect(advice).toContain('remove the nodes of this host from their groups');
    expect(await codeOf(() => write(node))).toBe('ERR_REPLICA_FAILED');
    await node.host.stop();
  });

  it('is moved away can be started again when it is put back', async () => {
    const cluster = await TestCluster.start(workshop, 1, { logdb: { module: 'lmdb' } });
    const node = await cluster.readyLeader();
    await cluster.write(node, 'before');
    await rename(node.dir, `${node.dir}-moved`);
    const [{ error }] = await node.events.first('logDBFailed');
    expect(error).toMatchObject({ code: 'ERR_DATA_DIR_GONE' });
    await node.host.stop();
    await rename(`${node.dir}-moved`, node.dir);
    const again = await cluster.startNode(1);
    await cluster.readyLeader();
    expect(await cluster.read(again)).toBe('before');
  });
});
