import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ILogDB } from '@drakkar/raftio';
import { openLmdbLogDB } from '../src/index.js';
import { Saver } from './support/saver.js';

let dir: string;
let saver: Saver | undefined;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'drakkar-lmdb-'));
});

afterEach(async () => {
  await saver?.kill();
  await rm(dir, { recursive: true, force: true });
});

async function codeOf(call: Promise<unknown>): Promise<unknown> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return (error as { code?: unknown } | undefined)?.code;
}

/** Last index of each replica, after a look at every entry and at the hard state. */
async function checkLog(db: ILogDB, clusterID: number): Promise<number> {
  const state = await db.readRaftState(clusterID, 1, 0);
  const last = state === undefined ? 0 : state.firstIndex + state.entryCount - 1;
  expect(state?.state.commit).toBe(last);
  const { entries } = await db.iterateEntries(clusterID, 1, 1, last + 1, 2 ** 40);
  expect(entries.length).toBe(last);
  for (const entry of entries) {
    const isRight = entry.cmd.every((byte) => byte === entry.index % 251) && entry.cmd.length > 0;
    if (!isRight) throw new Error(`entry ${entry.index} is not what was saved`);
  }
  return last;
}

describe('a process killed while it saves', () => {
  it('loses nothing that was acknowledged, and leaves no call half done', async () => {
    for (let round = 1; round <= 4; round++) {
      saver = new Saver(dir);
      const enough = round * 15;
      await saver.until((lines) => lines.filter((line) => line.startsWith('saved')).length >= enough);
      await saver.kill();
      const db = await openLmdbLogDB({ dir, walDir: dir });
      const lasts = await Promise.all([1, 2, 3].map((clusterID) => checkLog(db, clusterID)));
      await db.close();
      expect(new Set(lasts).size).toBe(1);
      expect(lasts[0]).toBeGreaterThanOrEqual(saver.lastSaved);
    }
  });

  it('has the folder to itself while it lives, and not a moment longer', async () => {
    saver = new Saver(dir);
    await saver.until((lines) => lines.includes('open'));
    expect(await codeOf(openLmdbLogDB({ dir, walDir: dir }))).toBe('ERR_LOGDB_LOCKED');
    await expect(openLmdbLogDB({ dir, walDir: dir })).rejects.toMatchObject({
      details: { holders: [saver.pid] },
    });
    await saver.kill();
    const db = await openLmdbLogDB({ dir, walDir: dir });
    expect(await codeOf(openLmdbLogDB({ dir, walDir: dir }))).toBe('ERR_LOGDB_LOCKED');
    // The refused attempts have not undone the lock of this process.
    saver = new Saver(dir);
    await saver.exited();
    expect(saver.lines).toEqual(['failed ERR_LOGDB_LOCKED']);
    await db.close();
  });
});

const hasFileLimit = process.platform === 'win32' ? it.skip : it;

describe('a disk that takes no more', () => {
  hasFileLimit('fences the LogDB; everything acknowledged is there afterwards', async () => {
    saver = new Saver(dir, { payloadBytes: 4000, fileSizeBlocks: 8000 });
    await saver.exited();
    expect(saver.lines.at(-1)).toBe('failed ERR_LOGDB_FENCED');
    expect(saver.lastSaved).toBeGreaterThan(0);
    const db = await openLmdbLogDB({ dir, walDir: dir });
    const lasts = await Promise.all([1, 2, 3].map((clusterID) => checkLog(db, clusterID)));
    await db.close();
    expect(new Set(lasts).size).toBe(1);
    expect(lasts[0]).toBeGreaterThanOrEqual(saver.lastSaved);
  });
});
