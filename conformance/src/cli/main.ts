import { LOGDB_MUTANTS } from '../mutants/logdb-mutants.js';
import { type MutantResult, runMutants } from '../mutants/mutant.js';
import { RPC_MUTANTS } from '../mutants/rpc-mutants.js';
import { describeError } from '../suite/assert.js';
import { type AdapterOutcome, isFailure, runAdapter } from './adapters.js';
import { HELP, type Options, parseOptions } from './options.js';
import { renderTables } from './table.js';

const USAGE_EXIT_CODE = 2;

/** Progress goes to stderr, so that stdout holds the outcome and nothing else. */
function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function runAdapters({ adapters, cases, seed }: Options): Promise<AdapterOutcome[]> {
  const outcomes: AdapterOutcome[] = [];
  for (const adapter of adapters) {
    const from = performance.now();
    const outcome = await runAdapter(adapter, seed, cases === undefined ? {} : { only: cases });
    const seconds = ((performance.now() - from) / 1000).toFixed(1);
    const asked = 'report' in outcome ? outcome.report.cases.length : 0;
    progress(`${adapter.name}: ${asked} cases, ${seconds} s`);
    outcomes.push(outcome);
  }
  return outcomes;
}

async function runAllMutants(): Promise<MutantResult[]> {
  progress(`mutants: ${LOGDB_MUTANTS.length + RPC_MUTANTS.length} wrong adapters, about a minute`);
  return [...(await runMutants(LOGDB_MUTANTS)), ...(await runMutants(RPC_MUTANTS))];
}

async function run(options: Options): Promise<number> {
  const outcomes = await runAdapters(options);
  const mutants = options.withMutants ? await runAllMutants() : [];
  const asked = outcomes.some((each) => 'report' in each && each.report.cases.length > 0);
  const ok = asked && !outcomes.some(isFailure) && mutants.every(({ caught }) => caught);
  const text = options.json
    ? JSON.stringify({ ok, adapters: outcomes, mutants }, null, 2)
    : renderTables(outcomes, mutants);
  process.stdout.write(`${text}\n`);
  return ok ? 0 : 1;
}

async function main(args: readonly string[]): Promise<number> {
  let options: Options;
  try {
    options = parseOptions(args);
  } catch (error) {
    process.stderr.write(`${describeError(error)}\n\n${HELP}`);
    return USAGE_EXIT_CODE;
  }
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  return run(options);
}

const EXIT_PATIENCE_MS = 2000;

process.exitCode = await main(process.argv.slice(2));
// A wrong adapter may have left something open; the outcome must not wait for it.
setTimeout(() => {
  progress('something was left open by an adapter; leaving without it');
  process.exit();
}, EXIT_PATIENCE_MS).unref();
