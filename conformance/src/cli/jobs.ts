import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type MutantResult, runMutants } from '../mutants/mutant.js';
import { MUTANTS } from '../mutants/all.js';
import { describeError } from '../suite/assert.js';
import { isMissing } from '../adapters/load.js';
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
  { kind: 'adapter'; adapter: NamedAdapter } | { kind: 'assembly'; pair: NamedPair } | { kind: 'mutants' };

/** What came of the jobs; also what `--json` prints, with `ok`. */
export interface Outcome {
  adapters: AdapterOutcome[];
  mutants: MutantResult[];
}

export function everyJob(withMutants: boolean): Job[] {
  return [
    ...(withMutants ? [{ kind: 'mutants' } as const] : []),
    ...KNOWN_ADAPTERS.map((adapter) => ({ kind: 'adapter', adapter }) as const),
    ...everyPair().map((pair) => ({ kind: 'assembly', pair }) as const),
  ];
}

export function nameOf(job: Job): string {
  if (job.kind === 'mutants') return 'mutants';
  return job.kind === 'adapter' ? job.adapter.name : nameOfPair(job.pair);
}

export async function runJob(
  job: Job,
  settings: AdapterSettings,
  cases: readonly string[] | undefined,
): Promise<Outcome> {
  if (job.kind === 'mutants') {
    return { adapters: [], mutants: await runMutants(MUTANTS) };
  }
  const options = cases === undefined ? {} : { only: cases };
  const outcome = await (job.kind === 'adapter'
    ? runAdapter(job.adapter, settings, options)
    : runPair(job.pair, options));
  return { adapters: [outcome], mutants: [] };
}

const MAIN = fileURLToPath(new URL('main.js', import.meta.url));
const LONGEST_MS = 15 * 60_000;

function argumentsOf(job: Job): string[] {
  if (job.kind === 'mutants') return ['--mutants'];
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
  try {
    const text = await runMain([...argumentsOf(job), ...extraArgs, '--json']);
    const { adapters, mutants } = JSON.parse(text) as Outcome;
    return { adapters: adapters.map((each) => withoutWish(job, each)), mutants };
  } catch (error) {
    return { adapters: [{ ...contractOf(job), broken: describeError(error) }], mutants: [] };
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
