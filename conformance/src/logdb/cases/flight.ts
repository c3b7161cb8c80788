import type { Entry, Update } from '@drakkar/raftio';
import { fail, same, truth } from '../../suite/assert.js';
import { SeededRandom } from '../../suite/random.js';
import { sameEntries } from '../../suite/raftpb.js';
import { turn, within } from '../../suite/wait.js';
import { checkBootstrap, checkLog, checkSnapshots, checkState } from '../check.js';
import type { LogDBBench } from '../harness.js';
import { R, bootstrap, entries, replica, snapshotRecord, state, update } from '../make.js';
import { spoilBootstrap, spoilEntries, spoilSnapshot } from '../spoil.js';
import type { LogDBCase } from './logdb-case.js';

const MIB = 1024 * 1024;
const NO_LIMIT = 1 << 30;
/** Few enough for other calls to come to pass meanwhile. */
const READS = 4;
const LOG_ENTRIES = 32;
const ENTRY_BYTES = 700 * 1024;

/** A log of many MiB, in many calls, so that it lies in many places. */
async function saveMuch({ db }: LogDBBench, besides?: (index: number) => Update): Promise<Entry[]> {
  const log = entries(1, LOG_ENTRIES, 2, ENTRY_BYTES);
  for (const each of log) {
    const one = update(R, { state: state(2, 1, each.index), entries: [each] });
    await db.saveRaftState([one, ...(besides === undefined ? [] : [besides(each.index)])]);
  }
  return log;
}

/** Reads of nearly the whole log, all under way at once, each to be compared. */
function startReads({ db, seed }: LogDBBench, log: readonly Entry[]): (() => Promise<void>)[] {
  const random = new SeededRandom(seed);
  return Array.from({ length: READS }, () => {
    const low = random.between(1, 4);
    const high = LOG_ENTRIES + random.between(-2, 1);
    const read = db.iterateEntries(R.clusterID, R.nodeID, low, high, NO_LIMIT);
    read.catch(() => undefined);
    return async () => {
      const slice = await within(read, 20_000, `the read of [${low}, ${high})`);
      sameEntries(
        slice.entries,
        log.slice(low - 1, high - 1),
        `read of [${low}, ${high}) that was in flight`,
      );
    };
  });
}

const NEIGHBOUR = replica(8, 2);
const READERS = 6;

/** Reads a neighbour whose entries lie between those that are compacted, until that is done. */
async function readMeanwhile(
  { db }: LogDBBench,
  log: readonly Entry[],
  compaction: Promise<void>,
): Promise<void> {
  let isOver = false;
  const over = compaction.finally(() => (isOver = true));
  over.catch(() => undefined);
  const reader = async (): Promise<void> => {
    do {
      // Reads of a store that answers at once must not keep others from their turn.
      await turn();
      const slice = await db.iterateEntries(
        NEIGHBOUR.clusterID,
        NEIGHBOUR.nodeID,
        1,
        log.length + 1,
        NO_LIMIT,
      );
      sameEntries(slice.entries, log, 'read of a neighbour while entries are compacted');
    } while (!isOver);
  };
  await Promise.all([over, ...Array.from({ length: READERS }, reader)]);
}

export const READ_IN_FLIGHT_COMPACT: LogDBCase = {
  id: 'LDB-COMPACT-4',
  title: 'reads in flight when entries are removed and compacted give what was there when they were called',
  run: async (bench) => {
    const { db } = bench;
    const neighbours = entries(1, LOG_ENTRIES, 5, 200);
    const log = await saveMuch(bench, (index) =>
      update(NEIGHBOUR, { entries: neighbours.slice(index - 1, index) }),
    );
    const reads = startReads(bench, log);
    const removed = db.removeEntriesTo(R.clusterID, R.nodeID, LOG_ENTRIES);
    const compaction = db.compactEntriesTo(R.clusterID, R.nodeID, LOG_ENTRIES);
    await readMeanwhile(bench, neighbours, compaction);
    for (const read of reads) await read();
    await removed;
  },
  deadlineMs: 60_000,
};

