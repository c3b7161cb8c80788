import type { NodeInfo } from '@drakkar/raftio';
import {
  checkBootstrap,
  checkExtent,
  checkLog,
  checkNodes,
  checkNothing,
  checkSnapshots,
  checkState,
} from '../check.js';
import type { LogDBBench } from '../harness.js';
import { MAX_ID, R, bootstrap, entries, replica, snapshotRecord, state, update } from '../make.js';
import type { LogDBCase } from './logdb-case.js';

/** Gives the replica one of everything, told apart by `mark`. */
async function fill({ db }: LogDBBench, of: NodeInfo, mark: number): Promise<void> {
  await db.saveBootstrapInfo(of.clusterID, of.nodeID, bootstrap([mark]));
  await db.saveRaftState([
    update(of, {
      state: state(mark, 1, mark),
      entries: entries(1, 8, mark),
      snapshot: snapshotRecord(3, mark),
    }),
  ]);
}

async function checkFilled({ db }: LogDBBench, of: NodeInfo, mark: number): Promise<void> {
  const what = `replica ${of.clusterID}/${of.nodeID}`;
  await checkBootstrap(db, of, bootstrap([mark]), what);
  await checkState(db, of, state(mark, 1, mark), what);
  await checkLog(db, of, entries(1, 8, mark), what);
  await checkSnapshots(db, of, [snapshotRecord(3, mark)], what);
}

/** Ids that are easily mixed up by keys that join them without care. */
const NEIGHBOURS: readonly NodeInfo[] = [
  replica(1, 11),
  replica(11, 1),
  replica(1, 1),
  replica(11, 11),
  replica(1, 111),
  replica(111, 1),
  replica(255, 256),
  replica(256, 255),
  replica(1, 2 ** 32),
  replica(1, 2 ** 32 + 1),
  replica(2 ** 32, 1),
  replica(MAX_ID, 1),
  replica(MAX_ID - 1, 1),
  replica(1, MAX_ID),
  replica(MAX_ID, MAX_ID),
];

async function fillNeighbours(bench: LogDBBench): Promise<void> {
  for (const [i, of] of NEIGHBOURS.entries()) await fill(bench, of, i + 1);
}

export const NODE_CASES: readonly LogDBCase[] = [
  {
    id: 'LDB-NODE-1',
    title: 'removeNodeData removes everything of the replica, durably',
    run: async (bench) => {
      await fill(bench, R, 5);
      await checkFilled(bench, R, 5);
      await bench.db.removeNodeData(R.clusterID, R.nodeID);
      for (const what of ['removed', 'removed, after reopen']) {
        await checkNothing(bench.db, R, what);
        await checkNodes(bench.db, [], what);
        await bench.reopen();
      }
    },
  },
  {
    id: 'LDB-NODE-2',
    title: 'replicas with similar ids, up to 2^53-1, are kept apart',
    run: async (bench) => {
      await fillNeighbours(bench);
      await bench.reopen();
      for (const [i, of] of NEIGHBOURS.entries()) await checkFilled(bench, of, i + 1);
    },
  },
  {
    id: 'LDB-NODE-3',
    title: 'removeNodeData leaves neighbours alone',
    run: async (bench) => {
      await fillNeighbours(bench);
      for (const { clusterID, nodeID } of NEIGHBOURS.filter((_, i) => i % 2 === 0)) {
        await bench.db.removeNodeData(clusterID, nodeID);
      }
      await bench.reopen();
      for (const [i, of] of NEIGHBOURS.entries()) {
        if (i % 2 !== 0) await checkFilled(bench, of, i + 1);
      }
      const rest = NEIGHBOURS.filter((_, i) => i % 2 !== 0);
      await checkNodes(bench.db, rest, 'those that stay');
    },
  },
  {
    id: 'LDB-NODE-4',
    title:
      'a removed replica may be created again and gets nothing of the old one; an unknown one may be removed',
    run: async (bench) => {
      await bench.db.removeNodeData(99, 1);
      await fill(bench, R, 5);
      await bench.db.removeEntriesTo(R.clusterID, R.nodeID, 6);
      await bench.db.removeNodeData(R.clusterID, R.nodeID);
      await bench.db.saveBootstrapInfo(R.clusterID, R.nodeID, bootstrap([6]));
      await bench.db.saveRaftState([update(R, { state: state(1, 2, 0), entries: entries(1, 2, 1) })]);
      await bench.reopen();
      await checkBootstrap(bench.db, R, bootstrap([6]), 'created again');
      await checkState(bench.db, R, state(1, 2, 0), 'created again');
      await checkLog(bench.db, R, entries(1, 2, 1), 'created again');
      await checkSnapshots(bench.db, R, [], 'created again');
      for (const what of ['removed and saved again', 'imported and saved again']) {
        await bench.db.saveRaftState([update(R, { state: state(1, 2, 0), entries: entries(2, 3, 1) })]);
        await bench.db.removeNodeData(R.clusterID, R.nodeID);
        if (what.startsWith('imported')) await bench.db.importSnapshot(snapshotRecord(1, 7), R);
        // The very same as before: what was remembered of the old replica must not make it look stored.
        await bench.db.saveRaftState([update(R, { state: state(1, 2, 0), entries: entries(2, 3, 1) })]);
        await bench.reopen();
        await checkState(bench.db, R, state(1, 2, 0), what);
        await checkLog(bench.db, R, entries(2, 3, 1), what);
      }
    },
  },
];

export const IMPORT_CASES: readonly LogDBCase[] = [
  {
    id: 'LDB-IMPORT-1',
    title: 'importSnapshot replaces everything of the replica by the snapshot, durably',
    run: async (bench) => {
      await fill(bench, R, 5);
      const record = snapshotRecord(2, 4);
      await bench.db.importSnapshot(record, R);
      for (const what of ['imported', 'imported, after reopen']) {
        await checkBootstrap(bench.db, R, bootstrap([], true), what);
        await checkState(bench.db, R, state(4, 0, 2), what);
        await checkExtent(bench.db, R, 0, undefined, what);
        await checkSnapshots(bench.db, R, [record], what);
        await bench.reopen();
      }
    },
  },
  {
    id: 'LDB-IMPORT-2',
    title: 'importSnapshot works for a replica that was never here, and the log goes on above it',
    run: async (bench) => {
      const record = snapshotRecord(1000, 9);
      await bench.db.importSnapshot(record, R);
      await checkNodes(bench.db, [R], 'imported');
      await bench.db.saveRaftState([
        update(R, { state: state(10, 1, 1000), entries: entries(1001, 1004, 10) }),
      ]);
      await bench.reopen();
      await checkLog(bench.db, R, entries(1001, 1004, 10), 'gone on');
      await checkSnapshots(bench.db, R, [record], 'gone on');
      await checkState(bench.db, R, state(10, 1, 1000), 'gone on');
    },
  },
  {
    id: 'LDB-IMPORT-3',
    title: 'importSnapshot leaves other replicas alone',
    run: async (bench) => {
      await fillNeighbours(bench);
      await bench.db.importSnapshot(snapshotRecord(77, 9), replica(11, 1));
      await bench.reopen();
      for (const [i, of] of NEIGHBOURS.entries()) {
        if (of.clusterID !== 11 || of.nodeID !== 1) await checkFilled(bench, of, i + 1);
      }
    },
  },
];
