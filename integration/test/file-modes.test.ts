import { chmod, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { CLUSTER, TestCluster, Workshop } from './support.js';

const workshop = new Workshop();
afterEach(() => workshop.clear());

/** What below `dir`, and `dir` itself, others than its owner have any access to. */
async function openToOthers(dir: string): Promise<string[]> {
  const paths = [dir, ...(await readdir(dir, { recursive: true })).map((name) => join(dir, name))];
  const open: string[] = [];
  for (const path of paths) {
    const found = await stat(path).catch(() => undefined); // engines remove files as they like
    if (found !== undefined && (found.mode & 0o077) !== 0) open.push(path);
  }
  return open;
}

describe('what a host writes', () => {
  it.each(['lmdb', 'leveldb'])('can be read by its owner alone, on %s', async (module) => {
    const umask = process.umask(0o022);
    try {
      const dir = join(await workshop.dir(), 'node-1');
      await mkdir(dir);
      await chmod(dir, 0o755);
      const cluster = await TestCluster.start(workshop, 1, { logdb: { module } });
      const node = await cluster.readyLeader();
      for (let i = 0; i < 20; i++) await cluster.write(node, `${i}`);
      await node.host.requestSnapshot(CLUSTER);
      const exported = join(await workshop.dir(), 'exported');
      await node.host.exportSnapshot(CLUSTER, exported);
      expect(await openToOthers(exported)).toEqual([]);
      expect(await openToOthers(dir)).toEqual([]);
      await node.host.stop();
      expect(await openToOthers(dir)).toEqual([]);
    } finally {
      process.umask(umask);
    }
  });
});
