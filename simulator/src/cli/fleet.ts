import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ExtensionName } from '../extensions.js';
import type { SeedOutcome, Task } from './run-seed.js';

const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url));

export interface FleetOptions {
  workers: number;
  twice: boolean;
  shrinks: boolean;
  only: string | undefined;
  extensions: readonly ExtensionName[] | undefined;
  /** A seed that takes longer, in real time, has got stuck. Shrinking is part of it. */
  patienceMs: number;
  /** The next seed to be lived; `undefined` when there is none. */
  nextSeed: () => number | undefined;
  onOutcome: (outcome: SeedOutcome) => void;
}

/** What became of a worker that gave no answer. */
function lostOutcome(seed: number, message: string): SeedOutcome {
  const violation = { invariant: 'the process', message: `the process: ${message}` };
  return {
    seed,
    violation,
    simulatedMs: 0,
    steps: 0,
    coverage: {},
    traceHash: '',
    faults: undefined,
    news: [],
  };
}

/** Lives seed after seed in one process, and in another one should that be lost. */
async function drive(options: FleetOptions): Promise<void> {
  let child: ChildProcess | undefined;
  try {
    for (let seed = options.nextSeed(); seed !== undefined; seed = options.nextSeed()) {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) child = fork(WORKER);
      const { twice, shrinks, only, extensions } = options;
      const task = { seed, twice, shrinks, only, extensions };
      options.onOutcome(await ask(child, task, options.patienceMs));
    }
  } finally {
    child?.kill();
  }
}

function ask(child: ChildProcess, task: Task, patienceMs: number): Promise<SeedOutcome> {
  return new Promise((resolve) => {
    const onMessage = (outcome: SeedOutcome): void => settle(outcome);
    const onExit = (code: number | null): void =>
      settle(lostOutcome(task.seed, `its process ended with ${code ?? 'a signal'}`));
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      settle(lostOutcome(task.seed, `no end after ${patienceMs / 1_000} s`));
    }, patienceMs);
    const settle = (outcome: SeedOutcome): void => {
      clearTimeout(timer);
      child.off('message', onMessage);
      child.off('exit', onExit);
      resolve(outcome);
    };
    child.on('message', onMessage);
    child.on('exit', onExit);
    child.send(task);
  });
}

/** Lives all seeds, in several processes at a time. */
export async function runFleet(options: FleetOptions): Promise<void> {
  await Promise.all(Array.from({ length: options.workers }, () => drive(options)));
}
