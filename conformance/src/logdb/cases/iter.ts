import { type Entry, entrySizeBytes } from '@drakkar/raftio';
import { checkRange } from '../check.js';
import type { LogDBBench } from '../harness.js';
import { R, entries, replica, update } from '../make.js';
import type { LogDBCase } from './logdb-case.js';

/** Three batches: 1–10, 11–15, 16–30. */
async function saveThree({ db }: LogDBBench): Promise<void> {
  for (const batch of [entries(1, 10, 1), entries(11, 15, 1), entries(16, 30, 1)]) {
    await db.saveRaftState([update(R, { entries: batch })]);
  }
}

const sum = (list: readonly Entry[]): number => list.reduce((total, each) => total + entrySizeBytes(each), 0);

export const ITER_CASES: readonly LogDBCase[] = [
  {
    id: 'LDB-ITER-1',
    title: 'a range holds low and does not hold high',
    run: async (bench) => {
      await saveThree(bench);
      await checkRange(bench.db, R, { low: 2, high: 5 }, entries(2, 4, 1), 'inside a batch');
      await checkRange(bench.db, R, { low: 1, high: 2 }, entries(1, 1, 1), 'the first alone');
      await checkRange(bench.db, R, { low: 11, high: 16 }, entries(11, 15, 1), 'one whole batch');
    },
  },
  {
    id: 'LDB-ITER-2',
    title: 'an empty range is empty',
    run: async (bench) => {
      await saveThree(bench);
      for (const at of [1, 7, 11, 30, 31, 500]) {
        await checkRange(bench.db, R, { low: at, high: at }, [], 'low = high');
      }
    },
  },
  {
    id: 'LDB-ITER-3',
    title: 'a range stops where the log ends, and is empty beyond',
    run: async (bench) => {
      await saveThree(bench);
      await checkRange(bench.db, R, { low: 29, high: 100 }, entries(29, 30, 1), 'over the end');
      await checkRange(bench.db, R, { low: 31, high: 100 }, [], 'beyond the end');
      await checkRange(bench.db, replica(99, 1), { low: 1, high: 100 }, [], 'unknown replica');
    },
  },
  {
    id: 'LDB-ITER-4',
    title: 'a range stops before a gap, and is empty when low is not stored',
    run: async (bench) => {
      await saveThree(bench);
      await bench.db.saveRaftState([update(R, { entries: entries(41, 45, 1) })]);
      await checkRange(bench.db, R, { low: 25, high: 60 }, entries(25, 30, 1), 'up to a gap');
      await checkRange(bench.db, R, { low: 35, high: 60 }, [], 'from inside a gap');
      await checkRange(bench.db, R, { low: 41, high: 60 }, entries(41, 45, 1), 'after a gap');
    },
  },
  {
    id: 'LDB-ITER-5',
    title: 'a range ends before the entry that would make it exceed maxSizeBytes',
    run: async (bench) => {
      await saveThree(bench);
      const range = { low: 3, high: 31 };
      const fits = sum(entries(3, 7, 1));
      await checkRange(bench.db, R, { ...range, maxSizeBytes: fits }, entries(3, 7, 1), 'just fits');
      await checkRange(bench.db, R, { ...range, maxSizeBytes: fits - 1 }, entries(3, 6, 1), 'one byte less');
      const across = sum(entries(3, 20, 1));
      await checkRange(
        bench.db,
        R,
        { ...range, maxSizeBytes: across },
        entries(3, 20, 1),
        'over three batches',
      );
    },
  },
  {
    id: 'LDB-ITER-6',
    title: 'a range gives at least one entry when low is stored, however small maxSizeBytes',
    run: async (bench) => {
      await saveThree(bench);
      for (const low of [1, 10, 13, 30]) {
        const range = { low, high: 31, maxSizeBytes: 0 };
        await checkRange(bench.db, R, range, entries(low, low, 1), 'maxSizeBytes 0');
      }
      await checkRange(bench.db, R, { low: 5, high: 5, maxSizeBytes: 0 }, [], 'empty range, maxSizeBytes 0');
    },
  },
  {
    id: 'LDB-ITER-7',
    title: 'a range from inside one batch to inside another is in order and whole, after overwrites too',
    run: async (bench) => {
      await saveThree(bench);
      await checkRange(bench.db, R, { low: 6, high: 22 }, entries(6, 21, 1), 'over three batches');
      await bench.db.saveRaftState([update(R, { entries: entries(13, 18, 2) })]);
      const expected = [...entries(9, 12, 1), ...entries(13, 17, 2)];
      await checkRange(bench.db, R, { low: 9, high: 18 }, expected, 'after an overwrite');
      await bench.reopen();
      await checkRange(bench.db, R, { low: 9, high: 18 }, expected, 'after an overwrite and reopen');
    },
  },
];
