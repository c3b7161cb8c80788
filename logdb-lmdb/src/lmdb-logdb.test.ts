import {
  mkdir,
  mkdtemp,
  open as openFile,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Container } from 'inversify';
import { open as openLmdb } from 'lmdb';
import {
  type Entry,
  type ILogDB,
  type LogDBFactory,
  LogDBFactoryID,
  type Update,
  makeEntry,
} from '@drakkar/raftio';
import { adapterModule, openLmdbLogDB } from './index.js';

let root: string;
let dir: string;
const opened = new Set<ILogDB>();

async function open(walDir = dir, ownDir = dir): Promise<ILogDB> {
  const db = await openLmdbLogDB({ dir: ownDir, walDir });
  opened.add(db);
  return db;
}

async function failureOf(call: Promise<unknown>): Promise<{ code: unknown; message: string }> {
  const error: unknown = await call.then(
    () => ({ code: 'none', message: '' }),
    (reason: unknown) => reason,
  );
  return error as { code: unknown; message: string };
}

function entries(first: number, last: number, cmd: Uint8Array = Buffer.from('payload')): Entry[] {
  return Array.from({ length: last - first + 1 }, (_, i) => makeEntry({ term: 1, index: first + i, cmd }));
}

function update(entriesToSave: Entry[], clusterID = 1): Update {
  const state = { term: 1, vote: 1, commit: 0 };
  return { clusterID, nodeID: 1, state, entriesToSave, snapshot: undefined };
}

async function indexes(db: ILogDB, low = 1): Promise<number[]> {
  const slice = await db.iterateEntries(1, 1, low, 1_000_000, 2 ** 40);
  return slice.entries.map((entry) => entry.index);
}

async function overwrite(file: string, position: number, bytes: Uint8Array): Promise<void> {
  const handle = await openFile(file, 'r+');
  await handle.write(bytes, 0, bytes.length, position);
  await handle.close();
}

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'drakkar-lmdb-'));
  dir = join(root, 'logdb');
  await mkdir(dir);
});

afterEach(async () => {
  for (const db of opened) await db.close();
  opened.clear();
  await rm(root, { recursive: true, force: true });
});

