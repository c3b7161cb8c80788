import { cp, mkdir, mkdtemp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Update, makeEntry } from '@drakkar/raftio';
import { openLevelDBLogDB } from '../index.js';
import { checkFiles } from './check-files.js';
import { type ClosedMark, readMark, removeMark, writeMark } from './closed-mark.js';
import { listLogs, logFileName, readCurrent } from './folder.js';
import { crc32c } from './crc32c.js';
import { readRecords } from './records.js';

const SAVES = 60;
const ENTRIES_PER_SAVE = 10;

let root: string;
/** Closed in good order, with tables and with a log that holds records. */
let closed: string;
/** As a crash leaves it that comes after the last acknowledgement. */
let crashed: string;

function update(save: number): Update {
  const entriesToSave = Array.from({ length: ENTRIES_PER_SAVE }, (_, i) =>
    makeEntry({ term: 1, index: save * ENTRIES_PER_SAVE + i + 1, cmd: Buffer.alloc(200, save) }),
  );
  const state = { term: 1, vote: 1, commit: save };
  return { clusterID: 1, nodeID: 1, state, entriesToSave, snapshot: undefined };
}

async function copyOf(dir: string, name: string): Promise<string> {
  const copy = join(root, name);
  await rm(copy, { recursive: true, force: true });
  await cp(dir, copy, { recursive: true });
  return copy;
}

/** A copy of a log that is open: LevelDB works on it in the background, and a file may go just when it is due. */
async function copyOfLive(dir: string, name: string): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await copyOf(dir, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt === 50) throw error;
    }
  }
}

/** Positions at which a flipped bit is not found, the file being checked after each flip. */
async function missedFlips(dir: string, name: string, stride: number, from = 0): Promise<number[]> {
  const path = join(dir, name);
  const good = await readFile(path);
  const mark = await readMark(dir);
  const missed: number[] = [];
  for (let at = from; at < good.length; at += stride) {
    const bad = Buffer.from(good);
    bad[at] = bad[at]! ^ (1 << (at % 8));
    await writeFile(path, bad);
    if (await isAccepted(dir, mark)) missed.push(at);
  }
  await writeFile(path, good);
  return missed;
}

async function isAccepted(dir: string, mark: ClosedMark | undefined): Promise<boolean> {
  try {
    await checkFiles(dir, mark);
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'ERR_LOGDB_CORRUPT' });
    return false;
  }
}

async function filesOf(dir: string, pattern: RegExp): Promise<string[]> {
  return (await readdir(dir)).filter((name) => pattern.test(name)).sort();
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'drakkar-leveldb-files-'));
  closed = join(root, 'closed');
  await mkdir(closed);
  const db = await openLevelDBLogDB({ dir: closed, walDir: closed }, { writeBufferSizeBytes: 65_536 });
  for (let save = 0; save < SAVES; save++) await db.saveRaftState([update(save)]);
  crashed = await copyOfLive(closed, 'crashed');
  await db.close();
});

afterAll(() => rm(root, { recursive: true, force: true }));

describe('the files of a closed log', () => {
  it('are good, and of every kind', async () => {
    expect(await isAccepted(closed, await readMark(closed))).toBe(true);
    const logs = await filesOf(closed, /\.log$/);
    const sizes = await Promise.all(logs.map(async (name) => (await readFile(join(closed, name))).length));
    expect(Math.max(...sizes)).toBeGreaterThan(2000);
    expect((await filesOf(closed, /\.ldb$/)).length).toBeGreaterThan(0);
  });

  it('report every bit that flips in a log file, the manifest or CURRENT', async () => {
    const dir = await copyOf(closed, 'flips');
    const names = await filesOf(dir, /\.log$|^MANIFEST|^CURRENT$/);
    expect(names.length).toBeGreaterThanOrEqual(3);
    for (const name of names) {
      const size = (await readFile(join(dir, name))).length;
      const missed = await missedFlips(dir, name, Math.max(1, Math.floor(size / 400)) | 1);
      // Where the rest of a block has no room for a header.
      expect(missed.filter((at) => at % 32_768 < 32_768 - 7)).toEqual([]);
    }
  });

  it('report every bit that flips in a table, but for the padding of its footer', async () => {
    const dir = await copyOf(closed, 'flips');
    const [name] = await filesOf(dir, /\.ldb$/);
    const data = await readFile(join(dir, name ?? ''));
    const footer = data.subarray(-48, -8);
    const padding = footer.length - (footer.findLastIndex((byte) => byte !== 0) + 1);
    expect(padding).toBeGreaterThan(0);
    const missed = [
      ...(await missedFlips(dir, name ?? '', Math.floor(data.length / 1000) | 1)),
      ...(await missedFlips(dir, name ?? '', 1, data.length - 100)),
    ];
    const isPadding = (at: number): boolean => at >= data.length - 8 - padding && at < data.length - 8;
    expect(missed.filter((at) => !isPadding(at))).toEqual([]);
  });

  it('report a file that is cut off, even between two records, or missing', async () => {
    const dir = await copyOf(closed, 'cut');
    const mark = await readMark(dir);
    for (const name of await filesOf(dir, /\.log$|^MANIFEST|\.ldb$/)) {
      const good = await readFile(join(dir, name));
      if (good.length > 0) {
        await truncate(join(dir, name), 0);
        expect({ name, ok: await isAccepted(dir, mark) }).toEqual({ name, ok: false });
      }
      await rm(join(dir, name));
      expect({ name, ok: await isAccepted(dir, mark) }).toEqual({ name, ok: false });
      await writeFile(join(dir, name), good);
    }
    expect(await isAccepted(dir, mark)).toBe(true);
  });

  it('are as they come when the mark is damaged', async () => {
    const dir = await copyOf(closed, 'mark');
    const good = await readFile(join(dir, 'closed'));
    for (let at = 0; at < good.length; at++) {
      const bad = Buffer.from(good);
      bad[at] = bad[at]! ^ 1;
      await writeFile(join(dir, 'closed'), bad);
      const mark = await readMark(dir);
      expect({ at, ok: await isAccepted(dir, mark) }).toEqual({ at, ok: true });
    }
  });
});

