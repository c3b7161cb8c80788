import type { LogDBCapabilities } from '@drakkar/raftio';
import type { Report, RunOptions, TestRunner } from '../suite/case.js';
import { type Suite, registerSuite, runSuite } from '../suite/run.js';
import { ARGS_CASES } from './cases/args.js';
import { BOOT_CASES } from './cases/boot.js';
import { CLOSE_CASES, OPEN_CASES } from './cases/close.js';
import { COMPACT_CASES } from './cases/compact.js';
import { CONC_CASES } from './cases/conc.js';
import { CRASH_CASES } from './cases/crash.js';
import { DAMAGE_CASES, MEMORY_CASES, SYNC_CASES } from './cases/disk.js';
import {
  HANDLES,
  READ_IN_FLIGHT_CLOSE,
  READ_IN_FLIGHT_COMPACT,
  SPOILT_READS,
  UNEQUAL_SAVES,
} from './cases/flight.js';
import { BOUNDS_CASES, LIMIT_CASES, LONG_LOG, LONG_TAIL } from './cases/scale.js';
import { FENCE_CASES } from './cases/fence.js';
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
  ...BOUNDS_CASES,
  LONG_LOG,
  ...TAIL_CASES,
  LONG_TAIL,
  ...ITER_CASES,
  ...LIMIT_CASES,
  ...STATE_CASES,
  ...REMOVE_CASES,
  ...COMPACT_CASES,
  READ_IN_FLIGHT_COMPACT,
  ...SNAP_CASES,
  ...NODE_CASES,
  ...IMPORT_CASES,
  ...CONC_CASES,
  UNEQUAL_SAVES,
  ...ARGS_CASES,
  SPOILT_READS,
  ...CLOSE_CASES,
  READ_IN_FLIGHT_CLOSE,
  HANDLES,
  ...MODEL_CASES,
  ...CRASH_CASES,
  ...FENCE_CASES,
  ...SYNC_CASES,
  ...DAMAGE_CASES,
  ...MEMORY_CASES,
];

async function makeBench(harness: LogDBHarness): Promise<LogDBBench> {
  const another = (): Promise<LogDBBench> => makeBench(harness);
  const bench = new LogDBBench(await harness.setup(), harness.capabilities, harness.seed ?? 1, another);
  try {
    await bench.open();
  } catch (error) {
    await bench.cleanUp();
    throw error;
  }
  return bench;
}

function suiteOf(harness: LogDBHarness): Suite<LogDBBench, LogDBCapabilities> {
  return {
    contract: 'logdb',
    adapter: harness.name,
    capabilities: harness.capabilities,
    cases: LOGDB_CASES,
    knownGaps: harness.knownGaps ?? {},
    unavailable: harness.unavailable,
    makeBench: () => makeBench(harness),
    hangsIn: (bench) => bench.pending.describe(),
    hasDrawn: ({ hasDrawn }) => hasDrawn,
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
