import { describeError, fail } from '../../suite/assert.js';
import { codeOf } from '../history/code.js';
import { type HistoryKind, HistoryDrawer } from '../history/draw.js';
import { HistoryRun } from '../history/run.js';
import { shrink } from '../history/shrink.js';
import type { Step } from '../history/steps.js';
import type { LogDBBench } from '../harness.js';
import type { LogDBCase } from './logdb-case.js';

const MIB = 1024 * 1024;
const DEADLINE_MS = 120_000;
const SHRINK_MS = 8000;
const MOST_SHOWN = 40;

/** What the history fails with on a place of its own; undefined: nothing. */
async function failureOf(bench: LogDBBench, steps: readonly Step[]): Promise<string | undefined> {
  try {
    await new HistoryRun(bench).run(steps);
    return undefined;
  } catch (error) {
    return describeError(error);
  }
}

/** Runs histories drawn from the seed; of one that fails, tells the shortest that is found to fail, as code. */
async function runHistories(bench: LogDBBench, kind: HistoryKind, salt: number): Promise<void> {
  const seed = bench.seed * 1009 + salt;
  const steps = new HistoryDrawer(seed, kind).draw();
  const failure = await failureOf(bench, steps);
  if (failure === undefined) return;
  const onFresh = async (candidate: readonly Step[]): Promise<string | undefined> => {
    const fresh = await bench.another();
    try {
      return await failureOf(fresh, candidate);
    } finally {
      await fresh.cleanUp().catch(() => undefined);
    }
  };
  const shortest = await shrink(steps, onFresh, SHRINK_MS);
  const lines = shortest.steps.slice(0, MOST_SHOWN).map((step) => `  ${codeOf(step)}`);
  if (shortest.steps.length > MOST_SHOWN) lines.push(`  … and ${shortest.steps.length - MOST_SHOWN} more`);
  fail(
    `${shortest.failure ?? failure} (seed ${bench.seed}). ` +
      `The shortest history found that fails, in the words of the suite:\n${lines.join('\n')}`,
  );
}

const SMALL: HistoryKind = { steps: 220, overlaps: false, crashes: false, budgetBytes: MIB, removals: 8 };

function modelCase(id: string, title: string, kind: HistoryKind, salt: number): LogDBCase {
  return { id, title, run: (bench) => runHistories(bench, kind, salt), deadlineMs: DEADLINE_MS };
}

export const MODEL_CASES: readonly LogDBCase[] = [
  modelCase('LDB-MODEL-1', 'any sequence of calls, with reopenings, leaves what the contract says', SMALL, 1),
  modelCase(
    'LDB-MODEL-2',
    'calls that overlap leave, and give, what they would one after the other in the order called',
    { ...SMALL, overlaps: true },
    2,
  ),
  modelCase(
    'LDB-MODEL-3',
    'the same holds for large data that is removed and compacted all the time',
    { steps: 320, overlaps: true, crashes: false, budgetBytes: 16 * MIB, removals: 14 },
    3,
  ),
  modelCase(
    'LDB-MODEL-4',
    'and when the process is lost on the way, again and again',
    { steps: 120, overlaps: true, crashes: true, budgetBytes: 2 * MIB, removals: 8 },
    4,
  ),
];
