import { mkdir, readFile, readdir, rename, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { entries } from './fixtures.js';
import { type TestLogs, entriesOf, failureOf, indexesOf, updateOf } from './test-logs.js';

const GREATEST_BYTES = 32 * 1024 * 1024;

function testsOfEntries(logs: TestLogs, name: string): void {
  it('is there again after it was closed', async () => {
    const db = await logs.open();
    await db.saveBootstrapInfo(1, 1, { addresses: new Map([[1, 'a:1']]), join: false });
    await db.saveRaftState([updateOf(entries(1, 10))]);
    await db.saveRaftState([updateOf(entries(8, 8))]);
    await db.close();
    const again = await logs.open();
    expect(await indexesOf(again)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(await again.listNodeInfo()).toEqual([{ clusterID: 1, nodeID: 1 }]);
    expect(again.name).toBe(name);
  });

  it('truncates what was put in the same batch', async () => {
    const db = await logs.open();
    await Promise.all([
      db.saveRaftState([updateOf(entries(1, 3))]),
      db.saveRaftState([updateOf(entries(4, 6))]),
      db.saveRaftState([updateOf(entries(7, 9))]),
      db.saveRaftState([updateOf(entries(2, 3))]),
    ]);
    expect(await indexesOf(db)).toEqual([1, 2, 3]);
    await db.close();
    expect(await indexesOf(await logs.open())).toEqual([1, 2, 3]);
  });

  it('takes an entry of the greatest size, and gives back what was saved', async () => {
    const large = Buffer.alloc(GREATEST_BYTES, 7);
    large[large.length - 1] = 9;
    const db = await logs.open();
    await db.saveRaftState([updateOf([...entries(1, 1), ...entriesOf(large, 2, 2), ...entries(3, 3)])]);
    await db.close();
    const { entries: found } = await (await logs.open()).iterateEntries(1, 1, 2, 3, 2 ** 40);
    expect(found.length).toBe(1);
    expect(Buffer.compare(found[0]?.cmd ?? Buffer.alloc(0), large)).toBe(0);
  });

  it('leaves entries alone that were read before, whatever happens to the log', async () => {
    const db = await logs.open();
    await db.saveRaftState([updateOf(entriesOf(Buffer.from('before'), 1, 50))]);
    const { entries: found } = await db.iterateEntries(1, 1, 1, 51, 2 ** 40);
    for (let round = 0; round < 20; round++) {
      await db.saveRaftState([updateOf(entriesOf(Buffer.alloc(20_000, round), 1, 50))]);
      await db.iterateEntries(1, 1, 1, 51, 2 ** 40);
    }
    expect(found.map((entry) => Buffer.from(entry.cmd).toString())).toEqual(
      Array.from({ length: 50 }, () => 'before'),
    );
  });
}

function testsOfOpening(logs: TestLogs): void {
  it('reports a folder that is not there', async () => {
    const missing = join(logs.root, 'missing');
    const failure = await failureOf(logs.open(missing, missing));
    expect(failure).toMatchObject({ code: 'ERR_LOGDB_OPEN' });
    expect(failure.message).toContain(missing);
  });

  it('refuses a second opening, and leaves the first alone', async () => {
    const db = await logs.open();
    expect(await failureOf(logs.open())).toMatchObject({ code: 'ERR_LOGDB_LOCKED' });
    await db.saveRaftState([updateOf(entries(1, 2))]);
    expect(await failureOf(logs.open())).toMatchObject({ code: 'ERR_LOGDB_LOCKED' });
    await db.close();
    expect(await indexesOf(await logs.open())).toEqual([1, 2]);
  });

  it('releases everything when its identity can not be written', async () => {
    const inTheWay = join(logs.dir, 'log-id.tmp'); // where it is written first
    await mkdir(inTheWay);
    expect(await failureOf(logs.open())).toMatchObject({ code: 'EISDIR' });
    await rmdir(inTheWay);
    expect(await indexesOf(await logs.open())).toEqual([]);
  });

  it('refuses the log of another adapter', async () => {
    await writeFile(join(logs.dir, 'log-id'), 'another-engine 1234\n');
    const failure = await failureOf(logs.open());
    expect(failure).toMatchObject({ code: 'ERR_LOGDB_OPEN' });
    expect(failure.message).toContain('another-engine');
  });

  it('takes a log whose identity is none for damaged', async () => {
    await (await logs.open()).close();
    for (const content of ['\n', 'word\n', '\u0007\ufffd \u001b[2J\n']) {
      await writeFile(join(logs.dir, 'log-id'), content);
      const failure = await failureOf(logs.open());
      expect(failure).toMatchObject({ code: 'ERR_LOGDB_CORRUPT' });
      expect(failure.message).toMatch(/^[ -~]+ is (empty|damaged)$/);
    }
  });
}

function testsOfFolders(logs: TestLogs): void {
  it('keeps the log in walDir, and its identity in both', async () => {
    const walDir = await logs.folder('wal');
    const db = await logs.open(walDir);
    await db.saveRaftState([updateOf(entries(1, 2))]);
    await db.close();
    expect(await readdir(logs.dir)).toEqual(['log-elsewhere-id']);
    const identity = await readFile(join(walDir, 'log-id'), 'utf8');
    expect(identity).toMatch(new RegExp(`^${db.name} \\S+\\n$`));
    expect(await readFile(join(logs.dir, 'log-elsewhere-id'), 'utf8')).toBe(identity);
    expect(await indexesOf(await logs.open(walDir))).toEqual([1, 2]);
  });

  it('finds a log again that was moved along with its walDir', async () => {
    const walDir = await logs.folder('wal');
    const db = await logs.open(walDir);
    await db.saveRaftState([updateOf(entries(1, 2))]);
    await db.close();
    const moved = join(logs.root, 'moved');
    await rename(walDir, moved);
    expect(await indexesOf(await logs.open(moved))).toEqual([1, 2]);
  });

  it.each([
    ['has been changed', 'wal', 'other'],
    ['has been set', 'logdb', 'other'],
    ['is not set any more', 'wal', 'logdb'],
  ])('does not begin an empty log when walDir %s', async (_name, before, after) => {
    for (const name of ['wal', 'other']) await logs.folder(name);
    const db = await logs.open(join(logs.root, before));
    await db.close();
    expect(await failureOf(logs.open(join(logs.root, after)))).toMatchObject({ code: 'ERR_LOGDB_OPEN' });
    expect(await indexesOf(await logs.open(join(logs.root, before)))).toEqual([]);
  });
}

/** What holds for each LogDB that is made of `KVLogDB` and keeps its log in one folder. */
export function kvLogDBTests(logs: TestLogs, name: string): void {
  describe('its entries', () => {
    testsOfEntries(logs, name);
  });
  describe('opening', () => {
    testsOfOpening(logs);
  });
  describe('dir and walDir', () => {
    testsOfFolders(logs);
  });
}
