import { type NodeInfo, makeEntry } from '@drakkar/raftio';
import { SeededRandom } from '../../suite/random.js';
import { checkExtent, checkLog, checkRange, checkState } from '../check.js';
import type { LogDBBench } from '../harness.js';
import { MAX_ID, R, entries, entry, replica, state, update } from '../make.js';
import type { LogDBCase } from './logdb-case.js';

const MIB = 1024 * 1024;
const LARGEST_COMMAND_BYTES = 32 * MIB;
/** More than 16 bits can count. */
const MANY = 65_536;

/** Sizes up to the bounds of the contract. */
export const BOUNDS_CASES: readonly LogDBCase[] = [
  {
    id: 'LDB-SAVE-10',
    title: 'a command of 32 MiB, and a call with more than one of that size, are kept',
    run: async (bench) => {
      const random = new SeededRandom(bench.seed);
      const largest = entry(1, 1, LARGEST_COMMAND_BYTES - random.between(0, 1) * random.between(1, 4096));
      const log = [largest, entry(2, 1, random.between(1, 8 * MIB)), entry(3, 1)];
      await bench.db.saveRaftState([update(R, { entries: log })]);
      await checkLog(bench.db, R, log, 'a large call');
      await bench.reopen();
      await checkLog(bench.db, R, log, 'a large call, after reopen');
    },
    deadlineMs: 60_000,
  },
  {
    id: 'LDB-SAVE-11',
    title: 'a call may have more than 65,536 entries',
    run: async (bench) => {
      const count = MANY + new SeededRandom(bench.seed).between(1, 3000);
      const log = Array.from({ length: count }, (_, i) => makeEntry({ index: i + 1, term: 3, key: i }));
      await bench.db.saveRaftState([update(R, { entries: log })]);
      for (const what of ['many entries', 'many entries, after reopen']) {
        await checkLog(bench.db, R, log, what);
        await checkRange(bench.db, R, { low: MANY, high: MANY + 3 }, log.slice(MANY - 1, MANY + 2), what);
        await bench.reopen();
      }
    },
    deadlineMs: 60_000,
  },
];

const SAVES = 160;
const CALL_BYTES = 48 * 1024;
const LONG_TAIL_FROM = 9;

async function saveLong({ db }: LogDBBench, of: NodeInfo): Promise<void> {
  for (let index = 1; index <= SAVES; index++) {
    await db.saveRaftState([
      update(of, { state: state(1, 1, index), entries: entries(index, index, 1, CALL_BYTES) }),
    ]);
  }
}

/** A log that takes up many files, segments or levels, whatever they are. */
export const LONG_LOG: LogDBCase = {
  id: 'LDB-SAVE-12',
  title: 'a log of many MiB and calls is kept, over several reopenings with calls between them',
  run: async (bench) => {
    const idle = replica(3, 1);
    await bench.db.saveRaftState([update(idle, { state: state(4, 2, 1), entries: entries(1, 2, 4) })]);
    await saveLong(bench, R);
    for (let round = 1; round <= 3; round++) {
      const what = `a long log after ${round} reopenings`;
      await bench.reopen();
      await bench.db.saveRaftState([update(replica(9, 9), { entries: entries(round, round, 1) })]);
      await checkLog(bench.db, R, entries(1, SAVES, 1, CALL_BYTES), what);
      await checkState(bench.db, R, state(1, 1, SAVES), what);
      await checkLog(bench.db, idle, entries(1, 2, 4), what);
    }
    await checkLog(bench.db, replica(9, 9), entries(1, 3, 1), 'what was saved between the reopenings');
  },
  deadlineMs: 60_000,
};

export const LONG_TAIL: LogDBCase = {
  id: 'LDB-TAIL-8',
  title: 'an overwrite far back deletes a long tail, wherever it lies',
  run: async (bench) => {
    await saveLong(bench, R);
    await bench.db.saveRaftState([update(R, { entries: entries(LONG_TAIL_FROM, LONG_TAIL_FROM, 2) })]);
    const log = [
      ...entries(1, LONG_TAIL_FROM - 1, 1, CALL_BYTES),
      ...entries(LONG_TAIL_FROM, LONG_TAIL_FROM, 2),
    ];
    for (const what of ['overwritten far back', 'overwritten far back, after reopen']) {
      await checkLog(bench.db, R, log, what);
      await checkExtent(bench.db, R, LONG_TAIL_FROM, undefined, `${what}, above the end`);
      await checkRange(bench.db, R, { low: SAVES - 1, high: SAVES + 5 }, [], `${what}, above the end`);
      await bench.reopen();
    }
  },
  deadlineMs: 60_000,
};

const LIMITS_BYTES = [2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 40, MAX_ID];

export const LIMIT_CASES: readonly LogDBCase[] = [
  {
    id: 'LDB-ITER-8',
    title: 'maxSizeBytes may be anything from 0 to 2^53-1',
    run: async (bench) => {
      await bench.db.saveRaftState([update(R, { entries: entries(1, 40, 1, 500) })]);
      const range = { low: 1, high: 41 };
      for (const maxSizeBytes of LIMITS_BYTES) {
        await checkRange(
          bench.db,
          R,
          { ...range, maxSizeBytes },
          entries(1, 40, 1, 500),
          `at most ${maxSizeBytes}`,
        );
      }
      await checkRange(bench.db, R, { ...range, maxSizeBytes: 0 }, entries(1, 1, 1, 500), 'at most 0');
    },
  },
];
