import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Mutant, type MutantResult, runMutants } from '../mutants/mutant.js';
import { MUTANTS, MUTANTS_OF, type MutantKind } from '../mutants/all.js';
import { describeError } from '../suite/assert.js';
import { isMissing } from '../adapters/load.js';
import type { RunOptions } from '../suite/case.js';
import { ASSEMBLY_CASES } from '../assembly/suite.js';
import { LOGDB_CASES } from '../logdb/suite.js';
import { RPC_CASES } from '../rpc/suite.js';
import { type Share, drawPairs, isDrawn, mutantShare } from './share.js';
import {
  type AdapterOutcome,
  type AdapterSettings,
  KNOWN_ADAPTERS,
  type NamedAdapter,
  type NamedPair,
  adapterContract,
  everyPair,
  nameOfPair,
  runAdapter,
  runPair,
} from './adapters.js';

/** One thing that the command does, in a process of its own when there are several. */
export type Job =
  | { kind: 'adapter'; adapter: NamedAdapter }
  | { kind: 'assembly'; pair: NamedPair }
  /** Without `of`, mutants of every kind. */
  | { kind: 'mutants'; of?: MutantKind };

/** Where the time of a run has gone. */
export interface JobTime {
  job: string;
  elapsedMs: number;
  /** Of the process of the job, without those that its cases start; unknown when it did not get to its end. */
  cpuMs?: number;
}

/** What came of the jobs; also what `--json` prints, with `ok`. */
export interface Outcome {
  adapters: AdapterOutcome[];
  mutants: MutantResult[];
  times: JobTime[];
}

export function everyJob(withMutants: boolean, share?: Share): Job[] {
  const kinds = Object.keys(MUTANTS_OF) as MutantKind[];
  return [
    ...(withMutants ? kinds.map((of) => ({ kind: 'mutants', of }) as const) : []),
    ...KNOWN_ADAPTERS.map((adapter) => ({ kind: 'adapter', adapter }) as const),
    ...(share === undefined ? everyPair() : drawPairs(share, everyPair())).map(
      (pair) => ({ kind: 'assembly', pair }) as const,
    ),
  ];
}

export function nameOf(job: Job): string {
  if (job.kind === 'mutants') return job.of === undefined ? 'mutants' : `mutants-of-${job.of}`;
  return job.kind === 'adapter' ? job.adapter.name : nameOfPair(job.pair);
}

const EVERY_CASE = [...LOGDB_CASES, ...RPC_CASES, ...ASSEMBLY_CASES].map(({ id }) => id);

/** Runs the job in this process, which has nothing else to do. */
export async function runJob(
  job: Job,
  settings: AdapterSettings,
  cases: readonly string[] | undefined,
  share?: Share,
): Promise<Outcome> {
  const from = performance.now();
  const before = process.cpuUsage();
  const isExample = job.kind === 'adapter' && job.adapter.isExample === true;
  const drawn = share && (isExample ? { ...share, percent: share.percent / 2 } : share);
  const isChosen = drawn && ((id: string): boolean => isDrawn(drawn, nameOf(job), id));
  const only = cases ?? (isChosen === undefined ? undefined : EVERY_CASE.filter(isChosen));
  const outcome = await outcomeOf(job, settings, only === undefined ? {} : { only }, share);
  const { user, system } = process.cpuUsage(before);
  const cpuMs = Math.round((user + system) / 1000);
  const time = { job: nameOf(job), elapsedMs: Math.round(performance.now() - from), cpuMs };
  return { ...outcome, times: [time] };
}

async function outcomeOf(
  job: Job,
  settings: AdapterSettings,
  options: RunOptions,
  share: Share | undefined,
): Promise<Omit<Outcome, 'times'>> {
  if (job.kind === 'mutants') {
    const all: readonly Mutant[] = job.of === undefined ? MUTANTS : MUTANTS_OF[job.of];
    const some = share && mutantShare(share, MUTANTS.length);
    const mutants = some === undefined ? all : all.filter(({ name }) => isDrawn(some, name));
    return { adapters: [], mutants: await runMutants(mutants) };
  }
  const outcome = await (job.kind === 'adapter'
    ? runAdapter(job.adapter, settings, options)
    : runPair(job.pair, options));
  return { adapters: [outcome], mutants: [] };
}

