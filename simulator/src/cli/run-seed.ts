import type { Fault } from '../cluster/fault-plan.js';
import type { ExtensionName } from '../extensions.js';
import { shrinkPlan } from '../shrink.js';
import { type SimulationOptions, type SimulationResult, simulate } from '../simulation.js';

const SHRINK_LIMIT_MS = 60_000;
const KEPT_NEWS = 60;

/** What a worker process is told to do. */
export interface Task {
  seed: number;
  twice: boolean;
  shrinks: boolean;
  only: string | undefined;
  extensions: readonly ExtensionName[] | undefined;
}

type Rules = Pick<Task, 'only' | 'extensions'>;

export interface SeedOutcome {
  seed: number;
  violation: { invariant: string; message: string } | undefined;
  simulatedMs: number;
  steps: number;
  coverage: Record<string, number>;
  traceHash: string;
  /** Of a failure that was made smaller: numbers of the faults that are left. */
  faults: readonly number[] | undefined;
  /** Of a failure: the last lines of its trace. */
  news: readonly string[];
}

/** Errors are part of a life, and their stacks take time to gather that nobody looks at unless it fails. */
async function liveQuickly(options: SimulationOptions): Promise<SimulationResult> {
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  const result = await simulate(options).finally(() => (Error.stackTraceLimit = before));
  return result.violation === undefined ? result : await simulate(options);
}

/** Lives the life of one seed, twice if asked for, and of a failure looks for a smaller one. */
export async function runSeed({ seed, twice, shrinks, only, extensions }: Task): Promise<SeedOutcome> {
  const rules = { only, extensions };
  let result = await liveQuickly({ seed, ...rules });
  let faults: readonly number[] | undefined;
  let violation = result.violation;
  if (violation === undefined && twice) violation = await compare(result, rules);
  else if (violation !== undefined && shrinks) ({ result, faults } = await shrink(result, rules));
  const { simulatedMs, steps, coverage, traceHash } = result;
  const news = violation === undefined ? [] : result.news.slice(-KEPT_NEWS);
  return {
    seed,
    violation: result.violation ?? violation,
    simulatedMs,
    steps,
    coverage,
    traceHash,
    faults,
    news,
  };
}

async function compare(
  { seed, traceHash }: SimulationResult,
  rules: Rules,
): Promise<SimulationResult['violation']> {
  const again = await liveQuickly({ seed, ...rules });
  if (again.traceHash === traceHash) return undefined;
  const message = `the trace hashes of two runs differ: ${traceHash} and ${again.traceHash}`;
  return { invariant: 'determinism', message: `determinism: ${message}` };
}

async function shrink(
  failed: SimulationResult,
  rules: Rules,
): Promise<{ result: SimulationResult; faults: readonly number[] }> {
  const untilMs = performance.now() + SHRINK_LIMIT_MS;
  let smallest = failed;
  const stillFails = async (plan: readonly Fault[]): Promise<boolean> => {
    const result = await simulate({ seed: failed.seed, plan, ...rules });
    if (result.violation?.invariant !== failed.violation?.invariant) return false;
    smallest = result;
    return true;
  };
  const plan = await shrinkPlan(failed.plan, stillFails, () => performance.now() > untilMs);
  return { result: smallest, faults: plan.map((fault) => failed.plan.indexOf(fault)) };
}
