import type { NodeInfo } from '@drakkar/raftio';
import { notApplicable, truth } from '../../suite/assert.js';
import { within } from '../../suite/wait.js';
import { checkLog, checkState } from '../check.js';
import type { LogDBBench } from '../harness.js';
import { R, entries, replica, state, update } from '../make.js';
import type { LogDBCase } from './logdb-case.js';
import { saveTwo } from './remove.js';

const ROUND_ENTRIES = 64;
const ENTRY_BYTES = 16 * 1024;
const ROUND_BYTES = ROUND_ENTRIES * ENTRY_BYTES;
const ROUNDS = 8;

/** Saves a MiB of entries, in small calls. */
async function fill({ db }: LogDBBench, round: number): Promise<void> {
  const first = round * ROUND_ENTRIES + 1;
  for (let from = first; from < first + ROUND_ENTRIES; from += 16) {
    await db.saveRaftState([update(R, { entries: entries(from, from + 15, 1, ENTRY_BYTES) })]);
  }
}

async function removeAndCompact({ db }: LogDBBench, index: number): Promise<void> {
  await db.removeEntriesTo(R.clusterID, R.nodeID, index);
  await db.compactEntriesTo(R.clusterID, R.nodeID, index);
}

async function checkShrinks(bench: LogDBBench): Promise<void> {
  if (bench.place.usedBytes === undefined) notApplicable('the harness has no usedBytes');
  for (let round = 0; round < ROUNDS; round++) await fill(bench, round);
  const before = await bench.place.usedBytes();
  truth(before >= ROUNDS * ROUND_BYTES, `8 MiB of entries took ${before} bytes: usedBytes can't be right`);
  await removeAndCompact(bench, ROUNDS * ROUND_ENTRIES);
  await bench.reopen();
  const after = await bench.place.usedBytes();
  truth(after < before / 2, `compaction of all entries left ${after} of ${before} bytes`);
}

/** Eighteen times as much as is ever kept must not take eighteen times the room. */
async function checkReuses(bench: LogDBBench): Promise<void> {
  if (bench.place.usedBytes === undefined) notApplicable('the harness has no usedBytes');
  await fill(bench, 0);
  await fill(bench, 1);
  const before = await bench.place.usedBytes();
  for (let round = 2; round < 20; round++) {
    await fill(bench, round);
    await removeAndCompact(bench, round * ROUND_ENTRIES);
  }
  const after = await bench.place.usedBytes();
  truth(
    after < before + 10 * ROUND_BYTES,
    `18 MiB written and removed again grew the place from ${before} to ${after} bytes`,
  );
}

/** Entries 5 to 9 are overwritten by one save, and up to 6 removed and compacted before that save is durable. */
async function compactBesideRewrite({ db }: LogDBBench, of: NodeInfo): Promise<void> {
  for (const saved of [entries(1, 4, 1), entries(5, 6, 1), entries(7, 9, 1)]) {
    await db.saveRaftState([update(of, { entries: saved })]);
  }
  await Promise.all([
    db.saveRaftState([update(of, { entries: entries(5, 9, 2) })]),
    db.removeEntriesTo(of.clusterID, of.nodeID, 6),
    db.compactEntriesTo(of.clusterID, of.nodeID, 6),
  ]);
}

export const COMPACT_CASES: readonly LogDBCase[] = [
  {
    id: 'LDB-COMPACT-1',
    title: 'compaction of removed entries leaves the others as they were',
    run: async (bench) => {
      await saveTwo(bench);
      await removeAndCompact(bench, 13);
      await bench.db.compactEntriesTo(99, 1, 10);
      for (const what of ['compacted to 13', 'compacted to 13, after reopen']) {
        await checkLog(bench.db, R, entries(14, 20, 2), what);
        await checkState(bench.db, R, state(2, 1, 20), what);
        await bench.reopen();
      }
      await bench.db.saveRaftState([update(R, { entries: entries(14, 15, 3) })]);
      await checkLog(bench.db, R, entries(14, 15, 3), 'overwritten after compaction');
    },
  },
  {
    id: 'LDB-COMPACT-2',
    title: 'compaction gives space back: to the disk if so declared, else to later saves',
    requires: 'shrinksOnCompaction',
    run: checkShrinks,
    otherwise: checkReuses,
    deadlineMs: 40_000,
  },
  {
    id: 'LDB-COMPACT-3',
    title: 'a compaction under way does not hold up other calls, nor lose them',
    run: async (bench) => {
      for (let round = 0; round < ROUNDS; round++) await fill(bench, round);
      const last = ROUNDS * ROUND_ENTRIES;
      await bench.db.removeEntriesTo(R.clusterID, R.nodeID, last);
      const compaction = bench.db.compactEntriesTo(R.clusterID, R.nodeID, last);
      const other = replica(1, 1);
      for (let index = 1; index <= 20; index++) {
        const save = bench.db.saveRaftState([update(other, { entries: entries(index, index, 1) })]);
        await within(save, 5000, 'a save during a compaction');
      }
      await bench.db.saveRaftState([update(R, { entries: entries(last + 1, last + 3, 2) })]);
      await compaction;
      const third = replica(1, 2);
      await compactBesideRewrite(bench, third);
      await bench.reopen();
      await checkLog(bench.db, third, entries(7, 9, 2), 'rewritten while it was compacted');
      await checkLog(bench.db, other, entries(1, 20, 1), 'saved during compaction');
      await checkLog(bench.db, R, entries(last + 1, last + 3, 2), 'same replica, saved during compaction');
    },
    deadlineMs: 30_000,
  },
];
