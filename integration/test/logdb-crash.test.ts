import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ILogDB } from '@drakkar/raftio';
import { openLevelDBLogDB } from '@drakkar/logdb-leveldb';
import { openLmdbLogDB } from '@drakkar/logdb-lmdb';
import { type SavedLogDB, Saver } from './saver.js';

let dir: string;
let saver: Saver | undefined;

interface Subject extends SavedLogDB {
  payloadBytes: number;
  /** Limit of the size of a file, in blocks, that is too small for it sooner or later. */
  fullBlocks: number;
  /** Whether its refusal says who has the folder. */
  tellsHolder: boolean;
  open(): Promise<ILogDB>;
}

/** With a buffer this small, LevelDB begins a new log file, and a table, with nearly every save. */
const SMALL_BUFFER = { writeBufferSizeBytes: 65_536 };

const SUBJECTS: [string, Subject][] = [
  [
    'LMDB',
    {
      folder: 'logdb-lmdb',
      opener: 'openLmdbLogDB',
      options: {},
      payloadBytes: 64,
      fullBlocks: 8000,
      tellsHolder: true,
      open: () => openLmdbLogDB({ dir, walDir: dir }),
    },
  ],
  [
    'LevelDB',
    {
      folder: 'logdb-leveldb',
      opener: 'openLevelDBLogDB',
      options: {},
      payloadBytes: 64,
      fullBlocks: 8000,
      tellsHolder: false,
      open: () => openLevelDBLogDB({ dir, walDir: dir }),
    },
  ],
  [
    'LevelDB with a small buffer',
    {
      folder: 'logdb-leveldb',
      opener: 'openLevelDBLogDB',
      options: SMALL_BUFFER,
      payloadBytes: 4000,
      fullBlocks: 1000,
      tellsHolder: false,
      open: () => openLevelDBLogDB({ dir, walDir: dir }, SMALL_BUFFER),
    },
  ],
];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'drakkar-crash-'));
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

describe.each(SUBJECTS)('a process killed while it saves to %s', (_name, subject) => {
  it('loses nothing that was acknowledged, and leaves no call half done', async () => {
    for (let round = 1; round <= 4; round++) {
      saver = new Saver(dir, subject, subject);
      const enough = round * 15;
      await saver.until((lines) => lines.filter((line) => line.startsWith('saved')).length >= enough);
      await saver.kill();
      const db = await subject.open();
      const lasts = await Promise.all([1, 2, 3].map((clusterID) => checkLog(db, clusterID)));
      await db.close();
      expect(new Set(lasts).size).toBe(1);
      expect(lasts[0]).toBeGreaterThanOrEqual(saver.lastSaved);
    }
  }, 90_000);

  it('has the folder to itself while it lives, and not a moment longer', async () => {
    saver = new Saver(dir, subject, subject);
    await saver.until((lines) => lines.includes('open'));
    expect(await codeOf(subject.open())).toBe('ERR_LOGDB_LOCKED');
    if (subject.tellsHolder) {
      await expect(subject.open()).rejects.toMatchObject({ details: { holders: [saver.pid] } });
    }
    await saver.kill();
    const db = await subject.open();
    expect(await codeOf(subject.open())).toBe('ERR_LOGDB_LOCKED');
    // The refused attempts have not undone the lock of this process.
    saver = new Saver(dir, subject, subject);
    await saver.exited();
    expect(saver.lines).toEqual(['failed ERR_LOGDB_LOCKED', 'alive']);
    await db.close();
  }, 60_000);
});

const hasFileLimit = process.platform === 'win32' ? it.skip : it;

describe.each(SUBJECTS)('a disk that takes no more, with %s', (_name, subject) => {
  hasFileLimit(
    'fences the LogDB, and the process lives; everything acknowledged is there afterwards',
    async () => {
      saver = new Saver(dir, subject, { payloadBytes: 4000, fileSizeBlocks: subject.fullBlocks });
      await saver.exited();
      expect(saver.lines.slice(-2)).toEqual(['failed ERR_LOGDB_FENCED', 'alive']);
      expect(saver.lastSaved).toBeGreaterThan(0);
      const db = await subject.open();
      const lasts = await Promise.all([1, 2, 3].map((clusterID) => checkLog(db, clusterID)));
      await db.close();
      expect(new Set(lasts).size).toBe(1);
      expect(lasts[0]).toBeGreaterThanOrEqual(saver.lastSaved);
    },
    60_000,
  );
});
