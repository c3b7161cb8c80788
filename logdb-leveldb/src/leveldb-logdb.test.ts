import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Snapshot } from '@drakkar/raftio';
import {
  TestLogs,
  entries,
  entriesOf,
  failureOf,
  indexesOf,
  kvLogDBTests,
  updateOf,
} from '@drakkar/raftio/kv/testing';
import { LevelEngine } from './engine.js';
import { adapterModule, openLevelDBLogDB } from './index.js';

const logs = new TestLogs(openLevelDBLogDB);

async function sizeOf(folder: string): Promise<number> {
  const names = await readdir(folder);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

describe('LogDB on LevelDB', () => {
  kvLogDBTests(logs, 'leveldb');

  it('is closed, and there again, when the mark of an orderly close can not be written', async () => {
    const db = await logs.open();
    await db.saveRaftState([updateOf(entries(1, 5))]);
    // As a full disk would: the mark is written under this name first.
    await mkdir(join(logs.dir, 'closed.tmp'));
    await db.close();
    expect(await readdir(logs.dir)).not.toContain('closed');
    expect(await indexesOf(await logs.open())).toEqual([1, 2, 3, 4, 5]);
  });

  it('gives back the space of removed entries, whatever of them was still in memory', async () => {
    const db = await logs.open();
    const cmd = Buffer.alloc(1000);
    for (let round = 1; round <= 4; round++) {
      for (let batch = 0; batch < 40; batch++) {
        const first = ((round - 1) * 40 + batch) * 50 + 1;
        await db.saveRaftState([updateOf(entriesOf(cmd, first, first + 49))]);
      }
      const last = round * 2000;
      expect(await sizeOf(logs.dir)).toBeGreaterThan(1_900_000);
      await db.removeEntriesTo(1, 1, last - 100);
      await db.compactEntriesTo(1, 1, last - 100);
      expect(await sizeOf(logs.dir)).toBeLessThan(400_000);
      expect(await indexesOf(db, last - 99)).toHaveLength(100);
    }
  });

  it('keeps what is saved below and above a range while that is compacted', async () => {
    const db = await logs.open();
    await db.saveRaftState([updateOf(entries(1, 100))]);
    await db.removeEntriesTo(1, 1, 90);
    const compactions = [db.compactEntriesTo(1, 1, 90), db.compactEntriesTo(1, 1, 90)];
    for (let i = 101; i <= 150; i++) await db.saveRaftState([updateOf(entries(i, i))]);
    await db.saveRaftState([updateOf(entries(1, 10), 2)]);
    await Promise.all(compactions);
    await db.close();
    const again = await logs.open();
    expect(await indexesOf(again, 91)).toHaveLength(60);
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
      const db = await logs.open();
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
        () => db.saveRaftState([updateOf(entries(1, 5))]),
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
  it('refuses a LevelDB of somebody else', async () => {
    const foreign = await LevelEngine.open(logs.dir, { createIfMissing: true });
    await foreign.write((batch) => batch.put(Buffer.from('key'), Buffer.from('value')));
    await foreign.close();
    expect(await failureOf(logs.open())).toMatchObject({ code: 'ERR_LOGDB_CORRUPT' });
  });

  it('does not begin an empty log where one is lost', async () => {
    const db = await logs.open();
    await db.saveRaftState([updateOf(entries(1, 2))]);
    await db.close();
    for (const name of await readdir(logs.dir)) {
      if (name !== 'log-id') await rm(join(logs.dir, name), { recursive: true });
    }
    expect(await failureOf(logs.open())).toMatchObject({ code: 'ERR_LOGDB_CORRUPT' });
    expect(await failureOf(logs.open())).toMatchObject({ code: 'ERR_LOGDB_CORRUPT' });
  });

  it('does without the lock folder of an earlier time', async () => {
    const db = await logs.open();
    await db.saveRaftState([updateOf(entries(1, 2))]);
    await db.close();
    const lock = join(logs.dir, 'lock');
    await writeFile(join(lock, 'CURRENT'), 'nonsense');
    expect(await indexesOf(await logs.open())).toEqual([1, 2]);
    expect(await failureOf(logs.open())).toMatchObject({ code: 'ERR_LOGDB_LOCKED' });
  });
});

describe('adapterModule', () => {
  it('creates a factory that opens a log with the options', async () => {
    const factory = adapterModule.create({ writeBufferSizeBytes: 65_536 });
    const db = logs.keep(await factory({ dir: logs.dir, walDir: logs.dir }));
    const cmd = Buffer.alloc(100_000);
    for (let i = 1; i <= 20; i++) await db.saveRaftState([updateOf(entriesOf(cmd, i, i))]);
    expect(await indexesOf(db)).toHaveLength(20);
    // With a buffer of the usual size there would be no table yet.
    expect((await readdir(logs.dir)).filter((name) => name.endsWith('.ldb')).length).toBeGreaterThan(0);
  });
});
