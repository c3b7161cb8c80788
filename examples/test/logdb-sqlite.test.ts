import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type ILogDB, makeEntry } from '@drakkar/raftio';
import type * as Sqlite from '../logdb-sqlite/src/index.js';

/** What it has in common with every LogDB is asked by `npm run conformance`; here is what is its own. */
const MODULE = fileURLToPath(new URL('../logdb-sqlite/dist/index.js', import.meta.url));
/** As it was compiled: its thread needs a file of its own. */
const { adapterModule } = (await import(MODULE)) as typeof Sqlite;
const SAVER = fileURLToPath(new URL('support/sqlite-saver.mjs', import.meta.url));

let dir: string;
let db: ILogDB | undefined;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'drakkar-sqlite-'));
});

afterEach(async () => {
  await db?.close();
  db = undefined;
  await rm(dir, { recursive: true, force: true });
});

async function open(options: Record<string, unknown> = {}): Promise<ILogDB> {
  return adapterModule.create(options)({ dir, walDir: dir });
}

async function save(log: ILogDB, index: number): Promise<void> {
  const entries = [makeEntry({ term: 1, index, cmd: new Uint8Array(100).fill(index) })];
  const state = { term: 1, vote: 1, commit: index };
  await log.saveRaftState([{ clusterID: 1, nodeID: 1, state, entriesToSave: entries, snapshot: undefined }]);
}

const hasStrace = spawnSync('strace', ['-V']).status === 0;

describe('the LogDB on SQLite', () => {
  it('is a LogDB with every capability', () => {
    expect(adapterModule.kind).toBe('logdb');
    expect(adapterModule.capabilities).toEqual({
      shrinksOnCompaction: true,
      exclusiveOpen: true,
      durable: true,
      detectsDamage: true,
    });
  });

  (hasStrace ? it : it.skip)(
    'syncs the disk before a save resolves (needs strace)',
    async () => {
      const trace = join(dir, 'trace');
      const calls = 'trace=fsync,fdatasync,write';
      const { stdout } = spawnSync('strace', [
        '-f',
        '-e',
        calls,
        '-o',
        trace,
        process.execPath,
        SAVER,
        dir,
        '20',
      ]);
      expect(stdout.toString()).toContain('saved 20');
      const lines = (await readFile(trace, 'utf8')).split('\n');
      const isSync = (line: string): boolean => /\b(fsync|fdatasync)\(\d+\)? /.test(line);
      let syncs = 0;
      let saves = 0;
      for (const line of lines) {
        if (isSync(line)) syncs += 1;
        if (!/write\(1, "saved/.test(line)) continue;
        expect(syncs).toBeGreaterThan(0);
        syncs = 0;
        saves += 1;
      }
      expect(saves).toBe(20);
    },
    60_000,
  );

  it('releases every file when it is closed, and leaves the database alone', async () => {
    const log = await open();
    await save(log, 1);
    expect((await readdir(dir)).sort()).toEqual(['log.db', 'log.db-wal']);
    await log.close();
    expect(await readdir(dir)).toEqual(['log.db']);
  });

  it('refuses a file that is no database, and a database of somebody else', async () => {
    await writeFile(join(dir, 'log.db'), Buffer.alloc(8192, 'not a database'));
    await expect(open()).rejects.toMatchObject({ code: 'ERR_LOGDB_CORRUPT' });
    await expect(open()).rejects.toThrow('log.db: SQLITE_NOTADB');
    await rm(join(dir, 'log.db'));
    expect(spawnSync(process.execPath, [SAVER, dir, 'foreign']).status).toBe(0);
    await expect(open()).rejects.toMatchObject({
      code: 'ERR_LOGDB_OPEN',
      message: expect.stringContaining('auto_vacuum'),
    });
  });

  it('reports which folder is missing', async () => {
    await rm(dir, { recursive: true });
    await expect(open()).rejects.toMatchObject({
      code: 'ERR_LOGDB_OPEN',
      details: { file: join(dir, 'log.db') },
    });
  });

  it('keeps a log when it is opened with other options', async () => {
    const log = await open({ cacheSizeBytes: 1024 * 1024 });
    for (let index = 1; index <= 5; index += 1) await save(log, index);
    await log.close();
    db = await open({ cacheSizeBytes: 64 * 1024 * 1024 });
    const { entries } = await db.iterateEntries(1, 1, 1, 6, 2 ** 40);
    expect(entries.map(({ index }) => index)).toEqual([1, 2, 3, 4, 5]);
  });
});
