import type { ILogDB } from '@drakkar/raftio';
import { describeError } from '../suite/assert.js';
import { everyCall } from './every-call.js';
import { Lane, type WorkloadKind } from './generate.js';
import { type WriteStep, operationOf } from './history/steps.js';
import { perform } from './model.js';

/** What the process that is going to be lost does, and when it is lost. */
export interface CrashPlan {
  kind: WorkloadKind;
  seed: number;
  /** For each lane (they overlap), the number of the last call that the place already holds. */
  lanes: readonly number[];
  entrySizeBytes: number;
  /** The process is lost when this many calls have been acknowledged … */
  acksBeforeCrash: number;
  /** … and a little later: so many turns of the event loop, or milliseconds, whichever the harness counts in. */
  delay: number;
  /**
   * Where the harness can, the process is lost during this call instead, when so many percent of the time have passed
   * that a call like it took before.
   */
  during?: { lane: number; step: number; percent: number };
  /** What fails: writes, from when so many calls have been acknowledged, or the sync of that number alone, by that system call. */
  fault?:
    { kind: 'write'; roomBytes: number } | { kind: 'sync'; number: number; call: 'fsync' | 'fdatasync' };
  /** The calls of each lane, instead of those that `kind` and `seed` would make. */
  script?: readonly (readonly WriteStep[])[];
  /** The calls of a lane end when it has made so many. */
  mostCalls?: number;
}

/** Numbers of the last call that a lane has begun, and of the last that was acknowledged. */
export interface LaneTrace {
  started: number;
  acked: number;
}

export interface CrashTrace {
  lanes: LaneTrace[];
}

/** Told before a call is made (`done` false) and when it has resolved. */
export interface WorkloadEvent {
  lane: number;
  step: number;
  done: boolean;
}

/** Whether the process is to be lost at this event, in a place in memory, where no call takes a time of its own. */
export function isCrashDue(
  { during, acksBeforeCrash }: CrashPlan,
  { lane, step, done }: WorkloadEvent,
  acks: number,
): boolean {
  if (during === undefined) return done && acks === acksBeforeCrash;
  return !done && lane === during.lane && step === during.step;
}

/** A bound, so that a process which nobody ends comes to an end. */
const MAX_STEPS = 20_000;

/** Makes the calls of all lanes, one after the other within a lane, until it is ended or a call rejects. */
export async function runWorkload(
  db: ILogDB,
  plan: CrashPlan,
  announce: (event: WorkloadEvent) => void,
): Promise<void> {
  await Promise.all(
    plan.lanes.map(async (from, lane) => {
      const steps = plan.script?.[lane];
      if (steps !== undefined) {
        await runScript(db, steps, lane, announce);
        return;
      }
      const calls = new Lane(plan.kind, plan.seed, lane, plan.entrySizeBytes).skipTo(from);
      while (calls.step < from + (plan.mostCalls ?? MAX_STEPS)) {
        const operation = calls.next();
        announce({ lane, step: calls.step, done: false });
        await perform(db, operation);
        announce({ lane, step: calls.step, done: true });
      }
    }),
  );
}

async function runScript(
  db: ILogDB,
  steps: readonly WriteStep[],
  lane: number,
  announce: (event: WorkloadEvent) => void,
): Promise<void> {
  for (const [i, step] of steps.entries()) {
    announce({ lane, step: i + 1, done: false });
    await perform(db, operationOf(step));
    announce({ lane, step: i + 1, done: true });
  }
}

/** Loses the process when the plan says so: `lose` is to end it at once. */
export class LossTimer {
  readonly #plan: CrashPlan;
  readonly #lose: () => void;
  readonly #startedAt: number[] = [];
  #acks = 0;
  #lastMs = 1;

  constructor(plan: CrashPlan, lose: () => void) {
    this.#plan = plan;
    this.#lose = lose;
  }

  note({ lane, step, done }: WorkloadEvent): void {
    const { during, acksBeforeCrash } = this.#plan;
    const now = performance.now();
    if (done) {
      this.#acks += 1;
      this.#lastMs = now - (this.#startedAt[lane] ?? now);
    } else {
      this.#startedAt[lane] = now;
    }
    const isDue =
      during === undefined
        ? done && this.#acks === acksBeforeCrash
        : !done && during.lane === lane && during.step === step;
    if (isDue) this.#loseAt(now + (this.#lastMs * (during?.percent ?? 50)) / 100);
  }

  /** Not by a timer: those count in milliseconds, in which many calls have come and gone. */
  #loseAt(time: number): void {
    if (performance.now() >= time) this.#lose();
    else
      setImmediate(() => {
        this.#loseAt(time);
      });
  }
}

/** Keeps the trace of a workload's events. */
export class Tracer {
  readonly trace: CrashTrace;
  acks = 0;

  constructor(plan: CrashPlan) {
    this.trace = { lanes: plan.lanes.map((from) => ({ started: from, acked: from })) };
  }

  note({ lane, step, done }: WorkloadEvent): void {
    const of = this.trace.lanes[lane];
    if (of === undefined) return;
    if (done) {
      of.acked = step;
      this.acks += 1;
    } else {
      of.started = step;
    }
  }
}

/** What an adapter did when its writes failed. */
export interface FaultTrace extends CrashTrace {
  /** What the first call that failed rejected with; undefined when none did. */
  failure: string | undefined;
  /** For each call made afterwards, the code that it rejected with, or `resolved`. */
  later: { call: string; outcome: string }[];
  /** What `close` did after the failure: `resolved`, or what it rejected with. */
  closed: string;
}

async function outcomeOf(call: () => Promise<unknown>): Promise<string> {
  try {
    await call();
    return 'resolved';
  } catch (error) {
    const { code } = (error ?? {}) as { code?: unknown };
    return typeof code === 'string' ? code : describeError(error);
  }
}

/**
 * Runs the workload on a disk that begins to fail (`breakDisk`, or on its own). When a call has rejected the disk is
 * sound again (`mendDisk`), and every call is asked what it does now.
 */
export async function runFaultWorkload(
  db: ILogDB,
  plan: CrashPlan,
  breakDisk: (acks: number) => void,
  mendDisk: () => void = () => undefined,
  announce: (event: WorkloadEvent) => void = () => undefined,
): Promise<FaultTrace> {
  const tracer = new Tracer(plan);
  let failure: string | undefined;
  try {
    await runWorkload(db, plan, (event) => {
      announce(event);
      tracer.note(event);
      if (event.done) breakDisk(tracer.acks);
    });
  } catch (error) {
    failure = describeError(error);
  }
  mendDisk();
  const later: FaultTrace['later'] = [];
  for (const [call, make] of Object.entries(everyCall(db))) {
    later.push({ call, outcome: failure === undefined ? 'not asked' : await outcomeOf(make) });
  }
  return { ...tracer.trace, failure, later, closed: await outcomeOf(() => db.close()) };
}
