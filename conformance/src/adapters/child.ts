import { writeSync } from 'node:fs';
import type { ILogDB, LogDBModule } from '@drakkar/raftio';
import { describeError } from '../suite/assert.js';
import {
  type CrashPlan,
  LossTimer,
  type WorkloadEvent,
  runFaultWorkload,
  runWorkload,
} from '../logdb/workload.js';
import type { ChildLine, ChildTask } from './child-protocol.js';
import { FailingDisk, canLimitFiles } from './failing-disk.js';
import { loadAdapterModule } from './load.js';

const STDOUT = 1;
const LOSS_MS = 5000;

/** Written at once: what was said before the process is lost has been said. */
function say(line: ChildLine): void {
  const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(STDOUT, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
}

async function main(task: ChildTask): Promise<void> {
  const factory = ((await loadAdapterModule(task.module)) as LogDBModule).create(task.options);
  const { dir, walDir, plan } = task;
  // Another working directory than the parent's: a path that an adapter has made relative is another place here.
  process.chdir(dir);
  if (task.action === 'open') {
    try {
      const db = await factory({ dir, walDir });
      say({ opened: true });
      await db.close();
    } catch (error) {
      const { code } = error as { code?: unknown };
      say({ refused: { code: typeof code === 'string' ? code : 'no code', message: describeError(error) } });
    }
    return;
  }
  if (plan === undefined) throw new Error('no plan');
  const db = await factory({ dir, walDir });
  if (task.action === 'fault') {
    await runFaulty(db, plan, new FailingDisk(dir, walDir));
    return;
  }
  const timer = new LossTimer(plan, () => process.kill(process.pid, 'SIGKILL'));
  await runWorkload(db, plan, (event) => {
    say({ event });
    timer.note(event);
  });
  // The loss comes, but not before its time.
  await new Promise((resolve) => setTimeout(resolve, LOSS_MS));
}

/** Events are announced as well, so that a trace of the process says between which of them it wrote. */
async function runFaulty(db: ILogDB, plan: CrashPlan, disk: FailingDisk): Promise<void> {
  const { fault } = plan;
  const breakDisk = (acks: number): void => {
    const isDue = fault?.kind === 'write' && acks === plan.acksBeforeCrash;
    if (isDue && canLimitFiles()) disk.break(fault.roomBytes);
  };
  const mendDisk = (): void => {
    disk.mend();
  };
  const announce = (event: WorkloadEvent): void => {
    say({ event });
  };
  say({ fault: await runFaultWorkload(db, plan, breakDisk, mendDisk, announce) });
}

await main(JSON.parse(process.argv[2] ?? '{}') as ChildTask);