/**
 * The jobs that took longest when they were last looked at, the longest first. Begun before the others they are not
 * what everybody waits for in the end.
 */
const LONG: readonly string[] = [
  'mutants-of-rpc',
  'transport-quic:quic',
  'mutants-of-tcp',
  'transport-grpc',
  'transport-quic:webtransport-h2',
  'mutants-of-assembly',
  'transport-ws',
  'transport-tcp:dragonboat',
  'transport-tcp:drakkar',
  'example-tcp',
  'reference-tcp',
  'logdb-segments',
  'logdb-sqlite',
];

/** The order in which the jobs are best begun; each with its place in the order in which they are shown. */
export function longestFirst(jobs: readonly Job[]): [place: number, job: Job][] {
  const rank = (job: Job): number => {
    const at = LONG.indexOf(nameOf(job));
    return at === -1 ? LONG.length : at;
  };
  return [...jobs.entries()].sort(([, a], [, b]) => rank(a) - rank(b));
}

const MAIN = fileURLToPath(new URL('main.js', import.meta.url));
const LONGEST_MS = 15 * 60_000;

/** How the command is told to run just this. */
export function argumentsOf(job: Job): string[] {
  if (job.kind === 'mutants') return job.of === undefined ? ['--mutants'] : ['--mutants-of', job.of];
  if (job.kind === 'assembly') {
    const { logdb, transport } = job.pair;
    return ['assembly', logdb.name, transport.name];
  }
  const { name, kind, specifier = name } = job.adapter;
  if (KNOWN_ADAPTERS.some((each) => each.name === name)) return ['--adapter', name];
  if (kind === undefined) return ['--module', specifier];
  return [kind === 'logdb' ? 'logdb' : 'rpc', specifier];
}

function contractOf(job: Job): Pick<AdapterOutcome, 'name' | 'contract'> {
  if (job.kind === 'adapter') return adapterContract(job.adapter);
  return { name: nameOf(job), ...(job.kind === 'assembly' ? { contract: 'assembly' } : {}) };
}

/** Runs the job in a process of its own, so that an adapter that breaks its process breaks no other's run. */
export async function runJobApart(job: Job, extraArgs: readonly string[]): Promise<Outcome> {
  const from = performance.now();
  try {
    const text = await runMain([...argumentsOf(job), ...extraArgs, '--json']);
    const { adapters, mutants, times } = JSON.parse(text) as Outcome;
    return { adapters: adapters.map((each) => withoutWish(job, each)), mutants, times };
  } catch (error) {
    const adapters = [{ ...contractOf(job), broken: describeError(error) }];
    const time = { job: nameOf(job), elapsedMs: Math.round(performance.now() - from) };
    return { adapters, mutants: [], times: [time] };
  }
}

/** The process that runs a job was asked for the adapter by name; the user, who asked for everything, was not. */
function withoutWish(job: Job, outcome: AdapterOutcome): AdapterOutcome {
  if (!('notInstalled' in outcome) || job.kind === 'mutants') return outcome;
  const adapters = job.kind === 'adapter' ? [job.adapter] : [job.pair.logdb, job.pair.transport];
  const isFailure =
    adapters.some(({ isWanted = false }) => isWanted) ||
    !adapters.some(({ isOptional = false, specifier = '' }) => isOptional || isMissing(specifier));
  return { ...outcome, isFailure };
}

function runMain(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: LONGEST_MS,
    killSignal: 'SIGKILL',
  });
  const output: Buffer[] = [];
  child.stdout.on('data', (data: Buffer) => output.push(data));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode, signal) => {
      if (exitCode === 0 || exitCode === 1) resolve(Buffer.concat(output).toString());
      else reject(new Error(`its process ended with ${signal ?? `exit code ${exitCode}`}`));
    });
  });
}
