import { writeSync } from 'node:fs';
import type { LogDBFactory } from '@drakkar/raftio';
import { describeError } from '../suite/assert.js';
import { runFaultWorkload, runWorkload } from '../logdb/workload.js';
import type { ChildLine, ChildTask } from './child-protocol.js';
import { factoryOf, loadAdapterModule } from './load.js';

const STDOUT = 1;

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
  const factory = factoryOf<LogDBFactory>(await loadAdapterModule(task.module), task.options);
  const { dir, walDir, plan } = task;
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
    say({ fault: await runFaultWorkload(db, plan, () => undefined) });
    return;
  }
  await runWorkload(db, plan, (event) => {
    say({ event });
  });
}

await main(JSON.parse(process.argv[2] ?? '{}') as ChildTask);
