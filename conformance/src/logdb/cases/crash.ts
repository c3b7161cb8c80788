import { describeError, fail, notApplicable } from '../../suite/assert.js';
import { type WorkloadKind, Lane } from '../generate.js';
import type { LogDBBench } from '../harness.js';
import { type Operation, checkReplica } from '../model.js';
import { SeededRandom } from '../../suite/random.js';
import type { CrashPlan, LaneTrace } from '../workload.js';
import type { LogDBCase } from './logdb-case.js';

const DEADLINE_MS = 120_000;
const MOST_PERCENT = 200;
const MOST_TURNS = 8;
/** Of entries that are larger, fewer are made. */
const LARGE_BYTES = 4096;
/** How far ahead a call of the kind that is wanted is looked for. */
const MOST_AHEAD = 120;

interface Workload {
  kind: WorkloadKind;
  rounds: number;
  lanes: number;
  entrySizeBytes?: number;
  /** The loss comes during calls of these kinds, by turns; of any, unless told. */
  during?: readonly ((operation: Operation) => boolean)[];
}

const anyCall = (): boolean => true;

/** A call of a lane, and of the kind that is wanted, that comes after those which were made. */
function callToLose(
  plan: CrashPlan,
  isWanted: (operation: Operation) => boolean,
  random: SeededRandom,
): CrashPlan {
  const lane = random.between(0, plan.lanes.length - 1);
  const from = plan.lanes[lane] ?? 0;
  const calls = new Lane(plan.kind, plan.seed, lane, plan.entrySizeBytes).skipTo(
    from + random.between(2, plan.entrySizeBytes > LARGE_BYTES ? 5 : 20),
  );
  for (let left = MOST_AHEAD; left > 0 && !isWanted(calls.next()); left--);
  // What was acknowledged too early is lost soon after, what is written in steps, between them.
  const percent = random.chance(40) ? random.between(0, 30) : random.between(70, MOST_PERCENT);
  const acksBeforeCrash = Math.max(1, (calls.step - from) * plan.lanes.length - 1);
  const during = { lane, step: calls.step, percent };
  return { ...plan, during, acksBeforeCrash, delay: random.between(0, MOST_TURNS) };
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
export async function settledStep(
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
async function crashRepeatedly(bench: LogDBBench, workload: Workload): Promise<void> {
  const { kind, lanes, rounds, entrySizeBytes = 48, during = [] } = workload;
  const { place } = bench;
  if (place.crash === undefined) notApplicable('the harness has no crash');
  await bench.close();
  const random = new SeededRandom(bench.seed);
  let plan: CrashPlan = {
    kind,
    seed: bench.seed,
    lanes: new Array<number>(lanes).fill(0),
    entrySizeBytes,
    acksBeforeCrash: 0,
    delay: 0,
  };
  let acked = 0;
  for (let round = 0; round < rounds; round++) {
    plan = callToLose(plan, during[round % during.length] ?? anyCall, random);
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
  if (acked < rounds) fail(`only ${acked} calls were acknowledged in ${rounds} rounds: nothing was tested`);
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

const isOp =
  (op: Operation['op']) =>
  (operation: Operation): boolean =>
    operation.op === op && (!('updates' in operation) || operation.updates.length > 1);

const LIFECYCLE: Workload['during'] = [
  isOp('importSnapshot'),
  isOp('removeNodeData'),
  isOp('saveSnapshots'),
  isOp('saveBootstrapInfo'),
  isOp('deleteSnapshot'),
  (operation) =>
    operation.op === 'saveRaftState' && operation.updates.some(({ snapshot }) => snapshot !== undefined),
];

export const CRASH_CASES: readonly LogDBCase[] = [
  {
    id: 'LDB-CRASH-1',
    title: 'what was acknowledged is there after the process is lost',
    requires: 'durable',
    run: (bench) => crashRepeatedly(bench, { kind: 'append', lanes: 1, rounds: 2 }),
    otherwise: checkForgets,
    deadlineMs: DEADLINE_MS,
  },
  {
    id: 'LDB-CRASH-2',
    title: 'of overlapping calls, each is there as a whole or not at all, across all its replicas',
    requires: 'durable',
    run: (bench) => crashRepeatedly(bench, { kind: 'append', lanes: 4, rounds: 8 }),
    deadlineMs: DEADLINE_MS,
  },
  {
    id: 'LDB-CRASH-3',
    title: 'an overwrite and the deletion of the tail that it implies are one',
    requires: 'durable',
    run: (bench) => crashRepeatedly(bench, { kind: 'overwrite', lanes: 2, rounds: 6 }),
    deadlineMs: DEADLINE_MS,
  },
  {
    id: 'LDB-CRASH-4',
    title: 'bootstrap, snapshot, import and removal of a replica are durable and all or nothing, too',
    requires: 'durable',
    run: (bench) => crashRepeatedly(bench, { kind: 'lifecycle', lanes: 3, rounds: 18, during: LIFECYCLE }),
    deadlineMs: DEADLINE_MS,
  },
  {
    id: 'LDB-CRASH-5',
    title: 'calls of hundreds of KiB, too, are there as a whole or not at all',
    requires: 'durable',
    run: (bench) => {
      const entrySizeBytes = new SeededRandom(bench.seed).between(24, 120) * 1024;
      return crashRepeatedly(bench, { kind: 'append', lanes: 2, rounds: 4, entrySizeBytes });
    },
    deadlineMs: DEADLINE_MS,
  },
];
