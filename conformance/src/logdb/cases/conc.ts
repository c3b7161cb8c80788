import { fail, same } from '../../suite/assert.js';
import { sameEntries } from '../../suite/raftpb.js';
import { checkLog, checkState } from '../check.js';
import { R, bootstrap, entries, replica, state, update } from '../make.js';
import type { LogDBCase } from './logdb-case.js';

export const CONC_CASES: readonly LogDBCase[] = [
  {
    id: 'LDB-CONC-1',
    title: 'overlapping saves of one replica take effect in the order called',
    run: async (bench) => {
      const calls: Promise<void>[] = [];
      const lengthOf = (term: number): number => ((term * 7) % 11) + 1;
      for (let term = 1; term <= 60; term++) {
        calls.push(
          bench.db.saveRaftState([
            update(R, { state: state(term, 0, 0), entries: entries(1, lengthOf(term), term) }),
            update(replica(100 + term, 1), { state: state(term, 1, 1) }),
          ]),
        );
      }
      await Promise.all(calls);
      await bench.reopen();
      await checkState(bench.db, R, state(60, 0, 0), 'last of 60 overlapping saves');
      await checkLog(bench.db, R, entries(1, lengthOf(60), 60), 'last of 60 overlapping saves');
    },
  },
  {
    id: 'LDB-CONC-2',
    title: 'overlapping saves of many replicas are all kept',
    run: async (bench) => {
      const nodes = Array.from({ length: 48 }, (_, i) => replica((i % 16) + 1, Math.floor(i / 16) + 1));
      const calls: Promise<void>[] = [];
      for (let batch = 0; batch < 5; batch++) {
        for (const each of nodes) {
          const log = entries(batch * 4 + 1, batch * 4 + 4, each.clusterID);
          calls.push(
            bench.db.saveRaftState([update(each, { state: state(each.clusterID, 1, batch), entries: log })]),
          );
        }
      }
      await Promise.all(calls);
      await bench.reopen();
      for (const each of nodes) {
        const what = `replica ${each.clusterID}/${each.nodeID}`;
        await checkLog(bench.db, each, entries(1, 20, each.clusterID), what);
        await checkState(bench.db, each, state(each.clusterID, 1, 4), what);
      }
    },
  },
  {
    id: 'LDB-CONC-3',
    title: 'overlapping calls of different kinds for one replica take effect in the order called, reads too',
    run: async (bench) => {
      const { db } = bench;
      const { clusterID, nodeID } = R;
      const calls = [
        db.saveBootstrapInfo(clusterID, nodeID, bootstrap([1])),
        db.saveRaftState([update(R, { state: state(1, 1, 1), entries: entries(1, 30, 1) })]),
        db.removeNodeData(clusterID, nodeID),
        db.saveRaftState([update(R, { state: state(2, 1, 1), entries: entries(1, 20, 2) })]),
        db.removeEntriesTo(clusterID, nodeID, 5),
      ];
      const first = db.iterateEntries(clusterID, nodeID, 6, 40, 1 << 20);
      calls.push(db.saveRaftState([update(R, { state: state(3, 1, 1), entries: entries(10, 12, 3) })]));
      const second = db.readRaftState(clusterID, nodeID, 0);
      const third = db.getBootstrapInfo(clusterID, nodeID);
      await Promise.all([...calls, first, second, third]);
      sameEntries((await first).entries, entries(6, 20, 2), 'read between two saves');
      const raftState = (await second) ?? fail('readRaftState called after a save gave undefined');
      same(raftState.state.term, 3, 'term read after the last save');
      same(raftState.firstIndex, 6, 'firstIndex read after the last save');
      same(raftState.entryCount, 7, 'entryCount read after the last save');
      same(await third, undefined, 'bootstrap info read after removeNodeData');
    },
  },
];
