import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { StoppedHost, contentOf, drakkar, drakkarJSON, start, writeConfig } from './cli-support.js';
import { TestCluster, Workshop, eventually } from './support.js';

const stopped = new StoppedHost();
beforeAll(() => stopped.make());
afterAll(() => stopped.clear());

describe('drakkar', () => {
  it('explains itself, each command too', async () => {
    for (const args of [[], ['inspect'], ['check'], ['logdb', 'copy'], ['serve']]) {
      const { exitCode, stdout } = await drakkar(...args, '--help');
      expect(exitCode).toBe(0);
      expect(stdout).toContain('Usage: drakkar');
    }
  });

  it.each([
    ['an unknown command', ['inspekt']],
    ['an unknown option', ['inspect', '--konfig', 'x']],
    ['no data named', ['inspect']],
    ['data named twice', ['check', '--config', 'a', '--dir', 'b']],
    ['a configuration that is not there', ['inspect', '--config', '/nowhere/host.yaml']],
    ['a data directory that is not there', ['inspect', '--dir', '/nowhere/data']],
    ['no place to copy from', ['logdb', 'copy', '--from', 'lmdb:/nowhere', '--to', 'lmdb:/nowhere/else']],
    ['a place without a module', ['logdb', 'copy', '--from', '/data', '--to', 'lmdb:/nowhere/else']],
    ['an app that is not there', ['serve', '--config', 'x', '--app', './nowhere.js']],
  ])('exits with 2 and says why: %s', async (_name, args) => {
    const { exitCode, stderr, stdout } = await drakkar(...args);
    expect(exitCode).toBe(2);
    expect(stderr.length).toBeGreaterThan(10);
    expect(stderr).not.toContain('    at ');
    expect(stdout).toBe('');
    expect(existsSync('/nowhere')).toBe(false);
  });
});

describe('drakkar inspect', () => {
  it('tells identity, replicas and snapshots, and changes nothing', async () => {
    const before = await contentOf(stopped.node.dir);
    const { exitCode, result } = await drakkarJSON('inspect', '--config', stopped.configFile);
    expect(exitCode).toBe(0);
    expect(result.identity).toMatchObject({ address: stopped.node.address, deploymentId: 1, logdb: 'lmdb' });
    expect(result.replicas).toHaveLength(1);
    const [replica] = result.replicas as [{ lastIndex: number; firstIndex: number; snapshots: unknown[] }];
    expect(replica).toMatchObject({
      clusterID: 1,
      nodeID: 1,
      bootstrap: { addresses: { 1: stopped.node.address }, join: false },
      state: { vote: 1 },
    });
    expect(replica.lastIndex).toBeGreaterThanOrEqual(81);
    expect(replica.firstIndex).toBeGreaterThan(30);
    expect(replica.snapshots).toHaveLength(2);
    expect(await contentOf(stopped.node.dir)).toEqual(before);
  });

  it('needs no configuration, and prints text for people', async () => {
    const { exitCode, stdout } = await drakkar('inspect', '--dir', stopped.node.dir);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`raftAddress     ${stopped.node.address}`);
    expect(stdout).toContain('group 1 node 1');
    expect(stdout).toMatch(/snapshot {3}index \d+, term \d+, \d+ bytes/);
  });

  it('makes no folder where there is no data', async () => {
    const dir = stopped.scratch('none');
    const config = await writeConfig(`${dir}.yaml`, { address: stopped.node.address, dir });
    const { exitCode, result } = await drakkarJSON('inspect', '--config', config);
    expect(exitCode).toBe(2);
    expect(result.error?.code).toBe('ERR_DIR_NOT_EXIST');
    expect(existsSync(dir)).toBe(false);
  });

  it('does not make a new log where the log is lost', async () => {
    const { dir, config } = await stopped.copyOfData('lost');
    await rm(join(dir, 'logdb'), { recursive: true });
    const { exitCode, result } = await drakkarJSON('inspect', '--config', config);
    expect(exitCode).toBe(2);
    expect(result.error?.code).toBe('ERR_DATA_DIR_CORRUPT');
    expect(existsSync(join(dir, 'logdb'))).toBe(false);
  });
});

describe('a host that runs', () => {
  const running = new Workshop();
  afterEach(() => running.clear());

  it('keeps inspect, check and copy off its data', async () => {
    const cluster = await TestCluster.start(running, 1);
    const busy = cluster.node(1);
    const config = await writeConfig(stopped.scratch('busy.yaml'), busy);
    for (const command of ['inspect', 'check']) {
      const { exitCode, result } = await drakkarJSON(command, '--config', config);
      expect(exitCode).toBe(2);
      expect(result.error?.code).toBe('ERR_LOCK_DIRECTORY');
    }
    const target = stopped.scratch('busy-copy');
    const copy = await drakkarJSON(
      'logdb',
      'copy',
      '--from',
      `lmdb:${join(busy.dir, 'logdb')}`,
      '--to',
      `lmdb:${target}`,
    );
    expect(copy.exitCode).toBe(2);
    expect(copy.result.error?.code).toBe('ERR_LOGDB_LOCKED');
    expect(existsSync(target)).toBe(false);
    await cluster.write(busy, 'still there');
  });
});

describe('drakkar serve', () => {
  it('runs a host with its app until it is told to stop', async () => {
    const { dir, config } = await stopped.copyOfData('served');
    const app = stopped.scratch('app.mjs');
    const marks = stopped.scratch('marks');
    await writeFile(
      app,
      `import { appendFileSync } from 'node:fs';
       export async function start(host) {
         appendFileSync(${JSON.stringify(marks)}, 'start ' + host.constructor.name + '\\n');
         return () => appendFileSync(${JSON.stringify(marks)}, 'stop\\n');
       }`,
    );
    const running = start(['serve', '--config', config, '--app', app, '--json']);
    await eventually('the host to run', () => (running.stdout().includes('"started"') ? true : undefined));
    expect((await drakkar('inspect', '--dir', dir)).stderr).toContain('ERR_LOCK_DIRECTORY');
    running.kill('SIGTERM');
    expect((await running.done).exitCode).toBe(0);
    expect(await readFile(marks, 'utf8')).toBe('start NodeHost\nstop\n');
    expect((await drakkar('check', '--config', config)).exitCode).toBe(0);
  });

  it('stops when it is told to, though the app never ends its start', async () => {
    const { dir, config } = await stopped.copyOfData('starting');
    const app = stopped.scratch('hanging.mjs');
    const mark = stopped.scratch('hanging-mark');
    await writeFile(
      app,
      `import { writeFileSync } from 'node:fs';
       export const start = () => {
         setInterval(() => undefined, 1000);
         writeFileSync(${JSON.stringify(mark)}, '');
         return new Promise(() => undefined);
       };`,
    );
    const running = start(['serve', '--config', config, '--app', app, '--json']);
    await eventually('the app to start', () => existsSync(mark) || undefined);
    running.kill('SIGTERM');
    expect(await running.done).toMatchObject({ exitCode: 0, signal: null });
    expect(running.stdout()).not.toContain('"started"');
    expect(running.stdout()).toContain('"stopped"');
    expect((await drakkar('inspect', '--dir', dir)).exitCode).toBe(0);
  });

  it('stops the host when the app can not start', async () => {
    const { dir, config } = await stopped.copyOfData('not-served');
    const app = stopped.scratch('failing.mjs');
    await writeFile(app, `export const start = () => { throw new Error('no coffee'); };`);
    const { exitCode, stderr } = await drakkar('serve', '--config', config, '--app', app);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('no coffee');
    expect((await drakkar('inspect', '--dir', dir)).exitCode).toBe(0);
  });
});
