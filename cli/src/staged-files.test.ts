import { chmod, chown, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { writeTogether } from './staged-files.js';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'drakkar-staged-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const file = (name: string, isReplacing = true) => ({ path: join(dir, name), content: 'new', isReplacing });
const textOf = (name: string): Promise<string> => readFile(join(dir, name), 'utf8');

describe('writeTogether', () => {
  it('changes no file when one of them cannot be written', async () => {
    await writeFile(join(dir, 'key'), 'old');
    const files = [file('key'), file('made/cert'), file(`${'x'.repeat(250)}`)];
    await expect(writeTogether(files)).rejects.toMatchObject({ code: 'ENAMETOOLONG' });
    expect([await textOf('key'), await readdir(dir)]).toEqual(['old', ['key']]);
  });

  it('lets who could read a file read the one that takes its place', async () => {
    await writeTogether([file('key')]);
    // Only root can give a file away.
    if (process.geteuid?.() === 0) await chown(join(dir, 'key'), 1234, 1235);
    await chmod(join(dir, 'key'), 0o640);
    const before = await stat(join(dir, 'key'));
    await writeTogether([file('key')]);
    const { uid, gid, mode, ino } = await stat(join(dir, 'key'));
    expect(ino).not.toBe(before.ino);
    expect({ uid, gid, mode }).toEqual({ uid: before.uid, gid: before.gid, mode: before.mode });
  });

  it('replaces only what it may, and writes nothing after what it may not', async () => {
    await writeFile(join(dir, 'first'), 'old');
    await writeTogether([file('first'), file('folder/second', false)]);
    expect([await textOf('first'), await textOf('folder/second')]).toEqual(['new', 'new']);
    expect((await stat(join(dir, 'folder/second'))).mode & 0o777).toBe(0o600);
    const again = [file('folder/second', false), file('third')];
    await expect(writeTogether(again)).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' });
    expect([await readdir(dir), await readdir(join(dir, 'folder'))]).toEqual([
      ['first', 'folder'],
      ['second'],
    ]);
  });
});
