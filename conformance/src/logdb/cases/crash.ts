import { describeError, fail, notApplicable, same } from '../../suite/assert.js';
import { type WorkloadKind, Lane } from '../generate.js';
import type { LogDBBench } from '../harness.js';
import { checkReplica } from '../model.js';
import type { CrashPlan, LaneTrace } from '../workload.js';
import type { LogDBCase } from './logdb-case.js';

const ROUNDS = 4;
const DEADLINE_MS = 90_000;

interface Workload {
  kind: WorkloadKind;
  lanes: number;
}

/** Whether what is stored for a lane is what the model has after call number `step`; otherwise, what differs. */
async function differs(
  bench: LogDBBench,
  plan: CrashPlan,
  lane: number,
  step: number,
): Promise<string | undefined> {
  const { model, replicas } = new Lane(plan.kind, plan.seed, lane, plan.entrySizeBytes).skipTo(step);
  try {
    for (const each of replicas) {
      await checkReplica(bench.db, model.replica(each), `call ${step} of lane ${lane}`, { afterCrash: true });
    }
  } catch (error) {
    return describeError(error);
  }
  return undefined;
}

/**
 * The call that a lane's stored data stands at: the last acknowledged one or, whole, the one that was under way.
 */
async function settledStep(
  bench: LogDBBench,
  plan: CrashPlan,
  lane: number,
  { started, acked }: LaneTrace,
): Promise<number> {
  const whole = await differs(bench, plan, lane, started);
  if (whole === undefined) return started;
  const none = started === acked ? whole : await differs(bench, plan, lane, acked);
  if (none === undefined) return acked;
  return fail(
    `after the crash, lane ${lane} is neither as before nor as after call ${started} (acknowledged: ${acked}). ` +
      `As after it: ${whole}. As before it: ${none}`,
  );
}

/** Loses the process several times on one place; each goes on where the one before was lost. */
async function crashRepeatedly(bench: LogDBBench, { kind, lanes }: Workload): Promise<void> {
  const { place } = bench;
  if (place.crash === undefined) notApplicable('the harness has no crash');
  await bench.close();
  let plan: CrashPlan = {
    kind,
    seed: bench.seed,
    lanes: new Array<number>(lanes).fill(0),
    entrySizeBytes: 48,
    acksBeforeCrash: 0,
    delay: 0,
  };
  let acked = 0;
  for (let round = 1; round <= ROUNDS; round++) {
    plan = { ...plan, acksBeforeCrash: 17 * round, delay: (round * 5 + bench.seed) % 7 };
    const trace = await place.crash(plan);
    await bench.open();
    const settled: number[] = [];
    for (const [lane, of] of trace.lanes.entries()) {
      acked += of.acked - (plan.lanes[lane] ?? 0);
      settled.push(await settledStep(bench, plan, lane, of));
    }
    await bench.close();
    plan = { ...plan, lanes: settled };
  }
  if (acked < ROUNDS) fail(`only ${acked} calls were acknowledged in ${ROUNDS} rounds: nothing was tested`);
}

/** A LogDB that declares to keep nothing, and does, should declare it. */
async function checkForgets(bench: LogDBBench): Promise<void> {
  const { place } = bench;
  if (place.crash === undefined) notApplicable('the harness has no crash');
  await bench.close();
  const plan: CrashPlan = {
    kind: 'append',
    seed: bench.seed,
    lanes: [0],
    entrySizeBytes: 48,
    acksBeforeCrash: 17,
    delay: 0,
  };
  const { lanes } = await place.crash(plan);
  await bench.open();
  const step = lanes[0]?.acked ?? 0;
  if (step > 0 && (await differs(bench, plan, 0, step)) === undefined) {
    fail('what was saved is there after the process is lost: declare `durable`');
  }
}

export const CRASH_CASES: readonly LogDBCase[] = [
  {
    id: 'LDB-CRASH-1',
    title: 'what was acknowledged is there after the process is lost',
    requires: 'durable',
    run: (bench) => crashRepeatedly(bench, { kind: 'append', lanes: 1 }),
    otherwise: checkForgets,
    deadlineMs: DEADLINE_MS,
  },
  {
    id: 'LDB-CRASH-2',
    title: 'of overlapping calls, each is there as a whole or not at all, across all its replicas',
    requires: 'durable',
    run: (bench) => crashRepeatedly(bench, { kind: 'append', lanes: 4 }),
    deadlineMs: DEADLINE_MS,
  },
  {
    id: 'LDB-CRASH-3',
    title: 'an overwrite and the deletion of the tail that it implies are one',
    requires: 'durable',
    run: (bench) => crashRepeatedly(bench, { kind: 'overwrite', lanes: 2 }),
    deadlineMs: DEADLINE_MS,
  },
  {
    id: 'LDB-CRASH-4',
    title: 'bootstrap, snapshot, import and removal of a replica are durable and all or nothing, too',
    requires: 'durable',
    run: (bench) => crashRepeatedly(bench, { kind: 'lifecycle', lanes: 2 }),
    deadlineMs: DEADLINE_MS,
  },
];

function faultPlan(bench: LogDBBench): CrashPlan {
  return {
    kind: 'append',
    seed: bench.seed,
    lanes: [0],
    entrySizeBytes: 4096,
    acksBeforeCrash: 20,
    delay: 0,
  };
}

async function breakWrites(
  bench: LogDBBench,
): Promise<ReturnType<NonNullable<typeof bench.place.failWrites>>> {
  if (bench.place.failWrites === undefined) notApplicable('the harness has no failWrites');
  await bench.close();
  const trace = await bench.place.failWrites(faultPlan(bench));
  if (trace.failure === undefined) fail('no call rejected although writes failed');
  return trace;
}

export const FENCE_CASES: readonly LogDBCase[] = [
  {
    id: 'LDB-FENCE-1',
    title: 'after a failed write every later call rejects with ERR_LOGDB_FENCED, reads too',
    requires: 'durable',
    run: async (bench) => {
      const { failure, later } = await breakWrites(bench);
      for (const { call, outcome } of later) {
        same(outcome, 'ERR_LOGDB_FENCED', `${call} after a save failed (${failure})`);
      }
    },
    deadlineMs: 60_000,
  },
  {
    id: 'LDB-FENCE-2',
    title:
      'a fenced LogDB closes; opened again, it has what was acknowledged, and the failed call whole or not at all',
    requires: 'durable',
    run: async (bench) => {
      const trace = await breakWrites(bench);
      same(trace.closed, 'resolved', 'close of a fenced LogDB');
      await bench.open();
      for (const [lane, of] of trace.lanes.entries()) await settledStep(bench, faultPlan(bench), lane, of);
    },
    deadlineMs: 60_000,
  },
];
