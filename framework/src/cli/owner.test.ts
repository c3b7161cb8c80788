import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Owner, type Ownership, foreignOwner, giveToOwner } from './owner.js';

const ROOT = { uid: 0, gid: 0 };
const SERVICE = { uid: 999, gid: 998 };

/** The name of a file that was reached by way of an open folder. */
const known = async (path: string): Promise<string> => join(await realpath(dirname(path)), basename(path));

describe('ownership of what a command of root makes', () => {
  let dir: string;
  let owners: Map<string, Owner>;
  let given: string[];
  let asRoot: Ownership;
  beforeEach(async () => {
    dir = await realpath(await mkdtemp(join(tmpdir(), 'drakkar-owner-')));
    given = [];
    owners = new Map([
      [join(dir, 'drakkar.json'), SERVICE],
      [join(dir, 'LOCK/g1'), SERVICE],
    ]);
    asRoot = {
      uid: 0,
      ownerOf: async (path) => owners.get(await known(path)) ?? ROOT,
      give: async (path, owner) => {
        const name = await known(path);
        owners.set(name, owner);
        given.push(relative(dir, name));
      },
    };
    for (const folder of ['LOCK', 'logdb/lock', 'lost+found', 'app', 'elsewhere'])
      await mkdir(join(dir, folder), { recursive: true });
    const files = [
      'drakkar.json',
      'drakkar.seal',
      'LOCK/g1',
      'LOCK/g2',
      'logdb/lock/x',
      'app/x',
      'elsewhere/x',
    ];
    for (const file of files) await writeFile(join(dir, file), '');
    await symlink(join(dir, 'elsewhere'), join(dir, 'logdb', 'link'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  it('goes to the user that has the record, for files of the host alone', async () => {
    await giveToOwner([dir], await foreignOwner(dir, asRoot), asRoot);
    expect(given.sort()).toEqual(
      ['LOCK', 'LOCK/g2', 'drakkar.seal', 'logdb', 'logdb/link', 'logdb/lock', 'logdb/lock/x'].sort(),
    );
    expect(new Set(given.map((path) => owners.get(join(dir, path))))).toEqual(new Set([SERVICE]));
  });

  it('does not change behind a link that the user of the host has put in a place of the host', async () => {
    await rm(join(dir, 'logdb'), { recursive: true });
    await symlink(join(dir, 'elsewhere'), join(dir, 'logdb'));
    await giveToOwner([dir], SERVICE, asRoot);
    expect(given.sort()).toEqual(['LOCK', 'LOCK/g2', 'drakkar.seal', 'logdb'].sort());
  });

  it('stays where the host is of root, where there is no record, and for another user', async () => {
    expect(await foreignOwner(dir, { ...asRoot, uid: SERVICE.uid })).toBeUndefined();
    owners.clear();
    expect(await foreignOwner(dir, asRoot)).toBeUndefined();
    expect(await foreignOwner(join(dir, 'app'))).toBeUndefined();
    await giveToOwner([dir], undefined, asRoot);
    expect(given).toEqual([]);
  });
});
