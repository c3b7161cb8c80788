import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { DrakkarError, type ILogDB } from '@drakkar/raftio';
import { notApplicable } from '../suite/assert.js';
import { type CrashPlan, type CrashTrace, type FaultTrace, Tracer } from '../logdb/workload.js';
import type { ChildLine, ChildTask } from './child-protocol.js';
import { canLimitFiles, canTrace, withFailingSync, withTrace } from './failing-disk.js';

/** The compiled child script, wherever this file runs from: source under a test runner, or dist. */
const SCRIPT = fileURLToPath(new URL('../../dist/adapters/child.js', import.meta.url));

/** In blocks of 512 bytes: 2 MiB, which a workload of some seconds outgrows. */
const FILE_LIMIT_BLOCKS = 4096;

interface Running {
  child: ChildProcess;
  /** Resolves when the process has ended and all its lines were heard. */
  ended: Promise<{ signal: string | null; exitCode: number | null; stderr: string }>;
}

/** `wrapper` is a command that runs the one that follows it. */
function run(
  task: ChildTask,
  hear: (line: ChildLine) => void,
  wrapper: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Running {
  if (!existsSync(SCRIPT)) notApplicable('the package is not built: run its build first');
  const [command = '', ...args] = [...wrapper, process.execPath, SCRIPT, JSON.stringify(task)];
  const child = spawn(command, args, { env: { ...process.env, ...env } });
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

/** Runs the workload in a process of its own, which ends itself by SIGKILL in the middle. */
export async function crashInChild(
  task: Omit<ChildTask, 'action' | 'plan'>,
  plan: CrashPlan,
): Promise<CrashTrace> {
  const tracer = new Tracer(plan);
  const { ended } = run({ ...task, action: 'crash', plan }, (line) => {
    if ('event' in line) tracer.note(line.event);
  });
  const { signal, exitCode, stderr } = await ended;
  if (signal !== 'SIGKILL') throw new Error(`the process ended by itself, exit code ${exitCode}: ${stderr}`);
  return tracer.trace;
}

/** Where nothing better is there: writes fail when a file has grown to a fixed size. */
const SMALL_FILES = ['sh', '-c', `ulimit -f ${FILE_LIMIT_BLOCKS}; exec "$@"`, 'sh'];

/** Runs the workload in a process whose writes, or syncs, begin to fail on the way. */
export async function failWritesInChild(
  task: Omit<ChildTask, 'action' | 'plan'>,
  plan: CrashPlan,
): Promise<FaultTrace> {
  if (plan.fault?.kind === 'sync') return failSyncInChild(task, plan, plan.fault);
  const fault = { ...task, action: 'fault', plan } as const;
  if (canLimitFiles()) return runFault(fault, []);
  const trace = await runFault(fault, SMALL_FILES);
  if (trace.failure === undefined) {
    notApplicable('without prlimit, writes fail only beyond 2 MiB of a file, and no file became as large');
  }
  return trace;
}

async function runFault(
  task: ChildTask,
  wrapper: readonly string[],
  env?: Readonly<Record<string, string>>,
): Promise<FaultTrace> {
  let fault: FaultTrace | undefined;
  const { ended } = run(
    task,
    (line) => {
      if ('fault' in line) fault = line.fault;
    },
    wrapper,
    env,
  );
  const { signal, exitCode, stderr } = await ended;
  if (fault === undefined) {
    throw new Error(
      `the process whose writes failed ended before the calls had, ${signal ?? exitCode}: ${stderr}`,
    );
  }
  return fault;
}

/** So that there is one count of syncs. */
const ONE_THREAD = { UV_THREADPOOL_SIZE: '1' };

async function failSyncInChild(
  task: Omit<ChildTask, 'action' | 'plan'>,
  plan: CrashPlan,
  { call, number }: { call: string; number: number },
): Promise<FaultTrace> {
  if (!canTrace()) notApplicable('there is no strace here, by which a sync could be made to fail');
  const folder = await mkdtemp(join(tmpdir(), 'drakkar-strace-'));
  try {
    const logFile = join(folder, 'log');
    const fault = await runFault(
      { ...task, action: 'fault', plan },
      withFailingSync(logFile, call, number),
      ONE_THREAD,
    );
    const isFailed = (await readFile(logFile, 'utf8')).includes('(INJECTED)');
    if (!isFailed) notApplicable(`no thread of it made as many calls of ${call} as would make one fail`);
    return fault;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs the workload to its end and gives what the process wrote and synced meanwhile, as strace tells it. */
export async function traceInChild(
  task: Omit<ChildTask, 'action' | 'plan'>,
  plan: CrashPlan,
): Promise<string> {
  if (!canTrace()) notApplicable('there is no strace here, by which syncs could be seen');
  const folder = await mkdtemp(join(tmpdir(), 'drakkar-strace-'));
  try {
    const logFile = join(folder, 'log');
    await runFault({ ...task, action: 'fault', plan }, withTrace(logFile));
    return await readFile(logFile, 'utf8');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Opens the LogDB in a process of its own; rejects with the code that it was refused with there. */
export async function openInChild(task: Omit<ChildTask, 'action' | 'plan'>): Promise<Pick<ILogDB, 'close'>> {
  let line: ChildLine | undefined;
  const { ended } = run({ ...task, action: 'open', plan: undefined }, (said) => {
    line = said;
  });
  const { exitCode, stderr } = await ended;
  if (line === undefined) throw new Error(`the other process said nothing, exit code ${exitCode}: ${stderr}`);
  if ('refused' in line) throw new DrakkarError(line.refused.code, 'fix', line.refused.message);
  return { close: () => Promise.resolve() };
}
