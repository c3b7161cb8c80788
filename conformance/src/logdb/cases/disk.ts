import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Entry, hasErrorCode, makeEntry } from '@drakkar/raftio';
import { describeError, fail, notApplicable, truth } from '../../suite/assert.js';
import { SeededRandom } from '../../suite/random.js';
import { sameEntries } from '../../suite/raftpb.js';
import { sleep, turn } from '../../suite/wait.js';
import type { LogDBBench } from '../harness.js';
import { R, entries, replica, update } from '../make.js';
import type { UpdateStep, WriteStep } from '../history/steps.js';
import { codeOf } from '../history/code.js';
import type { CrashPlan } from '../workload.js';
import type { LogDBCase } from './logdb-case.js';

const NO_LIMIT = 1 << 30;

/** Calls that promise to be durable, each of which has something to store. */
function durableCalls(seed: number): WriteStep[] {
  const random = new SeededRandom(seed);
  const one = (clusterID: number, from: number): UpdateStep => ({
    of: replica(clusterID, 1),
    state: [from, 1, 0],
    entries: {
      from,
      count: random.between(1, 4),
      term: from,
      sizeBytes: random.between(0, 2000),
      varied: false,
    },
  });
  const steps: WriteStep[] = [];
  for (let round = 1; round <= 3; round++) {
    const of = replica(round, 1);
    steps.push(
      { do: 'saveBootstrapInfo', of, nodeIDs: [1, 2], join: false },
      { do: 'saveRaftState', updates: [one(round, 1), one(round + 10, 1)] },
      { do: 'saveRaftState', updates: [{ of, state: [9, 2, 1] }] },
      { do: 'saveSnapshots', updates: [{ of, snapshot: [5, 1] }] },
      { do: 'deleteSnapshot', of, index: 5 },
      { do: 'removeNodeData', of },
      { do: 'importSnapshot', of, snapshot: [7, 2] },
    );
  }
  return steps;
}

/** Each call is durable before it resolves, as far as a trace of the process shows it. */
async function checkSyncs(bench: LogDBBench): Promise<void> {
  const { place } = bench;
  if (place.watchSyncs === undefined) notApplicable('the harness has no watchSyncs');
  await bench.close();
  const script = durableCalls(bench.seed);
  const plan: CrashPlan = {
    kind: 'append',
    seed: bench.seed,
    lanes: [0],
    entrySizeBytes: 0,
    acksBeforeCrash: script.length + 1,
    delay: 0,
    script: [script],
  };
  const calls = await place.watchSyncs(plan);
  for (const [i, step] of script.entries()) {
    const seen = calls[i] ?? fail(`call ${i + 1} (${codeOf(step)}) was not seen to end`);
    const how = seen.wrote ? 'between its last sync and its end it wrote' : 'it wrote, and synced, nothing';
    truth(seen.synced, `${codeOf(step)} resolved without a sync after what it wrote: ${how}`);
  }
}

export const SYNC_CASES: readonly LogDBCase[] = [
  {
    id: 'LDB-SYNC-1',
    title: 'each call that promises to be durable syncs what it wrote before it resolves',
    requires: 'durable',
    run: checkSyncs,
    deadlineMs: 60_000,
  },
];

const DAMAGED = 9;
const LOG_LENGTH = 20;
const COMMAND_BYTES = 512;

/** Commands that no compression shortens, so that they are found in the files. */
function randomLog(seed: number): Entry[] {
  const random = new SeededRandom(seed + 77);
  return Array.from({ length: LOG_LENGTH }, (_, i) =>
    makeEntry({ index: i + 1, term: 1, cmd: random.bytes(COMMAND_BYTES) }),
  );
}

async function saveLog({ db }: LogDBBench, log: readonly Entry[]): Promise<void> {
  for (const each of log) await db.saveRaftState([update(R, { entries: [makeEntry({ ...fields(each) })] })]);
}

function fields({ index, term, cmd }: Entry): { index: number; term: number; cmd: Uint8Array } {
  return { index, term, cmd: new Uint8Array(cmd) };
}

async function damage(bench: LogDBBench, log: readonly Entry[]): Promise<void> {
  const { place } = bench;
  if (place.damage === undefined) notApplicable('the harness has no damage');
  const { cmd } = log[DAMAGED - 1] ?? fail('no such entry');
  const at = new SeededRandom(bench.seed).between(0, COMMAND_BYTES - 1);
  const found = await place.damage(cmd, at);
  if (found === 0) notApplicable('what is stored is not found in the files as it is, so it can’t be damaged');
}

