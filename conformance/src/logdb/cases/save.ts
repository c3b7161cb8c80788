import {
  EntryType,
  FIRST_PROPOSAL_SERIES_ID,
  MAX_UINT64,
  REGISTER_SERIES_ID,
  UNREGISTER_SERIES_ID,
  makeEntry,
} from '@drakkar/raftio';
import { sameEntries } from '../../suite/raftpb.js';
import { checkLog, checkSnapshots, checkState } from '../check.js';
import { MAX_ID, R, entries, entry, replica, snapshotRecord, state, update } from '../make.js';
import type { LogDBCase } from './logdb-case.js';

const MIB = 1024 * 1024;

export const SAVE_CASES: readonly LogDBCase[] = [
  {
    id: 'LDB-SAVE-1',
    title: 'state and entries are read back as saved, and are durable',
    run: async (bench) => {
      const log = entries(1, 20, 2);
      await bench.db.saveRaftState([update(R, { state: state(2, 3, 11), entries: log })]);
      for (const what of ['saved', 'saved, after reopen']) {
        await checkState(bench.db, R, state(2, 3, 11), what);
        await checkLog(bench.db, R, log, what);
        await bench.reopen();
      }
    },
  },
  {
    id: 'LDB-SAVE-2',
    title: 'an update without a state leaves the stored one, one without entries leaves the log',
    run: async (bench) => {
      await bench.db.saveRaftState([update(R, { state: state(2, 3, 1), entries: entries(1, 4, 2) })]);
      await bench.db.saveRaftState([update(R, { entries: entries(5, 6, 2) })]);
      await checkState(bench.db, R, state(2, 3, 1), 'after entries alone');
      await bench.db.saveRaftState([update(R, { state: state(3, 0, 4) })]);
      await bench.reopen();
      await checkState(bench.db, R, state(3, 0, 4), 'after a state alone');
      await checkLog(bench.db, R, entries(1, 6, 2), 'after a state alone');
    },
  },
  {
    id: 'LDB-SAVE-3',
    title: 'the 64-bit fields of an entry are kept exactly, number or bigint',
    run: async (bench) => {
      const values = [0, 1, 2 ** 32, MAX_ID, 2n ** 53n, 2n ** 63n, REGISTER_SERIES_ID, UNREGISTER_SERIES_ID];
      const log = values.map((value, i) =>
        makeEntry({
          index: i + 1,
          term: 1,
          key: value,
          clientID: values.at(-1 - i) ?? 0,
          seriesID: i === 0 ? FIRST_PROPOSAL_SERIES_ID : value,
          respondedTo: i === 0 ? MAX_UINT64 : value,
        }),
      );
      await bench.db.saveRaftState([update(R, { entries: log })]);
      await checkLog(bench.db, R, log, 'saved');
      await bench.reopen();
      await checkLog(bench.db, R, log, 'after reopen');
    },
  },
  {
    id: 'LDB-SAVE-4',
    title: 'the type of an entry and an empty cmd are kept',
    run: async (bench) => {
      const log = [
        makeEntry({ index: 1, term: 1 }),
        makeEntry({ index: 2, term: 1, type: EntryType.ConfigChangeEntry, cmd: new Uint8Array([0]) }),
        makeEntry({ index: 3, term: 1, cmd: new Uint8Array(0) }),
      ];
      await bench.db.saveRaftState([update(R, { entries: log })]);
      await bench.reopen();
      await checkLog(bench.db, R, log, 'after reopen');
    },
  },
  {
    id: 'LDB-SAVE-5',
    title: 'large commands and large batches are kept',
    run: async (bench) => {
      const log = [entry(1, 1, MIB + 1), entry(2, 1, 3 * MIB), ...entries(3, 40, 1, 64 * 1024), entry(41, 1)];
      await bench.db.saveRaftState([update(R, { entries: log })]);
      await bench.reopen();
      await checkLog(bench.db, R, log, 'after reopen');
    },
  },
  {
    id: 'LDB-SAVE-6',
    title: 'one call saves many replicas, each its own',
    run: async (bench) => {
      const nodes = Array.from({ length: 64 }, (_, i) => replica(i + 1, (i % 3) + 1));
      await bench.db.saveRaftState(
        nodes.map((of, i) =>
          update(of, { state: state(i + 1, 1, i), entries: entries(1, (i % 7) + 1, i + 1) }),
        ),
      );
      await bench.reopen();
      for (const [i, of] of nodes.entries()) {
        await checkState(bench.db, of, state(i + 1, 1, i), `replica ${i}`);
        await checkLog(bench.db, of, entries(1, (i % 7) + 1, i + 1), `replica ${i}`);
      }
    },
  },
  {
    id: 'LDB-SAVE-7',
    title: 'an empty call, and an update with nothing in it, change nothing',
    run: async (bench) => {
      await bench.db.saveRaftState([update(R, { state: state(2, 3, 1), entries: entries(1, 4, 2) })]);
      await bench.db.saveRaftState([]);
      await bench.db.saveRaftState([update(R)]);
      await bench.reopen();
      await checkState(bench.db, R, state(2, 3, 1), 'after empty calls');
      await checkLog(bench.db, R, entries(1, 4, 2), 'after empty calls');
      await bench.db.saveRaftState([update(replica(8, 8))]);
      await checkState(
        bench.db,
        replica(8, 8),
        undefined,
        'after an empty update of a replica that is not there',
      );
    },
  },
  {
    id: 'LDB-SAVE-8',
    title:
      'a snapshot record given with an update is stored along with it, and the log begins again behind it',
    run: async (bench) => {
      const record = snapshotRecord(30, 4);
      await bench.db.saveRaftState([update(R, { state: state(3, 0, 20), entries: entries(1, 50, 3) })]);
      await bench.db.saveRaftState([
        update(R, { state: state(4, 0, 30), entries: entries(31, 33, 4), snapshot: record }),
      ]);
      for (const what of ['saved', 'saved, after reopen']) {
        await checkSnapshots(bench.db, R, [record], what);
        await checkState(bench.db, R, state(4, 0, 30), what);
        await checkLog(bench.db, R, entries(31, 33, 4), what);
        await bench.reopen();
      }
      const newer = snapshotRecord(32, 5);
      await bench.db.saveRaftState([update(R, { state: state(5, 0, 32), snapshot: newer })]);
      for (const what of ['without entries', 'without entries, after reopen']) {
        await checkSnapshots(bench.db, R, [record, newer], what);
        await checkLog(bench.db, R, [], what);
        await bench.reopen();
      }
      await bench.db.saveRaftState([update(R, { entries: entries(33, 34, 5) })]);
      await bench.reopen();
      await checkLog(bench.db, R, entries(33, 34, 5), 'what follows');
    },
  },
  {
    id: 'LDB-SAVE-9',
    title: 'ids, indexes and terms up to 2^53-1 are kept exactly',
    run: async (bench) => {
      const of = replica(MAX_ID, MAX_ID - 1);
      const log = [MAX_ID - 3, MAX_ID - 2].map((index) => makeEntry({ index, term: MAX_ID }));
      await bench.db.saveRaftState([update(of, { state: state(MAX_ID, MAX_ID, MAX_ID - 2), entries: log })]);
      await bench.reopen();
      await checkState(bench.db, of, state(MAX_ID, MAX_ID, MAX_ID - 2), 'after reopen');
      const slice = await bench.db.iterateEntries(of.clusterID, of.nodeID, MAX_ID - 3, MAX_ID, 1 << 20);
      sameEntries(slice.entries, log, 'near 2^53');
    },
  },
];
