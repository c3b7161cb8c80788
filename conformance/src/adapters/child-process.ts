import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { DrakkarError, type ILogDB } from '@drakkar/raftio';
import { notApplicable } from '../suite/assert.js';
import { type CrashPlan, type CrashTrace, type FaultTrace, Tracer } from '../logdb/workload.js';
import type { ChildLine, ChildTask } from './child-protocol.js';

/** The compiled child script, wherever this file runs from: source under a test runner, or dist. */
const SCRIPT = fileURLToPath(new URL('../../dist/adapters/child.js', import.meta.url));

/** In blocks of 512 bytes: 2 MiB, which a workload of some seconds outgrows. */
const FILE_LIMIT_BLOCKS = 4096;

interface Running {
  child: ChildProcess;
  /** Resolves when the process has ended and all its lines were heard. */
  ended: Promise<{ signal: string | null; exitCode: number | null; stderr: string }>;
}

function run(task: ChildTask, hear: (line: ChildLine) => void, fileLimit: boolean): Running {
  if (!existsSync(SCRIPT)) notApplicable('the package is not built: run its build first');
  const args = [SCRIPT, JSON.stringify(task)];
  const child = fileLimit
    ? spawn('sh', ['-c', `ulimit -f ${FILE_LIMIT_BLOCKS}; exec "$@"`, 'sh', process.execPath, ...args])
    : spawn(process.execPath, args);
  let stderr = '';
  child.stderr?.on('data', (text: Buffer) => {
    stderr = (stderr + text.toString()).slice(-2000);
  });
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  lines.on('line', (text) => {
    hear(JSON.parse(text) as ChildLine);
  });
  const heard = new Promise((resolve) => lines.on('close', resolve));
  const closed = new Promise<[number | null, string | null]>((resolve, reject) => {
    child.on('close', (exitCode, signal) => {
      resolve([exitCode, signal]);
    });
    child.on('error', reject);
  });
  const ended = closed.then(async ([exitCode, signal]) => {
    await heard;
    return { exitCode, signal, stderr };
  });
  return { child, ended };
}

/** Runs the workload in a process of its own and kills that with SIGKILL in the middle. */
export async function crashInChild(
  task: Omit<ChildTask, 'action' | 'plan'>,
  plan: CrashPlan,
): Promise<CrashTrace> {
  const tracer = new Tracer(plan);
  let killing = false;
  const { child, ended } = run({ ...task, action: 'crash', plan }, hear, false);
  function hear(line: ChildLine): void {
    if (!('event' in line)) return;
    tracer.note(line.event);
    if (killing || tracer.acks < plan.acksBeforeCrash) return;
    killing = true;
    setTimeout(() => child.kill('SIGKILL'), plan.delay);
  }
  const { signal, exitCode, stderr } = await ended;
  if (signal !== 'SIGKILL') throw new Error(`the process ended by itself, exit code ${exitCode}: ${stderr}`);
  return tracer.trace;
}

/** Runs the workload in a process whose files can't grow beyond a limit, so that writes begin to fail. */
export async function failWritesInChild(
  task: Omit<ChildTask, 'action' | 'plan'>,
  plan: CrashPlan,
): Promise<FaultTrace> {
  let fault: FaultTrace | undefined;
  const { ended } = run(
    { ...task, action: 'fault', plan },
    (line) => {
      if ('fault' in line) fault = line.fault;
    },
    true,
  );
  const { signal, exitCode, stderr } = await ended;
  if (fault === undefined) {
    throw new Error(
      `the process whose writes failed said nothing and ended, ${signal ?? exitCode}: ${stderr}`,
    );
  }
  return fault;
}

/** Opens the LogDB in a process of its own; rejects with the code that it was refused with there. */
export async function openInChild(task: Omit<ChildTask, 'action' | 'plan'>): Promise<Pick<ILogDB, 'close'>> {
  let line: ChildLine | undefined;
  const { ended } = run(
    { ...task, action: 'open', plan: undefined },
    (said) => {
      line = said;
    },
    false,
  );
  const { exitCode, stderr } = await ended;
  if (line === undefined) throw new Error(`the other process said nothing, exit code ${exitCode}: ${stderr}`);
  if ('refused' in line) throw new DrakkarError(line.refused.code, 'fix', line.refused.message);
  return { close: () => Promise.resolve() };
}
