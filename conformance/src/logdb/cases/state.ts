import { checkExtent, checkSnapshots, checkState } from '../check.js';
import { R, bootstrap, entries, replica, snapshotRecord, state, update } from '../make.js';
import type { LogDBCase } from './logdb-case.js';

export const STATE_CASES: readonly LogDBCase[] = [
  {
    id: 'LDB-STATE-1',
    title: 'readRaftState is undefined until saveRaftState has saved something of the replica',
    run: async (bench) => {
      await bench.db.saveBootstrapInfo(7, 3, bootstrap([3]));
      await bench.db.saveSnapshots([update(R, { snapshot: snapshotRecord(9, 1) })]);
      await checkState(bench.db, R, undefined, 'bootstrap and snapshot alone');
      await bench.db.saveRaftState([update(R, { state: state(1, 0, 0) })]);
      await bench.reopen();
      await checkState(bench.db, R, state(1, 0, 0), 'after a save');
    },
  },
  {
    id: 'LDB-STATE-2',
    title: 'the extent starts at the first entry above lastIndex',
    run: async (bench) => {
      await bench.db.saveRaftState([update(R, { state: state(1, 1, 1), entries: entries(1, 10, 1) })]);
      await bench.db.saveRaftState([update(R, { entries: entries(11, 15, 1) })]);
      for (const what of ['saved', 'saved, after reopen']) {
        await checkExtent(bench.db, R, 0, { first: 1, count: 15 }, what);
        await checkExtent(bench.db, R, 4, { first: 5, count: 11 }, what);
        await checkExtent(bench.db, R, 10, { first: 11, count: 5 }, what);
        await checkExtent(bench.db, R, 14, { first: 15, count: 1 }, what);
        await bench.reopen();
      }
    },
  },
  {
    id: 'LDB-STATE-3',
    title: 'the extent is empty when nothing is stored above lastIndex',
    run: async (bench) => {
      await bench.db.saveRaftState([update(R, { state: state(1, 1, 1), entries: entries(1, 15, 1) })]);
      await checkExtent(bench.db, R, 15, undefined, 'at the last entry');
      await checkExtent(bench.db, R, 400, undefined, 'beyond the last entry');
      const other = replica(8, 1);
      await bench.db.saveRaftState([update(other, { state: state(5, 2, 0) })]);
      await checkExtent(bench.db, other, 0, undefined, 'state without entries');
      await checkState(bench.db, other, state(5, 2, 0), 'state without entries');
    },
  },
  {
    id: 'LDB-STATE-4',
    title: 'the extent counts consecutive entries: it ends at a gap, and starts after one',
    run: async (bench) => {
      await bench.db.saveRaftState([update(R, { state: state(1, 1, 1), entries: entries(1, 5, 1) })]);
      await bench.db.saveRaftState([update(R, { entries: entries(21, 24, 1) })]);
      await checkExtent(bench.db, R, 0, { first: 1, count: 5 }, 'below the gap');
      await checkExtent(bench.db, R, 5, { first: 21, count: 4 }, 'at the gap');
      await checkExtent(bench.db, R, 12, { first: 21, count: 4 }, 'inside the gap');
      await checkExtent(bench.db, R, 20, { first: 21, count: 4 }, 'above the gap');
    },
  },
  {
    id: 'LDB-STATE-5',
    title: 'entries saved before any state come with a state of zeros',
    run: async (bench) => {
      await bench.db.saveRaftState([update(R, { entries: entries(1, 3, 1) })]);
      await bench.reopen();
      await checkState(bench.db, R, state(0, 0, 0), 'entries alone');
      await checkExtent(bench.db, R, 0, { first: 1, count: 3 }, 'entries alone');
    },
  },
  {
    id: 'LDB-STATE-6',
    title:
      'an update with only a snapshot record makes a state of zeros or none, and the same after a reopening',
    run: async (bench) => {
      await bench.db.saveRaftState([update(R, { snapshot: snapshotRecord(9, 1) })]);
      const found = await bench.db.readRaftState(R.clusterID, R.nodeID, 0);
      for (const what of ['a record alone', 'a record alone, after reopen']) {
        await checkState(bench.db, R, found === undefined ? undefined : state(0, 0, 0), what);
        await checkSnapshots(bench.db, R, [snapshotRecord(9, 1)], what);
        await bench.reopen();
      }
    },
  },
];
