import { spawnSync } from 'node:child_process';
import { mkdtemp, open, readFile, readdir, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type ILogDB, makeEntry } from '@drakkar/raftio';
import { SegmentLogDB } from '../logdb-segments/src/segment-logdb.js';

/** What it has in common with every LogDB is asked by `npm run conformance`; here is what is its own. */
let dir: string;
let db: ILogDB | undefined;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'drakkar-segments-'));
});

afterEach(async () => {
  await db?.close();
  db = undefined;
  await rm(dir, { recursive: true, force: true });
});

async function openLog(segmentBytes = 4096): Promise<ILogDB> {
  db = await SegmentLogDB.open({ dir, walDir: dir }, { name: 'segments', segmentBytes });
  return db;
}

async function save(log: ILogDB, index: number): Promise<void> {
  const entriesToSave = [makeEntry({ term: 1, index, cmd: new Uint8Array(100).fill(index) })];
  const state = { term: 1, vote: 1, commit: index };
  await log.saveRaftState([{ clusterID: 1, nodeID: 1, state, entriesToSave, snapshot: undefined }]);
}

async function savedIndexes(): Promise<number[]> {
  const log = await openLog();
  const { entries } = await log.iterateEntries(1, 1, 1, 100, 2 ** 40);
  return entries.map(({ index }) => index);
}

async function segments(): Promise<string[]> {
  const names = (await readdir(dir)).filter((name) => name.endsWith('.seg'));
  return names.sort((a, b) => parseInt(a) - parseInt(b)).map((name) => join(dir, name));
}

async function flip(path: string, at: number): Promise<void> {
  const byte = (await readFile(path))[at] ?? 0;
  const file = await open(path, 'r+');
  await file.write(Uint8Array.of(byte ^ 1), 0, 1, at);
  await file.close();
}

const MODULE = fileURLToPath(new URL('../logdb-segments/dist/segment-logdb.js', import.meta.url));
const hasStrace = spawnSync('strace', ['-V']).status === 0;

describe('the LogDB in segments', () => {
  (hasStrace ? it : it.skip)('syncs what it has read before it is open (needs strace)', async () => {
    await save(await openLog(), 1);
    await db?.close();
    const program =
      `const { SegmentLogDB } = await import(${JSON.stringify(MODULE)});` +
      `const place = { dir: process.argv[1], walDir: process.argv[1] };` +
      `await SegmentLogDB.open(place, { name: 'segments', segmentBytes: 4096 });` +
      `process.stdout.write('opened'); process.exit(0);`;
    const traced = ['-f', '-y', '-e', 'trace=fsync,fdatasync,write', process.execPath];
    const { stderr } = spawnSync('strace', [...traced, '--input-type=module', '-e', program, dir]);
    const lines = stderr.toString().split('\n');
    const opened = lines.findIndex((line) => line.includes('"opened"'));
    expect(opened).toBeGreaterThan(0);
    const synced = lines.slice(0, opened).filter((line) => /\bf(data)?sync\(/.test(line));
    expect(synced.filter((line) => line.includes('.seg>'))).toHaveLength(1);
    expect(synced.filter((line) => line.includes(`${dir}>`))).not.toHaveLength(0);
  });

  it('refuses a closed log with any damaged byte', async () => {
    for (let index = 1; index <= 2; index++) await save(db ?? (await openLog()), index);
    await db?.close();
    const [path = ''] = await segments();
    const { length } = await readFile(path);
    // The last 16 bytes are the frame that says no more than that the log was closed.
    for (let at = 0; at < length - 16; at += 7) {
      await flip(path, at);
      await expect(openLog()).rejects.toMatchObject({ code: 'ERR_LOGDB_CORRUPT' });
      await flip(path, at);
    }
    expect(await savedIndexes()).toEqual([1, 2]);
  });

  it('drops a write that was cut short at the end of the log, and goes on behind it', async () => {
    for (let index = 1; index <= 3; index++) await save(db ?? (await openLog()), index);
    await db?.close();
    const [path = ''] = await segments();
    const { length } = await readFile(path);
    await truncate(path, length - 16 - 50);
    expect(await savedIndexes()).toEqual([1, 2]);
    if (db !== undefined) await save(db, 3);
    await db?.close();
    expect(await savedIndexes()).toEqual([1, 2, 3]);
  });

  it('refuses a log of which a segment is missing', async () => {
    for (let index = 1; index <= 3; index++) {
      await save(await openLog(), index);
      await db?.close();
    }
    const [, second = ''] = await segments();
    await rm(second);
    await expect(openLog()).rejects.toThrow('2.seg is missing');
  });
});
