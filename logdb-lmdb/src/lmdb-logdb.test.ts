import { mkdir, open as openFile, rm, rmdir, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { open as openLmdb } from 'lmdb';
import {
  TestLogs,
  entries,
  entriesOf,
  failureOf,
  indexesOf,
  kvLogDBTests,
  updateOf,
} from '@drakkar/raftio/kv/testing';
import { adapterModule, openLmdbLogDB } from './index.js';
import { checkTableFile } from './table-file.js';

const logs = new TestLogs(openLmdbLogDB);

async function overwrite(file: string, position: number, bytes: Uint8Array): Promise<void> {
  const handle = await openFile(file, 'r+');
  await handle.write(bytes, 0, bytes.length, position);
  await handle.close();
}

describe('LogDB on LMDB', () => {
  kvLogDBTests(logs, 'lmdb');

  it('uses the space of removed entries again', async () => {
    const db = await logs.open();
    const cmd = Buffer.alloc(1000);
    const sizes: number[] = [];
    for (let round = 0; round < 12; round++) {
      for (let batch = 0; batch < 20; batch++) {
        const first = (round * 20 + batch) * 50 + 1;
        await db.saveRaftState([updateOf(entriesOf(cmd, first, first + 49))]);
      }
      const last = (round + 1) * 1000;
      await db.removeEntriesTo(1, 1, last);
      await db.compactEntriesTo(1, 1, last);
      sizes.push((await stat(join(logs.dir, 'log.mdb'))).size);
    }
    expect(sizes[11]).toBeLessThan((sizes[3] ?? 0) * 1.5);
  });
});

describe('opening', () => {
  it('fails where there is no room for the table of readers, unless there is one', async () => {
    const path = join(logs.dir, 'log.mdb');
    await checkTableFile(path, () => 2 ** 20);
    const checking = checkTableFile(path, () => 4096);
    const noRoom = { code: 'ERR_LOGDB_OPEN', cause: { code: 'ENOSPC' } };
    await expect(checking).rejects.toMatchObject(noRoom);
    await writeFile(`${path}-lock`, ''); // it takes none yet
    await expect(checkTableFile(path, () => 4096)).rejects.toMatchObject(noRoom);
    await (await logs.open()).close();
    await checkTableFile(path, () => 0);
  });

  it.each(['log.mdb-lock', 'lock.mdb-lock'])(
    'fails, and ends no process, when it can not use %s',
    async (name) => {
      await (await logs.open()).close();
      const file = join(logs.dir, name);
      await rm(file);
      await symlink(file, file);
      expect(await failureOf(logs.open())).toMatchObject({ code: 'ERR_LOGDB_OPEN', details: { file } });
      await rm(file);
      await mkdir(file);
      expect(await failureOf(logs.open())).toMatchObject({ code: 'ERR_LOGDB_OPEN', details: { file } });
      await rmdir(file);
      await (await logs.open()).close();
    },
  );

  it.each([
    ['another file', (file: string) => writeFile(file, Buffer.alloc(100_000, 'x'))],
    ['a short file', (file: string) => writeFile(file, 'short')],
    ['an empty file', (file: string) => truncate(file, 0)],
    ['a file cut off', (file: string) => truncate(file, 8192)],
    ['a file half overwritten', (file: string) => overwrite(file, 4096, Buffer.alloc(4096, 'y'))],
    ['no file', (file: string) => rm(file)],
  ])('reports %s where the log was, each time', async (_name, damage) => {
    const db = await logs.open();
    await db.saveRaftState([updateOf(entries(1, 100))]);
    await db.close();
    await damage(join(logs.dir, 'log.mdb'));
    expect(await failureOf(logs.open())).toMatchObject({ code: 'ERR_LOGDB_CORRUPT' });
    expect(await failureOf(logs.open())).toMatchObject({ code: 'ERR_LOGDB_CORRUPT' });
  });

  it('begins again where a first opening was cut short', async () => {
    await writeFile(join(logs.dir, 'log.mdb'), Buffer.alloc(8192));
    const db = await logs.open();
    await db.saveRaftState([updateOf(entries(1, 3))]);
    expect(await indexesOf(db)).toEqual([1, 2, 3]);
  });

  it('refuses an LMDB file of somebody else', async () => {
    const foreign = openLmdb({ path: join(logs.dir, 'log.mdb'), noSubdir: true });
    await foreign.put('key', 'value');
    await foreign.close();
    expect(await failureOf(logs.open())).toMatchObject({ code: 'ERR_LOGDB_CORRUPT' });
  });

  it('finds a byte that has changed, and names the replica', async () => {
    const db = await logs.open();
    await db.saveRaftState([updateOf(entries(1, 10)), updateOf(entries(1, 10), 2)]);
    await db.close();
    const raw = openLmdb<Buffer, Buffer>({
      path: join(logs.dir, 'log.mdb'),
      noSubdir: true,
      keyEncoding: 'binary',
      encoding: 'binary',
    });
    const records = [...raw.getRange()].filter(({ value }) => value.includes('1@1'));
    expect(records.length).toBe(2);
    const [first] = records;
    if (first === undefined) throw new Error('no record');
    const changed = Buffer.from(first.value);
    changed[40] = (changed[40] ?? 0) ^ 1;
    await raw.put(first.key, changed);
    await raw.close();
    const again = await logs.open();
    expect(await failureOf(indexesOf(again))).toMatchObject({
      code: 'ERR_LOGDB_CORRUPT',
      details: { clusterID: 1, nodeID: 1, index: 1 },
    });
    expect((await again.iterateEntries(2, 1, 1, 11, 2 ** 40)).entries.length).toBe(10);
  });
});

describe('adapterModule', () => {
  it('creates a factory that opens a log with the options', async () => {
    const factory = adapterModule.create({ pageSizeBytes: 16_384 });
    const db = logs.keep(await factory({ dir: logs.dir, walDir: logs.dir }));
    await db.saveRaftState([updateOf(entries(1, 3))]);
    expect(await indexesOf(db)).toEqual([1, 2, 3]);
    expect((await stat(join(logs.dir, 'log.mdb'))).size % 16_384).toBe(0);
  });
});
