import { fail, same, sameMap } from '../../suite/assert.js';
import { sameEntries, sameSnapshot } from '../../suite/raftpb.js';
import { checkBootstrap, checkLog, checkSnapshots } from '../check.js';
import { R, bootstrap, entries, replica, snapshotRecord, state, update } from '../make.js';
import { spoilUpdates } from '../spoil.js';
import type { LogDBCase } from './logdb-case.js';

export const ARGS_CASES: readonly LogDBCase[] = [
  {
    id: 'LDB-ARGS-1',
    title: 'arguments are not modified',
    run: async ({ db }) => {
      const given = bootstrap([1, 2]);
      await db.saveBootstrapInfo(7, 3, given);
      sameMap(given.addresses, bootstrap([1, 2]).addresses, 'addresses given to saveBootstrapInfo');
      const of = replica(7, 3);
      const log = entries(1, 6, 2);
      const record = snapshotRecord(4, 2);
      const one = update(of, { state: state(2, 1, 3), entries: log, snapshot: record });
      const updates = [one, update(replica(1, 1), { entries: entries(1, 2, 1) })];
      await db.saveRaftState(updates);
      await db.saveSnapshots(updates);
      await db.importSnapshot(record, of);
      same(updates.length, 2, 'number of updates given');
      same(updates[0], one, 'first of the updates given');
      same(one.entriesToSave, log, 'entries of the update given');
      sameEntries(log, entries(1, 6, 2), 'entries given');
      same(one.snapshot, record, 'snapshot of the update given');
      sameSnapshot(record, snapshotRecord(4, 2), 'snapshot given');
      same(one.state?.commit, 3, 'commit given');
      same(`${of.clusterID}/${of.nodeID}`, '7/3', 'replica given to importSnapshot');
    },
  },
  {
    id: 'LDB-ARGS-2',
    title: 'arguments are not read any more once the call has settled',
    run: async (bench) => {
      const given = bootstrap([1, 2]);
      await bench.db.saveBootstrapInfo(7, 3, given);
      given.addresses.set(1, 'spoilt');
      const updates = [
        update(R, { state: state(2, 1, 3), entries: entries(1, 6, 2, 3000), snapshot: snapshotRecord(4, 2) }),
      ];
      await bench.db.saveRaftState(updates);
      spoilUpdates(updates);
      for (const what of ['spoilt', 'spoilt, after reopen']) {
        await checkBootstrap(bench.db, R, bootstrap([1, 2]), what);
        await checkLog(bench.db, R, entries(1, 6, 2, 3000), what);
        await checkSnapshots(bench.db, R, [snapshotRecord(4, 2)], what);
        await bench.reopen();
      }
    },
  },
  {
    id: 'LDB-ARGS-3',
    title: 'what was read stays as it was, whatever is called afterwards',
    run: async (bench) => {
      const { db } = bench;
      await db.saveRaftState([
        update(R, { entries: entries(1, 6, 2, 3000), snapshot: snapshotRecord(4, 2) }),
        update(replica(8, 1), { entries: entries(1, 6, 9, 3000), snapshot: snapshotRecord(4, 9) }),
      ]);
      const { entries: read } = await db.iterateEntries(R.clusterID, R.nodeID, 1, 7, 1 << 20);
      const [record] = await db.listSnapshots(R.clusterID, R.nodeID, 100);
      await db.iterateEntries(8, 1, 1, 7, 1 << 20);
      await db.listSnapshots(8, 1, 100);
      await db.saveRaftState([update(R, { entries: entries(1, 6, 5, 3000) })]);
      await db.removeEntriesTo(R.clusterID, R.nodeID, 6);
      await db.compactEntriesTo(R.clusterID, R.nodeID, 6);
      await db.removeNodeData(R.clusterID, R.nodeID);
      await db.saveRaftState([update(replica(9, 1), { entries: entries(1, 40, 7, 3000) })]);
      await bench.close();
      sameEntries(read, entries(1, 6, 2, 3000), 'entries read earlier');
      sameSnapshot(record ?? fail('no snapshot read'), snapshotRecord(4, 2), 'snapshot read earlier');
    },
  },
];
