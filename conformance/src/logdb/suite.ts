import type { LogDBCapabilities } from '@drakkar/raftio';
import type { Report, RunOptions, TestRunner } from '../suite/case.js';
import { type Suite, registerSuite, runSuite } from '../suite/run.js';
import { ARGS_CASES } from './cases/args.js';
import { BOOT_CASES } from './cases/boot.js';
import { CLOSE_CASES, OPEN_CASES } from './cases/close.js';
import { COMPACT_CASES } from './cases/compact.js';
import { CONC_CASES } from './cases/conc.js';
import { CRASH_CASES, FENCE_CASES } from './cases/crash.js';
import { ITER_CASES } from './cases/iter.js';
import type { LogDBCase } from './cases/logdb-case.js';
import { MODEL_CASES } from './cases/model.js';
import { IMPORT_CASES, NODE_CASES } from './cases/node.js';
import { REMOVE_CASES } from './cases/remove.js';
import { SAVE_CASES } from './cases/save.js';
import { SNAP_CASES } from './cases/snap.js';
import { STATE_CASES } from './cases/state.js';
import { TAIL_CASES } from './cases/tail.js';
import { LogDBBench, type LogDBHarness } from './harness.js';

/** Every clause of docs/logdb-contract.md, in its order. */
export const LOGDB_CASES: readonly LogDBCase[] = [
  ...OPEN_CASES,
  ...BOOT_CASES,
  ...SAVE_CASES,
  ...TAIL_CASES,
  ...ITER_CASES,
  ...STATE_CASES,
  ...REMOVE_CASES,
  ...COMPACT_CASES,
  ...SNAP_CASES,
  ...NODE_CASES,
  ...IMPORT_CASES,
  ...CONC_CASES,
  ...ARGS_CASES,
  ...CLOSE_CASES,
  ...MODEL_CASES,
  ...CRASH_CASES,
  ...FENCE_CASES,
];

function suiteOf(harness: LogDBHarness): Suite<LogDBBench, LogDBCapabilities> {
  return {
    contract: 'logdb',
    adapter: harness.name,
    capabilities: harness.capabilities,
    cases: LOGDB_CASES,
    knownGaps: harness.knownGaps ?? {},
    unavailable: harness.unavailable,
    makeBench: async () => {
      const bench = new LogDBBench(await harness.setup(), harness.capabilities, harness.seed ?? 1);
      try {
        await bench.open();
      } catch (error) {
        await bench.cleanUp();
        throw error;
      }
      return bench;
    },
    cleanUp: (bench) => bench.cleanUp(),
  };
}

/** Registers the whole LogDB suite with a test runner (jest, node:test, vitest: anything with describe and it). */
export function logDBSuite(runner: TestRunner, harness: LogDBHarness): void {
  registerSuite(runner, suiteOf(harness));
}

/** Runs the LogDB suite without a test runner. */
export function runLogDB(harness: LogDBHarness, options: RunOptions = {}): Promise<Report> {
  return runSuite(suiteOf(harness), options);
}
