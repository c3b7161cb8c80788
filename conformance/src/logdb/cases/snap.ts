import type { Snapshot } from '@drakkar/raftio';
import { checkLog, checkSnapshots, checkState } from '../check.js';
import type { LogDBBench } from '../harness.js';
import { R, entries, replica, snapshotRecord, state, update } from '../make.js';
import type { LogDBCase } from './logdb-case.js';

async function saveRecords({ db }: LogDBBench, ...indexes: number[]): Promise<void> {
  for (const index of indexes) await db.saveSnapshots([update(R, { snapshot: snapshotRecord(index, 2) })]);
}

const records = (...indexes: number[]): Snapshot[] => indexes.map((index) => snapshotRecord(index, 2));

/** More than are read at a time. */
const MANY_RECORDS = 140;

export const SNAP_CASES: readonly LogDBCase[] = [
  {
    id: 'LDB-SNAP-1',
    title: 'a snapshot record is read back with every field, and is durable',
    run: async (bench) => {
      const bare: Snapshot = {
        ...snapshotRecord(12, 2),
        filepath: '',
        files: [],
        membership: { configChangeID: 0, addresses: new Map(), removed: new Map(), observers: new Map() },
      };
      await saveRecords(bench, 11);
      await bench.db.saveSnapshots([update(R, { snapshot: bare })]);
      for (const what of ['saved', 'saved, after reopen']) {
        await checkSnapshots(bench.db, R, [snapshotRecord(11, 2), bare], what);
        await bench.reopen();
      }
    },
  },
  {
    id: 'LDB-SNAP-2',
    title: 'listSnapshots gives those up to and including the index, oldest first',
    run: async (bench) => {
      await saveRecords(bench, 300, 9, 70_000, 10);
      await checkSnapshots(bench.db, R, records(9, 10, 300, 70_000), 'all');
      await checkSnapshots(bench.db, R, records(9, 10, 300), 'up to one of them', 300);
      await checkSnapshots(bench.db, R, records(9, 10), 'up to just before one', 299);
      await checkSnapshots(bench.db, R, [], 'below all', 8);
      const [many, count] = [replica(12, 1), MANY_RECORDS];
      for (let index = 1; index <= count; index++) {
        await bench.db.saveSnapshots([update(many, { snapshot: snapshotRecord(index, 2) })]);
      }
      const all = records(...Array.from({ length: count }, (_, i) => i + 1));
      await checkSnapshots(bench.db, many, all, 'very many');
      await checkSnapshots(bench.db, many, all.slice(0, -1), 'very many but the last', count - 1);
    },
  },
  {
    id: 'LDB-SNAP-3',
    title: 'deleteSnapshot removes that record alone, durably, and asks for nothing to be there',
    run: async (bench) => {
      await saveRecords(bench, 10, 20, 30);
      await bench.db.deleteSnapshot(R.clusterID, R.nodeID, 20);
      await bench.db.deleteSnapshot(R.clusterID, R.nodeID, 25);
      await bench.db.deleteSnapshot(99, 1, 10);
      for (const what of ['without 20', 'without 20, after reopen']) {
        await checkSnapshots(bench.db, R, records(10, 30), what);
        await bench.reopen();
      }
    },
  },
  {
    id: 'LDB-SNAP-4',
    title: 'saveSnapshots ignores the other fields of the updates',
    run: async (bench) => {
      await bench.db.saveRaftState([update(R, { state: state(2, 1, 3), entries: entries(1, 6, 2) })]);
      await bench.db.saveSnapshots([
        update(R, { state: state(9, 9, 9), entries: entries(3, 4, 9), snapshot: snapshotRecord(5, 2) }),
      ]);
      await bench.reopen();
      await checkState(bench.db, R, state(2, 1, 3), 'after saveSnapshots');
      await checkLog(bench.db, R, entries(1, 6, 2), 'after saveSnapshots');
    },
  },
  {
    id: 'LDB-SNAP-5',
    title: 'there is one record an index: storing it again replaces it',
    run: async (bench) => {
      await saveRecords(bench, 10);
      const again = { ...snapshotRecord(10, 2), filepath: '/another/path', fileSize: 1 };
      await bench.db.saveSnapshots([update(R, { snapshot: again })]);
      await bench.reopen();
      await checkSnapshots(bench.db, R, [again], 'stored again');
    },
  },
  {
    id: 'LDB-SNAP-6',
    title: 'one call stores the records of many replicas, and skips updates without one',
    run: async (bench) => {
      const nodes = Array.from({ length: 12 }, (_, i) => replica(i + 1, 1));
      const updates = nodes.map((of, i) =>
        update(of, i % 3 === 0 ? {} : { snapshot: snapshotRecord(i + 1, 2) }),
      );
      await bench.db.saveSnapshots(updates);
      await bench.reopen();
      for (const [i, of] of nodes.entries()) {
        await checkSnapshots(bench.db, of, i % 3 === 0 ? [] : records(i + 1), `replica ${i}`);
      }
    },
  },
];
