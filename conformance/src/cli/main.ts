#!/usr/bin/env node
import { writeFile } from 'node:fs/promises';
import { describeError } from '../suite/assert.js';
import { assumeSlowness } from '../suite/wait.js';
import { isFailure } from './adapters.js';
import { type Job, type Outcome, argumentsOf, longestFirst, nameOf, runJob, runJobApart } from './jobs.js';
import { HELP, type Options, parseOptions } from './options.js';
import type { Share } from './share.js';
import { renderTables } from './table.js';
import { type ThoroughFailure, runThorough } from './thorough.js';

const USAGE_EXIT_CODE = 2;

/** Progress goes to stderr, so that stdout holds the outcome and nothing else. */
function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function runOne(job: Job, { seed, adapterOptions, cases, share, patience }: Options): Promise<Outcome> {
  // Wrong adapters are seen by limits that pass.
  if (job.kind !== 'mutants') assumeSlowness(patience);
  const outcome = await runJob(job, { seed, options: adapterOptions }, cases, share);
  const asked = outcome.adapters.flatMap((each) => ('report' in each ? each.report.cases : []));
  const count = asked.length + outcome.mutants.length;
  const [{ elapsedMs } = { elapsedMs: 0 }] = outcome.times;
  progress(`${nameOf(job)}: ${count} cases, ${(elapsedMs / 1000).toFixed(1)} s`);
  return outcome;
}

/** On the two cores that the project asks for: of the time of a job most is waiting. */
const AT_A_TIME = 2;

/** The options that a process of its own gets besides its job. */
function argumentsFor({
  cases = [],
  seed,
  share,
  patience,
  adapterOptions,
}: Omit<Options, 'jobs'>): string[] {
  const json = JSON.stringify(adapterOptions);
  return [
    ...cases.flatMap((id) => ['--case', id]),
    ...(seed === undefined ? [] : ['--seed', String(seed)]),
    ...(share === undefined ? [] : ['--share', String(share.percent)]),
    ...(patience === 1 ? [] : ['--patience', String(patience)]),
    ...(json === '{}' ? [] : ['--options', json]),
  ];
}

async function runAll(options: Options): Promise<Outcome> {
  const { jobs } = options;
  const [only] = jobs;
  if (jobs.length === 1 && only !== undefined) return runOne(only, options);
  const extraArgs = argumentsFor(options);
  const outcomes: Outcome[] = [];
  const waiting = longestFirst(jobs);
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [place, job] = next;
      outcomes[place] = await runJobApart(job, extraArgs);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  return {
    adapters: outcomes.flatMap(({ adapters }) => adapters),
    mutants: outcomes.flatMap(({ mutants }) => mutants),
    times: outcomes.flatMap(({ times }) => times),
  };
}

function shareLine({ percent, seed }: Share): string {
  return `a share of ${percent} % of all cases, pairs and mutants; to repeat it: --share ${percent} --seed ${seed}`;
}

async function run(options: Options): Promise<number> {
  if (options.share !== undefined && options.jobs.length > 1) progress(shareLine(options.share));
  const { adapters, mutants, times } = await runAll(options);
  const isAsked = adapters.some((each) => 'report' in each && each.report.cases.length > 0);
  const isGood = !adapters.some(isFailure) && mutants.every(({ caught }) => caught);
  const ok = isGood && (isAsked || mutants.length > 0);
  const json = JSON.stringify({ ok, adapters, mutants, times }, null, 2);
  if (options.output !== undefined) await writeFile(options.output, `${json}\n`);
  process.stdout.write(`${options.json ? json : renderTables({ adapters, mutants, times })}\n`);
  return ok ? 0 : 1;
}

const MS_PER_SECOND = 1000;
const SEEDS = 1_000_000_000;

/** `--thorough`: everything in processes of its own, failures at once. */
async function runForLong(options: Options, minutes: number): Promise<number> {
  const { jobs, cases, seed = Math.floor(Date.now() / MS_PER_SECOND) % SEEDS } = options;
  progress(`${minutes} minutes, from seed ${seed}`);
  const tell = ({ job, id, seed: at, error }: ThoroughFailure): string => {
    const repeat = { ...options, cases: id === undefined ? cases : [id], seed: at };
    const args = [...argumentsOf(job), ...argumentsFor(repeat)].join(' ');
    return `${nameOf(job)}: ${id ?? 'FAILED to load'}, seed ${at}: ${error}\n  to repeat it: ${args}`;
  };
  const result = await runThorough({
    jobs,
    seed,
    minutes,
    ask: async (job, drawing, at) => {
      const args = argumentsFor({ ...options, cases: drawing ?? cases, seed: at });
      const { adapters } = await runJobApart(job, args);
      return adapters[0] ?? { name: nameOf(job), broken: 'its process told nothing' };
    },
    onFailure: (failure) => {
      progress(`FAILED ${tell(failure)}`);
    },
    onRun: (job, at, count) => {
      progress(`${nameOf(job)}: ${count} cases, seed ${at}`);
    },
  });
  const failures = result.failures.map((each) => ({ adapter: nameOf(each.job), text: tell(each) }));
  const json = JSON.stringify({ ok: failures.length === 0, seed, ...result, failures }, null, 2);
  const table = [
    ...failures.map(({ text }) => text),
    `${result.cases} cases asked, ${failures.length} failed`,
  ];
  if (options.output !== undefined) await writeFile(options.output, `${json}\n`);
  process.stdout.write(`${options.json ? json : table.join('\n')}\n`);
  return failures.length === 0 && result.cases > 0 ? 0 : 1;
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
  const { thoroughMinutes } = options;
  return thoroughMinutes === undefined ? run(options) : runForLong(options, thoroughMinutes);
}

const EXIT_PATIENCE_MS = 2000;

process.exitCode = await main(process.argv.slice(2));
// A wrong adapter may have left something open; the outcome must not wait for it.
setTimeout(() => {
  progress('something was left open by an adapter; leaving without it');
  process.exit();
}, EXIT_PATIENCE_MS).unref();
