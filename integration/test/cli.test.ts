import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  SEAL_FILE_NAME,
  StoppedHost,
  contentOf,
  drakkar,
  drakkarJSON,
  start,
  writeConfig,
} from './cli-support.js';
import { TestCluster, Workshop, eventually } from './support.js';

const stopped = new StoppedHost();
beforeAll(() => stopped.make());
afterAll(() => stopped.clear());

describe('drakkar', () => {
  it('leaves everything in order when nobody reads what it prints', async () => {
    const { dir, config } = await stopped.sealedCopyOfData('unread');
    const running = start(['inspect', '--config', config]);
    running.closeStdout();
    expect(await running.done).toMatchObject({ exitCode: 0, stderr: '' });
    expect(existsSync(join(dir, SEAL_FILE_NAME))).toBe(true);
  });

  it('gives signs of life while it checks, and makes the seal again when a signal ends it', async () => {
    const { dir } = await stopped.sealedCopyOfData('interrupted');
    const module = stopped.scratch('slow.mjs');
    const mark = stopped.scratch('slow-mark');
    await writeFile(
      module,
      `import { writeFileSync, existsSync } from 'node:fs';
       import { adapterModule as lmdb, openLmdbLogDB } from ${JSON.stringify(new URL('../../logdb-lmdb/dist/index.js', import.meta.url).href)};
       const open = async (config) => {
         const db = await openLmdbLogDB(config);
         const { send } = process;
         await new Promise((resolve) => {
           const waiting = setInterval(() => undefined, 1_000);
           process.send = (...sign) => {
             clearInterval(waiting);
             resolve();
             return send.apply(process, sign);
           };
         });
         writeFileSync(${JSON.stringify(mark)}, '');
         while (existsSync(${JSON.stringify(mark)})) await new Promise((resolve) => setTimeout(resolve, 5));
         return db;
       };
       export const adapterModule = {
         ...lmdb,
         create: () => open,
       };`,
    );
    const running = start(['check', '--dir', dir, '--logdb', module, '--json']);
    await eventually('the LogDB to open', () => existsSync(mark) || undefined);
    expect(existsSync(join(dir, SEAL_FILE_NAME))).toBe(false);
    running.kill('SIGTERM');
    await eventually('the signal', () => running.stderr().includes('SIGTERM') || undefined);
    await rm(mark);
    const { exitCode, signal, stdout } = await running.done;
    expect({ exitCode, signal }).toEqual({ exitCode: 143, signal: null });
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, error: { code: 'ERR_CANCELED' } });
    expect(existsSync(join(dir, SEAL_FILE_NAME))).toBe(true);
  });
});

describe('drakkar inspect', () => {
  it('shows identity, replicas and snapshots, and changes nothing', async () => {
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
      expect(result.error?.message).toContain('getNodeHostInfo() in its program');
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

/** Runs a command as process 1 of a namespace of its own, where that is allowed. */
const UNSHARE = ['unshare', '--pid', '--fork', '--kill-child'];
const asFirst = spawnSync(UNSHARE[0] ?? '', [...UNSHARE.slice(1), 'true']).status === 0 ? UNSHARE : [];

/** The process that a command runs in, which is a child of unshare's. */
async function processOf({ pid }: { pid: number }): Promise<number> {
  if (asFirst.length === 0) return pid;
  return await eventually('the process', async () => {
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return Number(children) || undefined;
  });
}

describe('drakkar serve', () => {
  it('runs a host with its app until a signal stops it, whether anybody reads its output or not', async () => {
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
    running.kill('SIGHUP');
    await eventually('its reading again', () => running.stdout().includes('"reloaded"') || undefined);
    running.closeStdout();
    running.kill('SIGTERM');
    const { exitCode, stderr } = await running.done;
    expect(exitCode).toBe(0);
    expect(stderr).toContain('the standard output takes nothing any more (EPIPE');
    expect(await readFile(marks, 'utf8')).toBe('start NodeHost\nstop\n');
    expect((await drakkar('check', '--config', config)).exitCode).toBe(0);
  });

  it('stops at a signal though the app never ends its start, and ends at a second one, also as process 1', async () => {
    const { dir, config } = await stopped.copyOfData('starting');
    const app = stopped.scratch('hanging.mjs');
    const mark = stopped.scratch('hanging-mark');
    const serving = ['serve', '--config', config, '--app', app, '--json'];
    await writeFile(
      app,
      `import { writeFileSync } from 'node:fs';
       export const start = () => {
         setInterval(() => undefined, 1000);
         if (process.env.HANGS !== 'stop') {
           writeFileSync(${JSON.stringify(mark)}, '');
           return new Promise(() => undefined);
         }
         return () => new Promise(() => undefined);
       };`,
    );
    const running = start(serving, asFirst);
    await eventually('the app to start', () => existsSync(mark) || undefined);
    process.kill(await processOf(running), 'SIGHUP');
    process.kill(await processOf(running), 'SIGTERM');
    expect(await running.done).toMatchObject({ exitCode: 0, signal: null });
    expect(running.stdout()).not.toContain('"started"');
    expect(running.stdout()).toContain('"stopped"');
    expect((await drakkar('inspect', '--dir', dir)).exitCode).toBe(0);

    const stopping = start(serving, ['env', 'HANGS=stop', ...asFirst]);
    await eventually('the host to run', () => stopping.stdout().includes('"started"') || undefined);
    process.kill(await processOf(stopping), 'SIGTERM');
    await eventually('the host to stop', () => stopping.stdout().includes('"stopping"') || undefined);
    process.kill(await processOf(stopping), 'SIGTERM');
    const { exitCode, signal } = await stopping.done;
    expect(signal ?? exitCode).toBe(asFirst.length > 0 ? 143 : 'SIGTERM');
  });

  it('stops the host when the app can not start, and shows where it failed', async () => {
    const { dir, config } = await stopped.copyOfData('not-served');
    const app = stopped.scratch('failing.mjs');
    await writeFile(app, `export const start = () => { throw new Error('no coffee'); };`);
    const { exitCode, stdout, stderr } = await drakkar('serve', '--config', config, '--app', app, '--json');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('no coffee');
    expect(stderr).toMatch(/at start \(file:.*failing\.mjs:1:/);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { event: 'failed', error: { message: 'no coffee', stack: expect.stringContaining('failing.mjs:1:') } },
    ]);
    expect((await drakkar('inspect', '--dir', dir)).exitCode).toBe(0);
  });
});
