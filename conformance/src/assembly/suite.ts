import type { Report, RunOptions, TestRunner } from '../suite/case.js';
import { type Suite, registerSuite, runSuite } from '../suite/run.js';
import { AssemblyBench } from './bench.js';
import type { AssemblyCase } from './cases/assembly-case.js';
import { CHANGE_CASES } from './cases/change.js';
import { FAILOVER_CASES } from './cases/failover.js';
import { SERVE_CASES } from './cases/serve.js';
import { TLS_CASES } from './cases/tls.js';
import type { AssemblyCapabilities, AssemblyHarness } from './harness.js';

/** Every clause of docs/assembly.md, in its order. */
export const ASSEMBLY_CASES: readonly AssemblyCase[] = [
  ...SERVE_CASES,
  ...FAILOVER_CASES,
  ...CHANGE_CASES,
  ...TLS_CASES,
];

function suiteOf(harness: AssemblyHarness): Suite<AssemblyBench, AssemblyCapabilities> {
  return {
    contract: 'assembly',
    adapter: harness.name,
    capabilities: harness.capabilities,
    cases: ASSEMBLY_CASES,
    knownGaps: harness.knownGaps ?? {},
    unavailable: harness.unavailable,
    makeBench: async () => new AssemblyBench(await harness.setup()),
    cleanUp: (bench) => bench.cleanUp(),
  };
}

/** Registers the assembly suite with a test runner (jest, node:test, vitest: anything with describe and it). */
export function assemblySuite(runner: TestRunner, harness: AssemblyHarness): void {
  registerSuite(runner, suiteOf(harness));
}

/** Runs the assembly suite without a test runner. */
export function runAssembly(harness: AssemblyHarness, options: RunOptions = {}): Promise<Report> {
  return runSuite(suiteOf(harness), options);
}
