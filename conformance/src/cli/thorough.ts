import type { AdapterOutcome } from './adapters.js';
import { type Job, nameOf } from './jobs.js';

/** A case that failed, with the seed that repeats it. Without a case, the adapter could not be asked at all. */
export interface ThoroughFailure {
  job: Job;
  id?: string;
  seed: number;
  error: string;
}

export interface ThoroughResult {
  /** How many runs of an adapter's cases with a seed there were. */
  runs: number;
  /** How many cases were asked in all of them. */
  cases: number;
  failures: ThoroughFailure[];
}

export interface ThoroughPlan {
  jobs: readonly Job[];
  /** The first; each round takes the next one. */
  seed: number;
  minutes: number;
  /** Asks the adapter these cases, all without any. */
  ask: (job: Job, cases: readonly string[] | undefined, seed: number) => Promise<AdapterOutcome>;
  onFailure: (failure: ThoroughFailure) => void;
  onRun?: (job: Job, seed: number, cases: number) => void;
  nowMs?: () => number;
}

/** On two cores; of the time of a job most is waiting. */
const AT_A_TIME = 2;
const MS_PER_MINUTE = 60_000;

/** Asks adapters again and again, each time with another seed, until the time is over. */
class ThoroughRun {
  readonly result: ThoroughResult = { runs: 0, cases: 0, failures: [] };
  readonly #plan: ThoroughPlan;
  /** Cases of a job that draw from the seed, once they are known: the others would only be repeated. */
  readonly #drawing = new Map<Job, readonly string[]>();
  readonly #ended = new Set<Job>();
  readonly #told = new Set<string>();

  constructor(plan: ThoroughPlan) {
    this.#plan = plan;
  }

  async run(): Promise<ThoroughResult> {
    const { minutes, nowMs = () => performance.now() } = this.#plan;
    const endMs = nowMs() + minutes * MS_PER_MINUTE;
    const turns = this.#turns();
    const worker = async (): Promise<void> => {
      while (nowMs() < endMs) {
        const next = turns.next();
        if (next.done === true) return;
        await this.#ask(next.value.job, next.value.seed);
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, worker));
    return this.result;
  }

  /** Each adapter has its turn with a seed before the next seed begins. Ends when there is nobody left to ask. */
  *#turns(): Generator<{ job: Job; seed: number }, void> {
    for (let { seed } = this.#plan; ; seed++) {
      const jobs = this.#plan.jobs.filter((job) => !this.#ended.has(job));
      if (jobs.length === 0) return;
      for (const job of jobs) if (!this.#ended.has(job)) yield { job, seed };
    }
  }

  async #ask(job: Job, seed: number): Promise<void> {
    const outcome = await this.#plan.ask(job, this.#drawing.get(job), seed);
    this.result.runs += 1;
    if (!('report' in outcome)) {
      this.#ended.add(job);
      if ('broken' in outcome) this.#fail({ job, seed, error: outcome.broken });
      else if (outcome.isFailure) this.#fail({ job, seed, error: `not installed: ${outcome.notInstalled}` });
      return;
    }
    const { cases } = outcome.report;
    this.result.cases += cases.length;
    this.#plan.onRun?.(job, seed, cases.length);
    const drawing = cases.filter(({ hasDrawn }) => hasDrawn === true).map(({ id }) => id);
    if (!this.#drawing.has(job)) this.#drawing.set(job, drawing);
    if (drawing.length === 0) this.#ended.add(job);
    for (const { id, status, error = '' } of cases) {
      if (status === 'failed') this.#fail({ job, id, seed, error });
    }
  }

  /** A case is reported once for each adapter: the next seed would say the same. */
  #fail(failure: ThoroughFailure): void {
    const key = `${nameOf(failure.job)} ${failure.id}`;
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.result.failures.push(failure);
    this.#plan.onFailure(failure);
  }
}

export function runThorough(plan: ThoroughPlan): Promise<ThoroughResult> {
  return new ThoroughRun(plan).run();
}
