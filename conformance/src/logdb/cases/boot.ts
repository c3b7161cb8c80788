import { checkBootstrap, checkLog, checkNodes, checkNothing } from '../check.js';
import { MAX_ID, R, bootstrap, entries, replica, state, update } from '../make.js';
import type { LogDBCase } from './logdb-case.js';

const SETTINGS = { orderedConfigChange: true, lruMaxSessionCount: 2 ** 32 - 1, isFinal: true };
const LOST = { index: MAX_ID, term: 3, leaderID: MAX_ID };

export const BOOT_CASES: readonly LogDBCase[] = [
  {
    id: 'LDB-BOOT-1',
    title: 'an empty LogDB knows no replica, and says so without an error',
    run: async ({ db }) => {
      await checkNodes(db, [], 'empty');
      await checkNothing(db, R, 'empty');
    },
  },
  {
    id: 'LDB-BOOT-2',
    title: 'bootstrap info is read back as saved, and is durable',
    run: async (bench) => {
      const initial = bootstrap([1, 2, MAX_ID]);
      const joined = { ...bootstrap([], true), groupID: 2 ** 52 - 1, settings: SETTINGS, lost: LOST };
      await bench.db.saveBootstrapInfo(7, 3, initial);
      await bench.db.saveBootstrapInfo(8, MAX_ID, joined);
      await checkBootstrap(bench.db, R, initial, 'initial member');
      await bench.reopen();
      await checkBootstrap(bench.db, R, initial, 'initial member, after reopen');
      await checkBootstrap(bench.db, replica(8, MAX_ID), joined, 'joined node, after reopen');
    },
  },
  {
    id: 'LDB-BOOT-3',
    title: 'listNodeInfo gives the replicas with bootstrap info, and no others',
    run: async (bench) => {
      const nodes = [replica(1, 11), replica(11, 1), replica(MAX_ID, MAX_ID), replica(1, 2 ** 32)];
      for (const { clusterID, nodeID } of nodes) {
        await bench.db.saveBootstrapInfo(clusterID, nodeID, bootstrap([nodeID]));
      }
      await bench.db.saveRaftState([update(R, { state: state(1, 1, 0), entries: entries(1, 3, 1) })]);
      await checkNodes(bench.db, nodes, 'four replicas');
      await bench.reopen();
      await checkNodes(bench.db, nodes, 'four replicas, after reopen');
    },
  },
  {
    id: 'LDB-BOOT-4',
    title: 'bootstrap info that is saved again replaces what was there, and nothing else',
    run: async (bench) => {
      await bench.db.saveBootstrapInfo(7, 3, bootstrap([1, 2, 5]));
      await bench.db.saveBootstrapInfo(7, 3, bootstrap([2, 9]));
      await checkBootstrap(bench.db, R, bootstrap([2, 9]), 'other members');
      await bench.db.saveBootstrapInfo(7, 3, bootstrap([], true));
      await bench.db.saveRaftState([update(R, { state: state(1, 2, 0), entries: entries(1, 3, 1) })]);
      const known = { ...bootstrap([], true), groupID: 41 };
      await Promise.all([
        bench.db.saveBootstrapInfo(7, 3, known),
        bench.db.saveRaftState([update(R, { state: state(1, 2, 1), entries: entries(4, 5, 1) })]),
      ]);
      await bench.reopen();
      await checkBootstrap(bench.db, R, known, 'saved again, after reopen');
      await checkNodes(bench.db, [R], 'saved again, after reopen');
      await checkLog(bench.db, R, entries(1, 5, 1), 'saved again, after reopen');
    },
  },
];
