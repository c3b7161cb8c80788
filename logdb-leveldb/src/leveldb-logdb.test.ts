import { mkdir, mkdtemp, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Container } from 'inversify';
import {
  type Entry,
  type ILogDB,
  type LogDBFactory,
  LogDBFactoryID,
  type Snapshot,
  type Update,
  makeEntry,
} from '@drakkar/raftio';
import { LevelEngine } from './engine.js';
import { adapterModule, openLevelDBLogDB } from './index.js';

let root: string;
let dir: string;
const opened = new Set<ILogDB>();

async function open(walDir = dir, ownDir = dir): Promise<ILogDB> {
  const db = await openLevelDBLogDB({ dir: ownDir, walDir });
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

async function sizeOf(folder: string): Promise<number> {
  const names = await readdir(folder);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'drakkar-leveldb-'));
  dir = join(root, 'logdb');
  await mkdir(dir);
});

afterEach(async () => {
  for (const db of opened) await db.close();
  opened.clear();
  await rm(root, { recursive: true, force: true });
});

describe('LogDB on LevelDB', () => {
  it('is there again after it was closed', async () => {
    const db = await open();
    await db.saveBootstrapInfo(1, 1, { addresses: new Map([[1, 'a:1']]), join: false });
    await db.saveRaftState([update(entries(1, 10))]);
    await db.saveRaftState([update(entries(8, 8))]);
    await db.close();
    const again = await open();
    expect(await indexes(again)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(await again.listNodeInfo()).toEqual([{ clusterID: 1, nodeID: 1 }]);
    expect(again.name).toBe('leveldb');
  });

  it('is closed, and there again, when the mark of an orderly close can not be written', async () => {
    const db = await open();
    await db.saveRaftState([update(entries(1, 5))]);
    // As a full disk would: the mark is written under this name first.
    await mkdir(join(dir, 'closed.tmp'));
    await db.close();
    expect(await readdir(dir)).not.toContain('closed');
    expect(await indexes(await open())).toEqual([1, 2, 3, 4, 5]);
  });

  it('takes an entry of the greatest size, and gives back what was saved', async () => {
    const large = Buffer.alloc(32 * 1024 * 1024, 7);
    large[large.length - 1] = 9;
    const db = await open();
    await db.saveRaftState([update([...entries(1, 1), ...entries(2, 2, large), ...entries(3, 3)])]);
    await db.close();
    const { entries: found } = await (await open()).iterateEntries(1, 1, 2, 3, 2 ** 40);
    expect(found.length).toBe(1);
    expect(Buffer.compare(found[0]?.cmd ?? Buffer.alloc(0), large)).toBe(0);
  });

  it('gives back the space of removed entries, whatever of them was still in memory', async () => {
    const db = await open();
    const cmd = Buffer.alloc(1000);
    for (let round = 1; round <= 4; round++) {
      for (let batch = 0; batch < 40; batch++) {
        const first = ((round - 1) * 40 + batch) * 50 + 1;
        await db.saveRaftState([update(entries(first, first + 49, cmd))]);
      }
      const last = round * 2000;
      expect(await sizeOf(dir)).toBeGreaterThan(1_900_000);
      await db.removeEntriesTo(1, 1, last - 100);
      await db.compactEntriesTo(1, 1, last - 100);
      expect(await sizeOf(dir)).toBeLessThan(400_000);
      expect(await indexes(db, last - 99)).toHaveLength(100);
    }
  });

  it('keeps what is saved below and above a range while that is compacted', async () => {
    const db = await open();
    await db.saveRaftState([update(entries(1, 100))]);
    await db.removeEntriesTo(1, 1, 90);
    const compactions = [db.compactEntriesTo(1, 1, 90), db.compactEntriesTo(1, 1, 90)];
    for (let i = 101; i <= 150; i++) await db.saveRaftState([update(entries(i, i))]);
    await db.saveRaftState([update(entries(1, 10), 2)]);
    await Promise.all(compactions);
    await db.close();
    const again = await open();
    expect(await indexes(again, 91)).toHaveLength(60);
    expect((await again.iterateEntries(2, 1, 1, 11, 2 ** 40)).entries).toHaveLength(10);
  });
});

interface NativeBatch {
  _write: (this: NativeBatch, options: { sync?: boolean }, callback: (error: unknown) => void) => void;
}

describe('durability', () => {
  it('syncs each write, and resolves nothing before', async () => {
    const prototype = (
      createRequire(import.meta.url)('leveldown/chained-batch') as { prototype: NativeBatch }
    ).prototype;
    const original = prototype._write;
    const writes: { sync: boolean | undefined; done: boolean }[] = [];
    prototype._write = function (options, callback) {
      const write = { sync: options.sync, done: false };
      writes.push(write);
      original.call(this, options, (error) => {
        write.done = true;
        callback(error);
      });
    };
    try {
      const db = await open();
      const info = { clusterID: 1, nodeID: 1 };
      const membership = {
        configChangeID: 1,
        addresses: new Map([[1, 'a:1']]),
        removed: new Map<number, boolean>(),
        observers: new Map<number, string>(),
      };
      const record: Snapshot = { filepath: '/s/3', fileSize: 10, index: 3, term: 1, membership, files: [] };
      const calls = [
        () => db.saveBootstrapInfo(1, 1, { addresses: new Map([[1, 'a:1']]), join: false }),
        () => db.saveRaftState([update(entries(1, 5))]),
        () => db.saveSnapshots([{ ...info, state: undefined, entriesToSave: [], snapshot: record }]),
        () => db.deleteSnapshot(1, 1, 3),
        () => db.importSnapshot(record, info),
        () => db.removeNodeData(1, 1),
      ];
      for (const call of calls) {
        writes.length = 0;
        await call();
        expect(writes.length).toBeGreaterThan(0);
        for (const write of writes) expect(write).toEqual({ sync: true, done: true });
      }
    } finally {
      prototype._write = original;
    }
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

  it('refuses a LevelDB of somebody else', async () => {
    const foreign = await LevelEngine.open(dir, { createIfMissing: true });
    await foreign.write((batch) => batch.put(Buffer.from('key'), Buffer.from('value')));
    await foreign.close();
    expect(await failureOf(open())).toMatchObject({ code: 'ERR_LOGDB_CORRUPT' });
  });

  it('refuses the log of another adapter', async () => {
    await writeFile(join(dir, 'log-id'), 'lmdb 1234\n');
    const failure = await failureOf(open());
    expect(failure).toMatchObject({ code: 'ERR_LOGDB_OPEN' });
    expect(failure.message).toContain('lmdb');
  });

  it('does not begin an empty log where one is lost', async () => {
    const db = await open();
    await db.saveRaftState([update(entries(1, 2))]);
    await db.close();
    for (const name of await readdir(dir)) {
      if (name !== 'log-id') await rm(join(dir, name), { recursive: true });
    }
    expect(await failureOf(open())).toMatchObject({ code: 'ERR_LOGDB_CORRUPT' });
    expect(await failureOf(open())).toMatchObject({ code: 'ERR_LOGDB_CORRUPT' });
  });

  it('does without the lock folder of an earlier time', async () => {
    const db = await open();
    await db.saveRaftState([update(entries(1, 2))]);
    await db.close();
    const lock = join(dir, 'lock');
    await writeFile(join(lock, 'CURRENT'), 'nonsense');
    expect(await indexes(await open())).toEqual([1, 2]);
    expect(await failureOf(open())).toMatchObject({ code: 'ERR_LOGDB_LOCKED' });
  });
});

describe('dir and walDir', () => {
  it('keeps the log in walDir, and its identity in both', async () => {
    const walDir = join(root, 'wal');
    await mkdir(walDir);
    const db = await open(walDir);
    await db.saveRaftState([update(entries(1, 2))]);
    await db.close();
    expect(await readdir(dir)).toEqual(['log-elsewhere-id']);
    expect(await readFile(join(dir, 'log-elsewhere-id'), 'utf8')).toBe(
      await readFile(join(walDir, 'log-id'), 'utf8'),
    );
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
    container.load(adapterModule.createModule({ writeBufferSizeBytes: 65_536 }));
    const factory = container.get<LogDBFactory>(LogDBFactoryID);
    const db = await factory({ dir, walDir: dir });
    opened.add(db);
    const cmd = Buffer.alloc(100_000);
    for (let i = 1; i <= 20; i++) await db.saveRaftState([update(entries(i, i, cmd))]);
    expect(await indexes(db)).toHaveLength(20);
    // With a buffer of the usual size there would be no table yet.
    expect((await readdir(dir)).filter((name) => name.endsWith('.ldb')).length).toBeGreaterThan(0);
  });
});
