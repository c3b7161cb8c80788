import type { LogDBBench } from '../harness.js';
import { NotApplicable, fail, notApplicable, same } from '../../suite/assert.js';
import { SeededRandom } from '../../suite/random.js';
import { entries, replica, update } from '../make.js';
import { checkLog } from '../check.js';
import type { CrashPlan, FaultTrace } from '../workload.js';
import { settledStep } from './crash.js';
import type { LogDBCase } from './logdb-case.js';

/** Calls made at most while the disk fails; one that does not reject then never will. */
const MOST_CALLS = 600;
const MOST_ROOM_BYTES = 6000;
/** Beyond those of an opening. */
const FIRST_SYNC = 24;
const LAST_SYNC = 90;

function faultPlan(bench: LogDBBench, fault: NonNullable<CrashPlan['fault']>): CrashPlan {
  const random = new SeededRandom(bench.seed);
  return {
    kind: 'append',
    seed: bench.seed,
    lanes: [0],
    entrySizeBytes: random.between(16, 8192),
    acksBeforeCrash: random.between(3, 60),
    delay: 0,
    fault,
    mostCalls: MOST_CALLS,
  };
}

async function breakDisk(bench: LogDBBench, plan: CrashPlan): Promise<FaultTrace> {
  if (bench.place.failWrites === undefined) notApplicable('the harness has no failWrites');
  await bench.close();
  const trace = await bench.place.failWrites(plan);
  if (trace.failure !== undefined) return trace;
  const { fault } = plan;
  const what =
    fault?.kind === 'sync'
      ? `${fault.call} number ${fault.number} of the process failed`
      : `every write failed for a while after call ${plan.acksBeforeCrash}`;
  return fail(
    `${what}, but none of ${MOST_CALLS} calls rejected: what fails must reject its call and not be tried again`,
  );
}

async function checkFenced(bench: LogDBBench, plan: CrashPlan): Promise<void> {
  const { failure, later, closed } = await breakDisk(bench, plan);
  for (const { call, outcome } of later) {
    same(outcome, 'ERR_LOGDB_FENCED', `${call} after a ${plan.fault?.kind ?? 'write'} failed (${failure})`);
  }
  same(closed, 'resolved', 'close of a fenced LogDB');
}

/** What was acknowledged is there; what is saved from now on is kept, too, although something torn may lie before it. */
async function checkReopened(bench: LogDBBench, plan: CrashPlan, trace: FaultTrace): Promise<void> {
  const after = replica(900, 1);
  await bench.open();
  for (const [lane, of] of trace.lanes.entries()) await settledStep(bench, plan, lane, of);
  for (let index = 1; index <= 4; index++) {
    await bench.db.saveRaftState([update(after, { entries: entries(index, index, 1, 3000) })]);
  }
  await bench.reopen();
  for (const [lane, of] of trace.lanes.entries()) await settledStep(bench, plan, lane, of);
  await checkLog(bench.db, after, entries(1, 4, 1, 3000), 'saved after the failure, after another reopening');
}

/** Which sync fails is drawn, as not all of them are alike: each time on a new place. */
async function checkSyncs(bench: LogDBBench): Promise<void> {
  const number = new SeededRandom(bench.seed).between(FIRST_SYNC, LAST_SYNC);
  const notAsked: NotApplicable[] = [];
  for (const call of ['fdatasync', 'fsync'] as const) {
    const fresh = await bench.another();
    try {
      await checkFenced(fresh, faultPlan(fresh, { kind: 'sync', number, call }));
    } catch (error) {
      if (!(error instanceof NotApplicable)) throw error;
      notAsked.push(error);
    } finally {
      await fresh.cleanUp();
    }
  }
  if (notAsked.length === 2 && notAsked[0] !== undefined) throw notAsked[0];
}

export const FENCE_CASES: readonly LogDBCase[] = [
  {
    id: 'LDB-FENCE-1',
    title:
      'after a failed write every later call rejects with ERR_LOGDB_FENCED, reads too, on a sound disk as well',
    requires: 'durable',
    run: (bench) => checkFenced(bench, faultPlan(bench, { kind: 'write', roomBytes: 0 })),
    deadlineMs: 60_000,
  },
  {
    id: 'LDB-FENCE-2',
    title:
      'a fenced LogDB closes; opened again, it has what was acknowledged, the failed call whole or not at all, and goes on',
    requires: 'durable',
    run: async (bench) => {
      const random = new SeededRandom(bench.seed + 1);
      const plan = faultPlan(bench, { kind: 'write', roomBytes: random.between(1, MOST_ROOM_BYTES) });
      const trace = await breakDisk(bench, plan);
      same(trace.closed, 'resolved', 'close of a fenced LogDB');
      await checkReopened(bench, plan, trace);
    },
    deadlineMs: 60_000,
  },
  {
    id: 'LDB-FENCE-3',
    title: 'a sync that fails rejects its call and fences, and is not tried again',
    requires: 'durable',
    run: checkSyncs,
    deadlineMs: 60_000,
  },
];
