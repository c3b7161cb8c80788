import type { Stats } from 'node:fs';
import { link, lstat, mkdir, mkdtemp, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { IDirectoryLock } from '@drakkar/framework';
import { type Owner, type Ownership, lockForCommand, ownerToGive } from './owner.js';

const ROOT = { uid: 0, gid: 0 };
const SERVICE = { uid: 999, gid: 998 };

/** The name of a file that was reached by way of an open folder. */
async function known(path: string): Promise<string> {
  return path.endsWith('/.') ? await realpath(path) : join(await realpath(dirname(path)), basename(path));
}

describe('ownership of what a command of root makes', () => {
  let base: string;
  let dir: string;
  let owners: Map<string, Owner>;
  let given: string[];
  let warnings: string[];
  let asRoot: Ownership;
  const warn = (message: string): void => void warnings.push(message);
  const giveAll = async (dirs = [dir], ownership = asRoot): Promise<void> =>
    (await ownerToGive(dirs, dir, warn, ownership))();

  beforeEach(async () => {
    base = await realpath(await mkdtemp(join(tmpdir(), 'drakkar-owner-')));
    dir = join(base, 'data');
    [given, warnings] = [[], []];
    owners = new Map([
      [join(dir, 'drakkar.json'), SERVICE],
      [join(dir, 'LOCK/g1'), SERVICE],
    ]);
    asRoot = {
      uid: 0,
      stat: async (path): Promise<Stats> =>
        Object.assign(await lstat(path), owners.get(await known(path)) ?? ROOT),
      give: async (path, owner) => {
        const name = await known(path);
        owners.set(name, owner);
        given.push(relative(dir, name));
      },
    };
    for (const folder of ['LOCK', 'logdb/lock', 'lost+found', 'app', '../elsewhere/logdb'])
      await mkdir(join(dir, folder), { recursive: true });
    const files = ['drakkar.json', 'drakkar.seal', 'LOCK/g1', 'LOCK/g2', 'logdb/lock/x', 'app/x'];
    for (const file of [...files, '../elsewhere/logdb/x', '../elsewhere/secret'])
      await writeFile(join(dir, file), '');
    await symlink(join(base, 'elsewhere'), join(dir, 'logdb', 'link'));
  });
  afterEach(() => rm(base, { recursive: true }));

  const ALL = ['LOCK', 'LOCK/g2', 'drakkar.seal', 'logdb', 'logdb/link', 'logdb/lock', 'logdb/lock/x'];

  it('goes to the user that has the record, for files of the host alone', async () => {
    await giveAll();
    expect(given.sort()).toEqual(ALL);
    for (const path of given) expect(owners.get(join(dir, path))).toMatchObject(SERVICE);
    expect(warnings).toEqual([]);
  });

  it('does not change behind a link that the user of the host has put in a place of the host', async () => {
    await rm(join(dir, 'logdb'), { recursive: true });
    await symlink(join(base, 'elsewhere'), join(dir, 'logdb'));
    await giveAll();
    expect(given.sort()).toEqual(['LOCK', 'LOCK/g2', 'drakkar.seal', 'logdb']);
  });

  it('does not change behind a link that has taken the place of a folder meanwhile', async () => {
    const lock = join(dir, 'logdb/lock');
    const exchanging: Ownership = {
      ...asRoot,
      stat: async (path) => {
        const stats = await asRoot.stat(path);
        if ((await known(path)) !== lock || stats.isSymbolicLink()) return stats;
        await rm(lock, { recursive: true });
        await symlink(join(base, 'elsewhere/logdb'), lock);
        return stats;
      },
    };
    await giveAll([dir], exchanging);
    expect(given.sort()).toEqual(ALL.filter((path) => path !== 'logdb/lock/x'));
    expect(warnings).toEqual([]);
  });

  it('does not change where the user of the host has put a link in place of the whole directory', async () => {
    const give = await ownerToGive([dir], dir, warn, asRoot);
    await rename(dir, join(base, 'moved'));
    owners.set(join(base, 'moved/LOCK/g1'), SERVICE).set(join(base, 'moved/drakkar.json'), SERVICE);
    await symlink(join(base, 'elsewhere'), dir);
    await give();
    expect(given.filter((path) => path.startsWith('../elsewhere'))).toEqual([]);
    expect(given).toContain('../moved/drakkar.seal');
  });

  it('does not change by another name that the user of the host has made for a file', async () => {
    await link(join(base, 'elsewhere/secret'), join(dir, 'logdb/lock/y\nz'));
    await giveAll();
    expect(given.sort()).toEqual(ALL);
    expect(warnings).toEqual([expect.stringContaining('lock/y\\nz": it has another name')]);
  });

  it('does not change in a walDir that is not of the host', async () => {
    await symlink(join(base, 'elsewhere'), join(base, 'wal'));
    await giveAll([join(base, 'wal')]);
    expect(given).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining('neither the folder nor a record in it is of')]);
  });

  it('goes to that user with a new folder that was made for the host', async () => {
    const wal = join(base, 'wal');
    await mkdir(wal);
    const give = await ownerToGive([wal], dir, warn, asRoot);
    await mkdir(join(wal, 'LOCK'));
    await give();
    expect(given).toEqual(['../wal', '../wal/LOCK']);
  });

  it('is reported, and given but for what can not be, and passes over what has gone meanwhile', async () => {
    const failing = (failures: Record<string, string>): Ownership => ({
      ...asRoot,
      give: async (path, owner) => {
        const code = failures[basename(path)];
        if (code !== undefined) throw Object.assign(new Error(code), { code });
        await asRoot.give(path, owner);
      },
    });
    await giveAll([dir], failing({ g2: 'EPERM', 'drakkar.seal': 'ENOENT' }));
    expect(given.sort()).toEqual(ALL.filter((path) => !['LOCK/g2', 'drakkar.seal'].includes(path)));
    expect(warnings).toEqual([expect.stringMatching(/LOCK\/g2": EPERM; .*: chown -R 999:998 /)]);
  });

  it('goes no deeper than commands do', async () => {
    const deep = Array.from({ length: 40 }, () => 'd');
    await mkdir(join(dir, 'snapshots', ...deep), { recursive: true });
    await giveAll();
    expect(given.filter((path) => path.startsWith('snapshots/'))).toHaveLength(32);
    expect(warnings).toEqual([expect.stringContaining('more than 32 folders deep')]);
  });

  it('goes to that user when the lock is refused, too', async () => {
    const refusal = new Error('in use');
    const lock: IDirectoryLock = { acquire: () => Promise.reject(refusal) };
    const places = { locked: [dir], nodeHostDir: dir };
    await expect(lockForCommand(lock, places, warn, asRoot)).rejects.toBe(refusal);
    expect(given).toContain('LOCK/g2');
  });

  it('has gone to that user when the lock is given back', async () => {
    let givenBefore: string[] = [];
    const held = { release: () => Promise.resolve(void (givenBefore = [...given])) };
    const places = { locked: [dir], nodeHostDir: dir };
    const lock = await lockForCommand({ acquire: () => Promise.resolve(held) }, places, warn, asRoot);
    expect(given).toEqual([]);
    await lock.release();
    expect(givenBefore.sort()).toEqual(ALL);
  });

  it('stays where the host is of root, where there is no record, and for another user', async () => {
    await giveAll([dir], { ...asRoot, uid: SERVICE.uid });
    await (
      await ownerToGive([dir], join(dir, 'app'), warn, asRoot)
    )();
    await (
      await ownerToGive([dir], join(dir, 'missing'), warn, asRoot)
    )();
    owners.clear();
    await giveAll();
    expect(given).toEqual([]);
    expect(warnings).toEqual([]);
  });
});
