import { checkExtent, checkLog, checkRange, checkState } from '../check.js';
import type { LogDBBench } from '../harness.js';
import { R, entries, replica, state, update } from '../make.js';
import type { LogDBCase } from './logdb-case.js';

/** Two batches, 1–10 and 11–20, and two neighbours with the same. */
export async function saveTwo({ db }: LogDBBench): Promise<void> {
  for (const each of [R, replica(7, 4), replica(8, 3)]) {
    await db.saveRaftState([update(each, { state: state(2, 1, 20), entries: entries(1, 10, 2) })]);
    await db.saveRaftState([update(each, { entries: entries(11, 20, 2) })]);
  }
}

const remove = ({ db }: LogDBBench, index: number): Promise<void> =>
  db.removeEntriesTo(R.clusterID, R.nodeID, index);

export const REMOVE_CASES: readonly LogDBCase[] = [
  {
    id: 'LDB-REMOVE-1',
    title: 'entries up to and including the index are forgotten, those above it stay',
    run: async (bench) => {
      await saveTwo(bench);
      await remove(bench, 10);
      for (const what of ['removed to 10', 'removed to 10, after reopen']) {
        await checkRange(bench.db, R, { low: 10, high: 15 }, [], what);
        await checkLog(bench.db, R, entries(11, 20, 2), what);
        await checkExtent(bench.db, R, 0, { first: 11, count: 10 }, what);
        await bench.reopen();
      }
    },
  },
  {
    id: 'LDB-REMOVE-2',
    title: 'a removal inside a stored batch keeps the rest of the batch',
    run: async (bench) => {
      await saveTwo(bench);
      await remove(bench, 4);
      for (const what of ['removed to 4', 'removed to 4, after reopen']) {
        await checkRange(bench.db, R, { low: 4, high: 6 }, [], what);
        await checkLog(bench.db, R, entries(5, 20, 2), what);
        await bench.reopen();
      }
    },
  },
  {
    id: 'LDB-REMOVE-3',
    title: 'after the removal of every entry the state stays, and the log goes on',
    run: async (bench) => {
      await saveTwo(bench);
      await remove(bench, 20);
      await checkState(bench.db, R, state(2, 1, 20), 'all removed');
      await checkExtent(bench.db, R, 0, undefined, 'all removed');
      await bench.reopen();
      await bench.db.saveRaftState([update(R, { entries: entries(21, 23, 3) })]);
      await checkLog(bench.db, R, entries(21, 23, 3), 'gone on');
      await checkExtent(bench.db, R, 0, { first: 21, count: 3 }, 'gone on');
    },
  },
  {
    id: 'LDB-REMOVE-4',
    title: 'a removal beyond the last entry removes all, and the log goes on above it, as after a snapshot',
    run: async (bench) => {
      await saveTwo(bench);
      await remove(bench, 500);
      await checkExtent(bench.db, R, 0, undefined, 'removed to 500');
      await bench.db.saveRaftState([update(R, { entries: entries(501, 510, 3) })]);
      await bench.reopen();
      await checkLog(bench.db, R, entries(501, 510, 3), 'gone on at 501');
      await checkRange(bench.db, R, { low: 20, high: 600 }, [], 'below');
    },
  },
  {
    id: 'LDB-REMOVE-5',
    title: 'a removal is repeatable, never goes back, and asks for nothing to be there',
    run: async (bench) => {
      await saveTwo(bench);
      for (const index of [8, 8, 3, 0]) await remove(bench, index);
      await bench.db.removeEntriesTo(99, 1, 10);
      await checkLog(bench.db, R, entries(9, 20, 2), 'removed to 8, 8, 3, 0');
      await checkExtent(bench.db, R, 0, { first: 9, count: 12 }, 'removed to 8, 8, 3, 0');
      await checkState(bench.db, replica(99, 1), undefined, 'unknown replica');
    },
  },
  {
    id: 'LDB-REMOVE-6',
    title: 'removal and compaction leave other replicas alone',
    run: async (bench) => {
      await saveTwo(bench);
      await remove(bench, 15);
      await bench.db.compactEntriesTo(R.clusterID, R.nodeID, 15);
      await bench.reopen();
      for (const each of [replica(7, 4), replica(8, 3)]) {
        await checkLog(bench.db, each, entries(1, 20, 2), `neighbour ${each.clusterID}/${each.nodeID}`);
      }
    },
  },
  {
    id: 'LDB-REMOVE-7',
    title: 'an overwrite right above the removed entries works like any other',
    run: async (bench) => {
      await saveTwo(bench);
      await remove(bench, 5);
      await bench.db.saveRaftState([update(R, { entries: entries(6, 7, 3) })]);
      await bench.reopen();
      await checkLog(bench.db, R, entries(6, 7, 3), 'overwritten from 6');
      await bench.db.saveRaftState([update(R, { entries: entries(8, 12, 3) })]);
      await checkLog(bench.db, R, entries(6, 12, 3), 'appended to it');
      await checkRange(bench.db, R, { low: 5, high: 9 }, [], 'below');
    },
  },
];
