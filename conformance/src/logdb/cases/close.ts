import { hasErrorCode } from '@drakkar/raftio';
import { fail, rejectsWith, same, truth } from '../../suite/assert.js';
import { Watched, eventually } from '../../suite/wait.js';
import { checkLog, checkState } from '../check.js';
import type { LogDBBench } from '../harness.js';
import { everyCall } from '../every-call.js';
import { R, entries, state, update } from '../make.js';
import type { LogDBCase } from './logdb-case.js';

const REOPENINGS = 20;

export const CLOSE_CASES: readonly LogDBCase[] = [
  {
    id: 'LDB-CLOSE-1',
    title: 'close is idempotent, also when its calls overlap',
    run: async ({ db }) => {
      const calls = [new Watched(db.close()), new Watched(db.close())];
      await eventually(() => calls.every(({ settled }) => settled), 'overlapping calls of close settle');
      calls.push(new Watched(db.close()));
      await eventually(() => calls.every(({ settled }) => settled), 'close of a closed LogDB settles');
      for (const [i, call] of calls.entries()) same(call.state, 'resolved', `call ${i + 1} of close`);
    },
  },
  {
    id: 'LDB-CLOSE-2',
    title: 'every call after close rejects with ERR_LOGDB_CLOSED',
    run: async (bench) => {
      const { db } = bench;
      await db.saveRaftState([update(R, { entries: entries(1, 1, 1) })]);
      await bench.close();
      for (const [name, call] of Object.entries(everyCall(db))) {
        await rejectsWith(call(), 'ERR_LOGDB_CLOSED', `${name} after close`);
      }
    },
  },
  {
    id: 'LDB-CLOSE-3',
    title: 'close waits for what is in flight',
    run: async (bench) => {
      const saves: Watched<void>[] = [];
      for (let index = 1; index <= 30; index++) {
        const one = update(R, { state: state(1, 1, index), entries: entries(index, index, 1) });
        saves.push(new Watched(bench.db.saveRaftState([one])));
      }
      await bench.close();
      await eventually(() => saves.every(({ settled }) => settled), 'saves called before close settle');
      truth(
        saves.every((save) => save.state === 'resolved'),
        'a save called before close was rejected',
      );
      await bench.open();
      await checkLog(bench.db, R, entries(1, 30, 1), 'saved while closing');
      await checkState(bench.db, R, state(1, 1, 30), 'saved while closing');
    },
  },
  {
    id: 'LDB-CLOSE-4',
    title: 'a closed LogDB releases its files: the place opens again at once, again and again',
    run: async (bench) => {
      for (let round = 1; round <= REOPENINGS; round++) {
        await bench.db.saveRaftState([update(R, { entries: entries(round, round, 1) })]);
        await bench.reopen();
      }
      await checkLog(bench.db, R, entries(1, REOPENINGS, 1), `after ${REOPENINGS} reopenings`);
    },
    deadlineMs: 30_000,
  },
];

const OPENINGS = 4;
const SAVED_BYTES = 300_000;

/** Saves without a pause, so that something is half written whenever another process looks at the place. */
async function checkLocked(bench: LogDBBench): Promise<void> {
  const { place, db } = bench;
  let last = 0;
  let isOver = false;
  const saves = (async () => {
    for (; !isOver; last++) {
      await db.saveRaftState([update(R, { entries: entries(last + 1, last + 1, 1, SAVED_BYTES) })]);
      if (last % 64 === 63) await db.removeEntriesTo(R.clusterID, R.nodeID, last - 8);
      if (last % 64 === 63) await db.compactEntriesTo(R.clusterID, R.nodeID, last - 8);
    }
  })();
  saves.catch(() => undefined);
  try {
    for (let opening = 0; opening < OPENINGS; opening++) {
      const second = place.openElsewhere === undefined ? place.open() : place.openElsewhere();
      const closed = second.then((other) => other.close());
      await rejectsWith(closed, 'ERR_LOGDB_LOCKED', 'a second opening');
    }
  } finally {
    isOver = true;
  }
  await saves;
  await bench.reopen();
  const kept = entries(Math.max(1, last - 7), last, 1, SAVED_BYTES);
  await checkLog(bench.db, R, kept, 'what was saved while others were refused');
}

export const OPEN_CASES: readonly LogDBCase[] = [
  {
    id: 'LDB-OPEN-1',
    title: 'the adapter has a name, the same each time',
    run: async (bench) => {
      const { name } = bench.db;
      truth(/^[a-z][a-z0-9-]*$/.test(name), `name "${name}" is not a short lower-case word`);
      const again = await bench.reopen();
      same(again.name, name, 'name after reopen');
    },
  },
  {
    id: 'LDB-OPEN-2',
    title: 'a place that is open is refused to others with ERR_LOGDB_LOCKED, and not disturbed by them',
    requires: 'exclusiveOpen',
    run: checkLocked,
    deadlineMs: 60_000,
    otherwise: async ({ place }) => {
      const second = place.openElsewhere === undefined ? place.open() : place.openElsewhere();
      try {
        await (await second).close();
      } catch (error) {
        if (hasErrorCode(error, 'ERR_LOGDB_LOCKED')) {
          fail('a second opening is refused with ERR_LOGDB_LOCKED: declare `exclusiveOpen`');
        }
      }
    },
  },
];