describe('LogDB on LMDB', () => {
  it('is there again after it was closed', async () => {
    const db = await open();
    await db.saveBootstrapInfo(1, 1, { addresses: new Map([[1, 'a:1']]), join: false });
    await db.saveRaftState([update(entries(1, 10))]);
    await db.saveRaftState([update(entries(8, 8))]);
    await db.close();
    const again = await open();
    expect(await indexes(again)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(await again.listNodeInfo()).toEqual([{ clusterID: 1, nodeID: 1 }]);
    expect(again.name).toBe('lmdb');
  });

  it('truncates what was put in the same batch', async () => {
    const db = await open();
    await Promise.all([
      db.saveRaftState([update(entries(1, 3))]),
      db.saveRaftState([update(entries(4, 6))]),
      db.saveRaftState([update(entries(7, 9))]),
      db.saveRaftState([update(entries(2, 3))]),
    ]);
    expect(await indexes(db)).toEqual([1, 2, 3]);
    await db.close();
    expect(await indexes(await open())).toEqual([1, 2, 3]);
  });

  it('takes an entry of the greatest size, and gives back what was saved', async () => {
    const large = Buffer.alloc(32 * 1024 * 1024, 7);
    large[large.length - 1] = 9;
    const db = await open();
    await db.saveRaftState([update([...entries(1, 1), ...entries(2, 2, large), ...entries(3, 3)])]);
    const { entries: found } = await db.iterateEntries(1, 1, 2, 3, 2 ** 40);
    expect(found.length).toBe(1);
    expect(Buffer.compare(found[0]?.cmd ?? Buffer.alloc(0), large)).toBe(0);
  });

  it('leaves entries alone that were read before, whatever happens to the log', async () => {
    const db = await open();
    await db.saveRaftState([update(entries(1, 50, Buffer.from('before')))]);
    const { entries: found } = await db.iterateEntries(1, 1, 1, 51, 2 ** 40);
    for (let round = 0; round < 20; round++) {
      await db.saveRaftState([update(entries(1, 50, Buffer.alloc(20_000, round)))]);
      await db.iterateEntries(1, 1, 1, 51, 2 ** 40);
    }
    expect(new Set(found.map((entry) => Buffer.from(entry.cmd).toString()))).toEqual(new Set(['before']));
  });

  it('uses the space of removed entries again', async () => {
    const db = await open();
    const cmd = Buffer.alloc(1000);
    const sizes: number[] = [];
    for (let round = 0; round < 12; round++) {
      for (let batch = 0; batch < 20; batch++) {
        const first = (round * 20 + batch) * 50 + 1;
        await db.saveRaftState([update(entries(first, first + 49, cmd))]);
      }
      const last = (round + 1) * 1000;
      await db.removeEntriesTo(1, 1, last);
      await db.compactEntriesTo(1, 1, last);
      sizes.push((await stat(join(dir, 'log.mdb'))).size);
    }
    expect(sizes[11]).toBeLessThan((sizes[3] ?? 0) * 1.5);
  });
});

describe('opening', () => {
  it('tells of a folder that is not there', async () => {
    const missing = join(root, 'missing');
    const failure = await failureOf(open(missing, missing));
    expect(failure).toMatchObject({ code: 'ERR_LOGDB_OPEN' });
    expect(failure.message).toContain(missing);
  });

  it('refuses a second opening, and leaves the first alone', async () => {
    const db = await open();
    expect(await failureOf(open())).toMatchObject({ code: 'ERR_LOGDB_LOCKED' });
    await db.saveRaftState([update(entries(1, 2))]);
    expect(await failureOf(open())).toMatchObject({ code: 'ERR_LOGDB_LOCKED' });
    await db.close();
    expect(await indexes(await open())).toEqual([1, 2]);
  });

  it.each([
    ['another file', (file: string) => writeFile(file, Buffer.alloc(100_000, 'x'))],
    ['a short file', (file: string) => writeFile(file, 'short')],
    ['an empty file', (file: string) => truncate(file, 0)],
    ['a file cut off', (file: string) => truncate(file, 8192)],
    ['a file half overwritten', (file: string) => overwrite(file, 4096, Buffer.alloc(4096, 'y'))],
    ['no file', (file: string) => rm(file)],
  ])('tells of %s where the log was, each time', async (_name, damage) => {
    const db = await open();
    await db.saveRaftState([update(entries(1, 100))]);
    await db.close();
    await damage(join(dir, 'log.mdb'));
    expect(await failureOf(open())).toMatchObject({ code: 'ERR_LOGDB_CORRUPT' });
    expect(await failureOf(open())).toMatchObject({ code: 'ERR_LOGDB_CORRUPT' });
  });

  it('begins anew where a first opening was cut short', async () => {
    await writeFile(join(dir, 'log.mdb'), Buffer.alloc(8192));
    const db = await open();
    await db.saveRaftState([update(entries(1, 3))]);
    expect(await indexes(db)).toEqual([1, 2, 3]);
  });

  it('refuses an LMDB file of somebody else', async () => {
    const foreign = openLmdb({ path: join(dir, 'log.mdb'), noSubdir: true });
    await foreign.put('key', 'value');
    await foreign.close();
    expect(await failureOf(open())).toMatchObject({ code: 'ERR_LOGDB_CORRUPT' });
  });

  it('finds a byte that has changed, and names the replica', async () => {
    const db = await open();
    await db.saveRaftState([update(entries(1, 10)), update(entries(1, 10), 2)]);
    await db.close();
    const raw = openLmdb<Buffer, Buffer>({
      path: join(dir, 'log.mdb'),
      noSubdir: true,
      keyEncoding: 'binary',
      encoding: 'binary',
    });
    const records = [...raw.getRange()].filter(({ value }) => value.includes('payload'));
    expect(records.length).toBe(2);
    const [first] = records;
    if (first === undefined) throw new Error('no record');
    const changed = Buffer.from(first.value);
    changed[40] = (changed[40] ?? 0) ^ 1;
    await raw.put(first.key, changed);
    await raw.close();
    const again = await open();
    expect(await failureOf(indexes(again))).toMatchObject({
      code: 'ERR_LOGDB_CORRUPT',
      details: { clusterID: 1, nodeID: 1, index: 1 },
    });
    expect((await again.iterateEntries(2, 1, 1, 11, 2 ** 40)).entries.length).toBe(10);
  });
});

describe('dir and walDir', () => {
  it('keeps the log in walDir, and its identity in both', async () => {
    const walDir = join(root, 'wal');
    await mkdir(walDir);
    const db = await open(walDir);
    await db.saveRaftState([update(entries(1, 2))]);
    await db.close();
    expect((await stat(join(walDir, 'log.mdb'))).size).toBeGreaterThan(0);
    expect(await readFile(join(dir, 'log-elsewhere-id'), 'utf8')).toBe(
      await readFile(join(walDir, 'log-id'), 'utf8'),
    );
    expect(await indexes(await open(walDir))).toEqual([1, 2]);
  });

  it('finds a log again that was moved along with its walDir', async () => {
    const walDir = join(root, 'wal');
    await mkdir(walDir);
    const db = await open(walDir);
    await db.saveRaftState([update(entries(1, 2))]);
    await db.close();
    await rename(walDir, join(root, 'moved'));
    expect(await indexes(await open(join(root, 'moved')))).toEqual([1, 2]);
  });

  it.each([
    ['has been changed', 'wal', 'other'],
    ['has been set', 'logdb', 'other'],
    ['is not set any more', 'wal', 'logdb'],
  ])('does not begin an empty log when walDir %s', async (_name, before, after) => {
    for (const name of ['wal', 'other']) await mkdir(join(root, name));
    const db = await open(join(root, before));
    await db.close();
    expect(await failureOf(open(join(root, after)))).toMatchObject({ code: 'ERR_LOGDB_OPEN' });
    expect(await indexes(await open(join(root, before)))).toEqual([]);
  });
});

describe('adapterModule', () => {
  it('binds a factory that opens a log with the options', async () => {
    const container = new Container();
    container.load(adapterModule.createModule({ pageSizeBytes: 16_384 }));
    const factory = container.get<LogDBFactory>(LogDBFactoryID);
    const db = await factory({ dir, walDir: dir });
    opened.add(db);
    await db.saveRaftState([update(entries(1, 3))]);
    expect(await indexes(db)).toEqual([1, 2, 3]);
    expect((await stat(join(dir, 'log.mdb'))).size % 16_384).toBe(0);
  });
});
