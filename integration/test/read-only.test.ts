import { spawn } from 'node:child_process';
import { readFile, readdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type Finished, MAIN, finished } from './cli-support.js';
import { CLUSTER, TestCluster, type TestNode, Workshop } from './support.js';

const workshop = new Workshop();
afterEach(() => workshop.clear());

/** Has every function of Node.js that would change something below a folder fail as on a read-only disk. */
const readOnly = (dir: string): string =>
  `data:text/javascript,${encodeURIComponent(`
    import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    const refuse = (path) => {
      if (String(path).startsWith(${JSON.stringify(dir)}))
        throw Object.assign(new Error('EROFS: read-only file system, ' + path), { code: 'EROFS' });
    };
    const guard = (name, isChange = () => true) => {
      const real = fs.promises[name];
      fs.promises[name] = async (path, ...rest) => {
        if (isChange(...rest)) refuse(path);
        return real(path, ...rest);
      };
    };
    guard('access', (mode) => (mode & fs.constants.W_OK) !== 0);
    guard('open', (flags = 'r') => flags !== 'r');
    for (const name of ['mkdir', 'writeFile', 'rename', 'rm', 'link', 'chmod', 'unlink']) guard(name);
    syncBuiltinESMExports();
  `)}`;

function drakkarOnReadOnly(dir: string, ...args: string[]): Promise<Finished> {
  const child = spawn(process.execPath, ['--import', readOnly(dir), MAIN, ...args, '--dir', dir]);
  return finished(child);
}

/** Every path below a folder, with what can change of it. */
async function stateOf(dir: string): Promise<Record<string, string>> {
  const state: Record<string, string> = {};
  for (const name of (await readdir(dir, { recursive: true })).sort()) {
    const found = await stat(join(dir, name));
    const content = found.isFile() ? (await readFile(join(dir, name))).toString('base64') : '';
    state[name] = `${found.mode} ${found.mtimeMs} ${content}`;
  }
  return state;
}

async function stopped(module: string): Promise<TestNode> {
  const cluster = await TestCluster.start(workshop, 1, { logdb: { module } });
  const node = await cluster.readyLeader();
  await cluster.write(node, 'one');
  await node.host.requestSnapshot(CLUSTER);
  await cluster.write(node, 'two');
  await node.host.stop();
  return node;
}

const copies = async (): Promise<string[]> =>
  (await readdir(tmpdir())).filter((name) => name.startsWith('drakkar-read-only-'));

describe('a data directory that can not be written to', () => {
  it.each([
    ['lmdb', 'inspect', 'entries 1 to'],
    ['leveldb', 'check', 'every file is as the host left it'],
  ])('is left as it is by %s of a host on %s', async (module, command, found) => {
    const { dir } = await stopped(module);
    const [before, copiesBefore] = [await stateOf(dir), await copies()];
    const { exitCode, stdout, stderr } = await drakkarOnReadOnly(dir, command);
    expect(stderr).toContain("can't be written to: the LogDB is read from a copy");
    expect(stdout).toContain(found);
    expect(exitCode).toBe(0);
    expect(await stateOf(dir)).toEqual(before);
    expect(await copies()).toEqual(copiesBefore);
  });
});
