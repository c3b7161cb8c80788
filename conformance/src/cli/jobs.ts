import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { LOGDB_MUTANTS } from '../mutants/logdb-mutants.js';
import { type MutantResult, runMutants } from '../mutants/mutant.js';
import { RPC_MUTANTS } from '../mutants/rpc-mutants.js';
import { describeError } from '../suite/assert.js';
import { isMissing } from '../adapters/load.js';
import {
  type AdapterOutcome,
  type AdapterSettings,
  KNOWN_ADAPTERS,
  type NamedAdapter,
  runAdapter,
} from './adapters.js';

/** One thing that the command does, in a process of its own when there are several. */
export type Job = { kind: 'adapter'; adapter: NamedAdapter } | { kind: 'mutants' };

/** What came of the jobs; also what `--json` prints, with `ok`. */
export interface Outcome {
  adapters: AdapterOutcome[];
  mutants: MutantResult[];
}

export function everyJob(withMutants: boolean): Job[] {
  return [
    ...(withMutants ? [{ kind: 'mutants' } as const] : []),
    ...KNOWN_ADAPTERS.map((adapter) => ({ kind: 'adapter', adapter }) as const),
  ];
}

export function nameOf(job: Job): string {
  return job.kind === 'adapter' ? job.adapter.name : 'mutants';
}

export async function runJob(
  job: Job,
  settings: AdapterSettings,
  cases: readonly string[] | undefined,
): Promise<Outcome> {
  if (job.kind === 'mutants') {
    const mutants = [...(await runMutants(LOGDB_MUTANTS)), ...(await runMutants(RPC_MUTANTS))];
    return { adapters: [], mutants };
  }
  const outcome = await runAdapter(job.adapter, settings, cases === undefined ? {} : { only: cases });
  return { adapters: [outcome], mutants: [] };
}

const MAIN = fileURLToPath(new URL('main.js', import.meta.url));
const LONGEST_MS = 15 * 60_000;

function argumentsOf(job: Job): string[] {
  if (job.kind === 'mutants') return ['--mutants'];
  const { name, kind, specifier = name } = job.adapter;
  if (KNOWN_ADAPTERS.some((each) => each.name === name)) return ['--adapter', name];
  if (kind === undefined) return ['--module', specifier];
  return [kind === 'logdb' ? 'logdb' : 'rpc', specifier];
}

/** Runs the job in a process of its own, so that an adapter that breaks its process breaks no other's run. */
export async function runJobApart(job: Job, extraArgs: readonly string[]): Promise<Outcome> {
  try {
    const text = await runMain([...argumentsOf(job), ...extraArgs, '--json']);
    const { adapters, mutants } = JSON.parse(text) as Outcome;
    return { adapters: adapters.map((each) => withoutWish(job, each)), mutants };
  } catch (error) {
    return { adapters: [{ name: nameOf(job), broken: describeError(error) }], mutants: [] };
  }
}

/** The process that runs a job was asked for the adapter by name; the user, who asked for everything, was not. */
function withoutWish(job: Job, outcome: AdapterOutcome): AdapterOutcome {
  if (!('notInstalled' in outcome) || job.kind !== 'adapter') return outcome;
  const { isWanted = false, isOptional = false, specifier = '' } = job.adapter;
  return { ...outcome, isFailure: isWanted || !(isOptional || isMissing(specifier)) };
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
