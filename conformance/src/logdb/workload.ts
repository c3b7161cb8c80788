import type { ILogDB } from '@drakkar/raftio';
import { describeError } from '../suite/assert.js';
import { everyCall } from './every-call.js';
import { Lane, type WorkloadKind } from './generate.js';
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
      const calls = new Lane(plan.kind, plan.seed, lane, plan.entrySizeBytes).skipTo(from);
      while (calls.step < from + MAX_STEPS) {
        const operation = calls.next();
        announce({ lane, step: calls.step, done: false });
        await perform(db, operation);
        announce({ lane, step: calls.step, done: true });
      }
    }),
  );
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

/** Runs the workload on a disk that begins to fail (`breakDisk`, or on its own), then asks what still works. */
export async function runFaultWorkload(
  db: ILogDB,
  plan: CrashPlan,
  breakDisk: (acks: number) => void,
): Promise<FaultTrace> {
  const tracer = new Tracer(plan);
  let failure: string | undefined;
  try {
    await runWorkload(db, plan, (event) => {
      tracer.note(event);
      if (event.done) breakDisk(tracer.acks);
    });
  } catch (error) {
    failure = describeError(error);
  }
  const later: FaultTrace['later'] = [];
  for (const [call, make] of Object.entries(everyCall(db))) {
    later.push({ call, outcome: failure === undefined ? 'not asked' : await outcomeOf(make) });
  }
  return { ...tracer.trace, failure, later, closed: await outcomeOf(() => db.close()) };
}