describe('the files that a crash leaves', () => {
  async function newestLog(dir: string): Promise<{ path: string; good: Buffer }> {
    const numbers = await listLogs(dir);
    const path = join(dir, logFileName(numbers.at(-1) ?? 0));
    return { path, good: await readFile(path) };
  }

  it('may end in the middle of a record', async () => {
    const dir = await copyOf(crashed, 'torn');
    expect(await readMark(dir)).toBeUndefined();
    const { path, good } = await newestLog(dir);
    for (let size = good.length; size > good.length - 3000; size -= 7) {
      await writeFile(path, good.subarray(0, size));
      expect({ size, ok: await isAccepted(dir, undefined) }).toEqual({ size, ok: true });
    }
    await writeFile(path, Buffer.concat([good.subarray(0, good.length - 10), Buffer.alloc(500)]));
    expect(await isAccepted(dir, undefined)).toBe(true);
  });

  it('report every bit that flips in the log, but for the last record', async () => {
    const dir = await copyOf(crashed, 'crash-flips');
    const { path, good } = await newestLog(dir);
    const { records } = readRecords(good);
    expect(records.length).toBeGreaterThan(2);
    const lastRecordAt = good.lastIndexOf(records.at(-1)!.subarray(0, 12)) - 7;
    const name = path.slice(dir.length + 1);
    const missed = [
      ...(await missedFlips(dir, name, Math.floor(good.length / 500) | 1)),
      ...(await missedFlips(dir, name, 5, lastRecordAt)),
    ];
    expect(missed.length).toBeGreaterThan(0);
    const early = missed.filter((at) => at < lastRecordAt && at % 32_768 < 32_768 - 7);
    expect({ early, lastRecordAt }).toEqual({ early: [], lastRecordAt });
  });

  it('never have an older log that is cut off before a newer one', async () => {
    const dir = await copyOf(crashed, 'old-torn');
    const { path, good } = await newestLog(dir);
    await writeFile(join(dir, logFileName((await listLogs(dir)).at(-1)! + 1)), good);
    await writeFile(path, good.subarray(0, good.length - 5));
    expect(await isAccepted(dir, undefined)).toBe(false);
  });

  it('are closed in good order when they were opened again', async () => {
    const dir = await copyOf(crashed, 'again');
    const { path, good } = await newestLog(dir);
    await writeFile(path, good.subarray(0, good.length - 5));
    const db = await openLevelDBLogDB({ dir, walDir: dir });
    expect(await readMark(dir)).toBeUndefined();
    const { entries } = await db.iterateEntries(1, 1, 1, 10_000, 2 ** 40);
    expect(entries).toHaveLength((SAVES - 1) * ENTRIES_PER_SAVE);
    await db.close();
    expect((await readMark(dir))?.manifest).toBe(await readCurrent(dir));
    await removeMark(dir);
    expect(await readMark(dir)).toBeUndefined();
    await writeMark(dir);
    expect(await isAccepted(dir, await readMark(dir))).toBe(true);
  });
});

describe('CRC-32C', () => {
  it('gives the values of RFC 3720, at any length', () => {
    const sum = (data: Buffer): string => crc32c(data, 0, data.length).toString(16);
    expect(sum(Buffer.alloc(32))).toBe('8a9136aa');
    expect(sum(Buffer.alloc(32, 0xff))).toBe('62a8ab43');
    expect(sum(Buffer.from(Array.from({ length: 32 }, (_, i) => i)))).toBe('46dd794e');
    expect(sum(Buffer.from('123456789'))).toBe('e3069283');
    expect(sum(Buffer.from('x123456789y').subarray(1, 10))).toBe('e3069283');
  });
});