export const READ_IN_FLIGHT_CLOSE: LogDBCase = {
  id: 'LDB-CLOSE-5',
  title: 'close waits for reads and compactions in flight, too',
  run: async (bench) => {
    const reads = startReads(bench, await saveMuch(bench));
    const compaction = bench.db.compactEntriesTo(R.clusterID, R.nodeID, 1);
    compaction.catch(() => undefined);
    await bench.close();
    for (const read of reads) await read();
    await within(compaction, 1000, 'a compaction called before close');
  },
  deadlineMs: 60_000,
};

/** The last one is small. */
const UNEQUAL = 24;

export const UNEQUAL_SAVES: LogDBCase = {
  id: 'LDB-CONC-4',
  title: 'the order called holds between saves of very different sizes, too',
  run: async (bench) => {
    const random = new SeededRandom(bench.seed);
    const calls: Promise<void>[] = [];
    let last = entries(1, 1, 1);
    for (let term = 1; term <= UNEQUAL; term++) {
      const isLarge = term < UNEQUAL && (term % 2 === 1 || random.chance(20));
      const count = random.between(1, 3);
      last = entries(1, count, term, isLarge ? random.between(MIB, 2 * MIB) : random.between(0, 64));
      const given = last.map((each) => each);
      calls.push(bench.db.saveRaftState([update(R, { state: state(term, 0, 0), entries: given })]));
    }
    await Promise.all(calls);
    for (const what of ['unequal saves', 'unequal saves, after reopen']) {
      await checkState(bench.db, R, state(UNEQUAL, 0, 0), what);
      await checkLog(bench.db, R, last, what);
      await bench.reopen();
    }
  },
  deadlineMs: 60_000,
};

export const SPOILT_READS: LogDBCase = {
  id: 'LDB-ARGS-4',
  title: 'what a read gave may be changed by the caller, and no other read shows it',
  run: async (bench) => {
    const { db } = bench;
    await db.saveBootstrapInfo(R.clusterID, R.nodeID, bootstrap([1, 2]));
    await db.saveSnapshots([update(R, { snapshot: snapshotRecord(4, 2) })]);
    await db.saveRaftState([update(R, { state: state(2, 1, 3), entries: entries(1, 6, 2, 300) })]);
    for (let round = 1; round <= 3; round++) {
      const what = `read for the ${round}. time`;
      await checkBootstrap(db, R, bootstrap([1, 2]), what);
      await checkState(db, R, state(2, 1, 3), what);
      await checkLog(db, R, entries(1, 6, 2, 300), what);
      await checkSnapshots(db, R, [snapshotRecord(4, 2)], what);
      spoilEntries((await db.iterateEntries(R.clusterID, R.nodeID, 1, 7, NO_LIMIT)).entries);
      for (const each of await db.listSnapshots(R.clusterID, R.nodeID, 100)) spoilSnapshot(each);
      spoilBootstrap((await db.getBootstrapInfo(R.clusterID, R.nodeID)) ?? fail('no bootstrap info'));
      const found = (await db.readRaftState(R.clusterID, R.nodeID, 0)) ?? fail('no state');
      Object.assign(found.state, { term: 99, vote: 99, commit: 99 });
      for (const each of await db.listNodeInfo()) Object.assign(each, { clusterID: 99, nodeID: 99 });
      same((await db.listNodeInfo())[0]?.clusterID, R.clusterID, `${what}: listNodeInfo`);
    }
  },
};

/** Open files beyond those that the place consists of. */
const SPARE_HANDLES = 24;

export const HANDLES: LogDBCase = {
  id: 'LDB-CLOSE-6',
  title: 'files are not kept open beyond need, and none after close',
  run: async (bench) => {
    const { place } = bench;
    await saveMuch(bench);
    for (let read = 0; read < 4 * LOG_ENTRIES; read++) {
      const index = 1 + (read % LOG_ENTRIES);
      await bench.db.iterateEntries(R.clusterID, R.nodeID, index, index + 1, NO_LIMIT);
    }
    await bench.db.removeEntriesTo(R.clusterID, R.nodeID, LOG_ENTRIES - 2);
    await bench.db.compactEntriesTo(R.clusterID, R.nodeID, LOG_ENTRIES - 2);
    const open = await place.openFiles?.();
    if (open !== undefined) {
      const most = open.there + SPARE_HANDLES;
      truth(open.handles <= most, `${open.handles} files are open, of a place that has ${open.there}`);
    }
    await bench.close();
    const left = await place.openFiles?.();
    same(left?.handles ?? 0, 0, 'files that are open after close');
  },
};
