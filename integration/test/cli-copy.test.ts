import { existsSync } from 'node:fs';
import { cp, lchown, lstat, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { StoppedHost, contentOf, drakkar, drakkarJSON } from './cli-support.js';

const stopped = new StoppedHost();
beforeAll(() => stopped.make());
afterAll(() => stopped.clear());

describe('drakkar logdb copy', () => {
  /** A LogDB that is not one of this project, found by its path; `change` may spoil it. */
  const otherLogDB = async (change = ''): Promise<string> => {
    const lmdb = JSON.stringify(new URL('../../logdb-lmdb/dist/index.js', import.meta.url).href);
    const module = stopped.scratch(change === '' ? 'other.mjs' : 'spoilt.mjs');
    await writeFile(
      module,
      `import { adapterModule as lmdb, openLmdbLogDB } from ${lmdb};
       const open = async (config) => {
         const db = await openLmdbLogDB(config, { pageSizeBytes: 16384 });
         ${change}
         return db;
       };
       export const adapterModule = {
         ...lmdb,
         name: 'other',
         create: () => open,
       };`,
    );
    return module;
  };
  const places = (target: string, module = 'lmdb'): string[] => [
    '--from',
    `lmdb:${join(stopped.node.dir, 'logdb')}`,
    '--to',
    `${module}:${target}`,
  ];

  it('makes a log that is equal, and that a host can work with', async () => {
    const target = stopped.scratch('copied-log');
    const before = await contentOf(stopped.node.dir);
    const { exitCode, result } = await drakkarJSON('logdb', 'copy', ...places(target));
    expect(exitCode).toBe(0);
    expect(result.replicas).toMatchObject([{ clusterID: 1, nodeID: 1, snapshots: 2 }]);
    expect(await contentOf(stopped.node.dir)).toEqual(before);
    expect(existsSync(`${target}.partial`)).toBe(false);
    const { dir, config } = await stopped.copyOfData('with-copied-log');
    const original = await drakkarJSON('inspect', '--config', config);
    await rm(join(dir, 'logdb'), { recursive: true });
    await cp(target, join(dir, 'logdb'), { recursive: true });
    const copied = await drakkarJSON('inspect', '--config', config);
    expect(copied.result.replicas).toEqual(original.result.replicas);
    expect((await drakkar('check', '--config', config)).exitCode).toBe(0);
  });

  it('copies to a LogDB of another kind and back, and loses nothing', async () => {
    const module = await otherLogDB();
    const other = stopped.scratch('other-log');
    const back = stopped.scratch('log-and-back');
    const there = await drakkarJSON('logdb', 'copy', ...places(other, module));
    expect(there.exitCode).toBe(0);
    const again = await drakkarJSON('logdb', 'copy', '--from', `${module}:${other}`, '--to', `lmdb:${back}`);
    expect(again.exitCode).toBe(0);
    expect(again.result.replicas).toEqual(there.result.replicas);
  });

  it('reports when the copy is not equal, and does not give it its name', async () => {
    const module = await otherLogDB(`
      const saveBootstrapInfo = db.saveBootstrapInfo.bind(db);
      db.saveBootstrapInfo = (c, n, bootstrap) => saveBootstrapInfo(c, n, { ...bootstrap, join: !bootstrap.join });`);
    const target = stopped.scratch('forged');
    const { exitCode, result } = await drakkarJSON('logdb', 'copy', ...places(target, module));
    expect(exitCode).toBe(1);
    expect(result.problems).toEqual(['group 1 node 1: bootstrap of the copy differs from the source']);
    expect(existsSync(target)).toBe(false);
    const retry = await drakkar('logdb', 'copy', ...places(target, module));
    expect(retry.exitCode).toBe(2);
    expect(retry.stderr).toContain('remove it and try again');
  });

  it('leaves what it makes to the user of the host, when root runs it', async () => {
    const { dir, config } = await stopped.copyOfData('of-a-service');
    await rm(join(dir, 'logdb/log.mdb-lock'), { force: true });
    // Nobody else can give a file away; then all is of the one user that there is.
    const ownUID = process.geteuid?.();
    const uid = ownUID === 0 ? 1234 : ownUID;
    const all = await readdir(dir, { recursive: true });
    if (ownUID === 0) for (const name of ['', ...all]) await lchown(join(dir, name), 1234, 1234);
    const ofOthers = async (folder: string): Promise<string[]> => {
      const names = ['', ...(await readdir(folder, { recursive: true }))];
      const stats = await Promise.all(names.map((name) => lstat(join(folder, name))));
      return names.filter((_, i) => stats[i]?.uid !== uid);
    };
    const from = `lmdb:${join(dir, 'logdb')}`;
    const copied = await drakkar('logdb', 'copy', '--from', from, '--to', `lmdb:${join(dir, '../copied')}`);
    expect(copied).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await ofOthers(dir)).toEqual([]);
    const around = stopped.scratch('new');
    const file = stopped.scratch('with-wal.yaml');
    const moved = `${await readFile(config, 'utf8')}walDir: ${join(around, 'wal')}\n`;
    await writeFile(file, moved.replace('module: lmdb', `module: ${await otherLogDB()}`));
    const { exitCode } = await drakkar('logdb', 'copy', '--config', config, '--switch-to', file);
    expect(exitCode).toBe(0);
    expect([...(await ofOthers(dir)), ...(await ofOthers(around))]).toEqual([]);
  });

  it('refuses a folder that holds something', async () => {
    const target = stopped.scratch('taken');
    await mkdir(target);
    await writeFile(join(target, 'file'), 'mine');
    const { exitCode, stderr } = await drakkar('logdb', 'copy', ...places(target));
    expect(exitCode).toBe(2);
    expect(stderr).toContain('is not empty');
    expect(await readdir(target)).toEqual(['file']);
  });
});