/** The whole log, or a refusal with ERR_LOGDB_CORRUPT; nothing in between. */
async function checkNothingWrong(bench: LogDBBench, log: readonly Entry[], what: string): Promise<void> {
  for (const low of [DAMAGED, 1]) {
    try {
      const { entries: read } = await bench.db.iterateEntries(
        R.clusterID,
        R.nodeID,
        low,
        LOG_LENGTH + 1,
        NO_LIMIT,
      );
      sameEntries(read, log.slice(low - 1), what);
    } catch (error) {
      if (!hasErrorCode(error, 'ERR_LOGDB_CORRUPT')) throw error;
    }
  }
}

export const DAMAGE_CASES: readonly LogDBCase[] = [
  {
    id: 'LDB-DAMAGE-1',
    title:
      'a byte that was changed while the place was closed is found by the opening or the read, and never served',
    requires: 'detectsDamage',
    run: async (bench) => {
      const log = randomLog(bench.seed);
      await saveLog(bench, log);
      await bench.close();
      await damage(bench, log);
      try {
        await bench.open();
      } catch (error) {
        if (hasErrorCode(error, 'ERR_LOGDB_CORRUPT')) return;
        fail(
          `the opening of a damaged place rejected with ${describeError(error)}, not with ERR_LOGDB_CORRUPT`,
        );
      }
      await checkNothingWrong(bench, log, 'a log with a damaged byte');
    },
  },
  {
    id: 'LDB-DAMAGE-2',
    title: 'so is one that was changed while the place was open',
    requires: 'detectsDamage',
    run: async (bench) => {
      const log = randomLog(bench.seed);
      await saveLog(bench, log);
      await bench.reopen();
      await damage(bench, log);
      await checkNothingWrong(bench, log, 'a log with a byte damaged since it was opened');
    },
  },
];

const MIB = 1024 * 1024;
const LIVE_ENTRIES = 10_000;
const LIVE_BYTES = 4096;
const MOST_GROWN_BYTES = 20 * MIB;

let collectGarbage: (() => void) | undefined;

const COLLECTIONS = 12;
const PAUSE_MS = 250;

/** What is in use once garbage is gone; that of others, who are at work in this process, goes a little later. */
async function usedMemoryBytes(enoughBytes: number): Promise<number> {
  if (collectGarbage === undefined) {
    setFlagsFromString('--expose-gc');
    collectGarbage = runInNewContext('gc') as () => void;
  }
  let least = Infinity;
  for (let done = 0; done < COLLECTIONS && (done === 0 || least > enoughBytes); done++) {
    collectGarbage();
    await turn();
    collectGarbage();
    const { heapUsed, external } = process.memoryUsage();
    least = Math.min(least, heapUsed + external);
    if (least > enoughBytes) await sleep(PAUSE_MS);
  }
  return least;
}

export const MEMORY_CASES: readonly LogDBCase[] = [
  {
    id: 'LDB-MEMORY-1',
    title: 'what is stored is not held in memory, nor what was given or read',
    requires: 'durable',
    run: async (bench) => {
      if (bench.place.openFiles === undefined)
        notApplicable('the harness has no openFiles: nothing is on a disk');
      const before = await usedMemoryBytes(Infinity);
      for (let from = 1; from < LIVE_ENTRIES; from += 100) {
        await bench.db.saveRaftState([update(R, { entries: entries(from, from + 99, 1, LIVE_BYTES) })]);
      }
      for (let from = 1; from < LIVE_ENTRIES; from += 500) {
        await bench.db.iterateEntries(R.clusterID, R.nodeID, from, from + 500, NO_LIMIT);
      }
      const grown = (await usedMemoryBytes(before + MOST_GROWN_BYTES)) - before;
      truth(
        grown < MOST_GROWN_BYTES,
        `${LIVE_ENTRIES} entries of ${LIVE_BYTES} bytes, saved and read, grew the memory in use by ` +
          `${(grown / MIB).toFixed(1)} MiB; allowed are ${MOST_GROWN_BYTES / MIB}`,
      );
    },
    deadlineMs: 60_000,
  },
];
