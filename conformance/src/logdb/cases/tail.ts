import type { Entry } from '@drakkar/raftio';
import { checkExtent, checkLog, checkRange, checkState } from '../check.js';
import type { LogDBBench } from '../harness.js';
import { R, entries, state, update } from '../make.js';
import type { LogDBCase } from './logdb-case.js';

/** Saves the batches in turn, each in a call of its own. */
async function save(bench: LogDBBench, ...batches: Entry[][]): Promise<void> {
  for (const batch of batches) await bench.db.saveRaftState([update(R, { entries: batch })]);
}

/** The log is as expected, nothing is stored anywhere above it, and the same after a reopening. */
async function checkTwice(bench: LogDBBench, expected: readonly Entry[], what: string): Promise<void> {
  for (const when of [what, `${what}, after reopen`]) {
    await checkLog(bench.db, R, expected, when);
    await checkExtent(bench.db, R, expected.at(-1)?.index ?? 0, undefined, `${when}, above the end`);
    await bench.reopen();
  }
}

export const TAIL_CASES: readonly LogDBCase[] = [
  {
    id: 'LDB-TAIL-1',
    title: 'a shorter overwrite deletes every entry above the last one saved',
    run: async (bench) => {
      await save(bench, entries(1, 10, 1), entries(11, 20, 1), entries(8, 12, 2));
      await checkTwice(bench, [...entries(1, 7, 1), ...entries(8, 12, 2)], 'overwritten from 8 to 12');
    },
  },
  {
    id: 'LDB-TAIL-2',
    title: 'an overwrite in the middle of a stored batch keeps what is below it',
    run: async (bench) => {
      await save(bench, entries(1, 10, 1), entries(6, 12, 2));
      await checkTwice(bench, [...entries(1, 5, 1), ...entries(6, 12, 2)], 'overwritten from 6');
    },
  },
  {
    id: 'LDB-TAIL-3',
    title: 'an overwrite at the first index of a stored batch replaces that batch',
    run: async (bench) => {
      await save(bench, entries(1, 10, 1), entries(11, 20, 1), entries(11, 21, 2));
      await checkTwice(bench, [...entries(1, 10, 1), ...entries(11, 21, 2)], 'overwritten from 11');
    },
  },
  {
    id: 'LDB-TAIL-4',
    title: 'an overwrite at the first index of the log replaces the log',
    run: async (bench) => {
      await save(bench, entries(1, 10, 1), entries(11, 20, 1), entries(1, 1, 3));
      await checkTwice(bench, entries(1, 1, 3), 'overwritten from 1');
      await save(bench, entries(2, 4, 3));
      await checkTwice(bench, entries(1, 4, 3), 'appended to it');
    },
  },
  {
    id: 'LDB-TAIL-5',
    title: 'batches of any size overwrite batches of any other size',
    run: async (bench) => {
      await save(bench, entries(1, 100, 1));
      for (let index = 40; index < 60; index++) await save(bench, entries(index, index, 2));
      const mixed = [...entries(1, 39, 1), ...entries(40, 59, 2)];
      await checkTwice(bench, mixed, 'one batch overwritten by single entries');
      await save(bench, entries(45, 140, 3));
      const expected = [...entries(1, 39, 1), ...entries(40, 44, 2), ...entries(45, 140, 3)];
      await checkTwice(bench, expected, 'single entries overwritten by one batch');
    },
  },
  {
    id: 'LDB-TAIL-6',
    title: 'what an overwrite deleted stays deleted when the log grows again',
    run: async (bench) => {
      await save(bench, entries(1, 20, 1), entries(5, 6, 2), entries(7, 9, 2));
      await checkTwice(bench, [...entries(1, 4, 1), ...entries(5, 9, 2)], 'grown to 9');
      await checkRange(bench.db, R, { low: 10, high: 30 }, [], 'above the end');
    },
  },
  {
    id: 'LDB-TAIL-7',
    title: 'an append that leaves a gap keeps what is below the gap, apart from the new entries',
    run: async (bench) => {
      await bench.db.saveRaftState([update(R, { state: state(2, 1, 5), entries: entries(1, 5, 2) })]);
      await save(bench, entries(50, 53, 2), entries(54, 54, 2));
      for (const what of ['with a gap', 'with a gap, after reopen']) {
        await checkLog(bench.db, R, entries(1, 5, 2), what);
        await checkLog(bench.db, R, entries(50, 54, 2), what);
        await checkState(bench.db, R, state(2, 1, 5), what);
        await bench.reopen();
      }
    },
  },
];
