import { describeError, fail } from '../../suite/assert.js';
import { Lane } from '../generate.js';
import { checkModel, perform } from '../model.js';
import type { LogDBBench } from '../harness.js';
import { checkReplica } from '../model.js';
import type { LogDBCase } from './logdb-case.js';

const STEPS = 240;
const CHECK_EVERY = 12;
const REOPEN_EVERY = 60;

async function replay(bench: LogDBBench): Promise<void> {
  const calls = new Lane('lifecycle', bench.seed, 0);
  while (calls.step < STEPS) {
    const operation = calls.next();
    await perform(bench.db, operation);
    const what = `seed ${bench.seed}, after call ${calls.step}, ${operation.op}`;
    if (calls.step % REOPEN_EVERY === 0) await bench.reopen();
    if (calls.step % CHECK_EVERY === 0) await checkModel(bench.db, calls.model, what);
  }
  await checkModel(bench.db, calls.model, `seed ${bench.seed}, at the end`);
}

/** Four lanes at once; what each leaves behind must not depend on the others. */
async function replayOverlapping(bench: LogDBBench): Promise<void> {
  const lanes = [0, 1, 2, 3].map((lane) => new Lane('lifecycle', bench.seed + 1, lane));
  for (let round = 1; round <= 3; round++) {
    await Promise.all(
      lanes.map(async (calls) => {
        while (calls.step < round * 40) await perform(bench.db, calls.next());
      }),
    );
    await bench.reopen();
    for (const [lane, { model }] of lanes.entries()) {
      for (const each of model.replicas) await checkReplica(bench.db, each, `lane ${lane}, round ${round}`);
    }
  }
}

/** Adds to a failure what repeats it. */
async function withSeed(bench: LogDBBench, body: (bench: LogDBBench) => Promise<void>): Promise<void> {
  try {
    await body(bench);
  } catch (error) {
    fail(`${describeError(error)} (seed ${bench.seed})`);
  }
}

export const MODEL_CASES: readonly LogDBCase[] = [
  {
    id: 'LDB-MODEL-1',
    title: 'any sequence of calls, with reopenings, leaves what the contract says',
    run: (bench) => withSeed(bench, replay),
    deadlineMs: 60_000,
  },
  {
    id: 'LDB-MODEL-2',
    title: 'sequences for different replicas that overlap leave what each alone would',
    run: (bench) => withSeed(bench, replayOverlapping),
    deadlineMs: 60_000,
  },
];
