import { DEFAULT_EXTENSIONS } from '../extensions.js';
import { makeFaultPlanOf, simulate } from '../simulation.js';
import { Coverage } from '../world/coverage.js';
import { runFleet } from './fleet.js';
import { HELP, type Options, UsageError, parseOptions } from './options.js';
import { type Totals, formatCoverage, formatFailure, formatProgress, replayCommand } from './report.js';

const USAGE_EXIT_CODE = 2;
const PROGRESS_MS = 2_000;
/** So many seeds must bring every kind of event about. */
const COVERING_SEEDS = 200;

const print = (text: string): void => void process.stdout.write(`${text}\n`);

async function runOne(seed: number, { faults, trace, steps, only, extensions }: Options): Promise<number> {
  const all = makeFaultPlanOf(seed, extensions);
  const plan = faults === undefined ? all : all.filter((_, number) => faults.includes(number));
  const onNews = trace ? { onNews: print } : {};
  const result = await simulate({ seed, plan, only, extensions, isVerbose: steps, ...onNews });
  print(
    `seed ${seed}: ${(result.simulatedMs / 1_000).toFixed(1)} simulated seconds, ${result.steps} steps, ` +
      `${plan.length} faults, trace hash ${result.traceHash}`,
  );
  if (result.violation === undefined) {
    print('everything held');
    return 0;
  }
  print(`FAILED: ${result.violation.message}`);
  print(`replay: ${replayCommand({ seed, faults }, extensions)}`);
  return 1;
}

async function runMany(options: Options): Promise<number> {
  const startedMs = performance.now();
  const totals: Totals = { seeds: 0, failures: 0, simulatedMs: 0, steps: 0, elapsedMs: 0 };
  const coverage = new Coverage();
  const untilMs = options.minutes === undefined ? undefined : startedMs + options.minutes * 60_000;
  let next = options.from;
  let toldMs = startedMs;
  const isOver = (): boolean => {
    if (options.stopsAtFirst && totals.failures > 0) return true;
    return untilMs === undefined ? next >= options.from + options.seeds : performance.now() > untilMs;
  };
  const of = untilMs === undefined ? ` of ${options.seeds}` : '';
  await runFleet({
    ...options,
    nextSeed: () => (isOver() ? undefined : next++),
    onOutcome: (outcome) => {
      totals.seeds += 1;
      totals.simulatedMs += outcome.simulatedMs;
      totals.steps += outcome.steps;
      totals.elapsedMs = performance.now() - startedMs;
      coverage.add(outcome.coverage);
      if (outcome.violation !== undefined) {
        totals.failures += 1;
        print(formatFailure(outcome, options.extensions));
      }
      if (performance.now() - toldMs < PROGRESS_MS) return;
      toldMs = performance.now();
      process.stderr.write(`${formatProgress(totals, of)}\n`);
    },
  });
  print(formatCoverage(coverage));
  print(formatProgress(totals, of));
  const missing = coverage.missing(options.extensions ?? DEFAULT_EXTENSIONS);
  const mustCover = totals.seeds >= COVERING_SEEDS;
  if (missing.length > 0) {
    print(`never happened${mustCover ? ', which is a failure of this run' : ''}: ${missing.join(', ')}`);
  }
  const isGood = totals.seeds > 0 && totals.failures === 0 && !(mustCover && missing.length > 0);
  print(isGood ? 'everything held' : 'FAILED');
  return isGood ? 0 : 1;
}

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    print(HELP);
    return 0;
  }
  return options.seed === undefined ? await runMany(options) : await runOne(options.seed, options);
}

try {
  process.exitCode = await main();
} catch (error) {
  const isUsage = error instanceof UsageError || (error instanceof TypeError && 'code' in error);
  process.stderr.write(isUsage ? `${error.message}\n\n${HELP}` : `${String((error as Error).stack)}\n`);
  process.exitCode = USAGE_EXIT_CODE;
}
