import type { RaftRPCCapabilities } from '@drakkar/raftio';
import type { Report, RunOptions, TestRunner } from '../suite/case.js';
import { type Suite, registerSuite, runSuite } from '../suite/run.js';
import { BOUND_CASES } from './cases/bound.js';
import { CONN_CASES } from './cases/conn.js';
import { DELIVER_CASES, ORDER_CASES } from './cases/deliver.js';
import { HOSTILE_CASES } from './cases/hostile.js';
import { LIFE_CASES } from './cases/life.js';
import { PEER_CERTIFICATE_CASES } from './cases/peer-certificates.js';
import type { RPCCase } from './cases/rpc-case.js';
import { SNAP_CASES } from './cases/snap.js';
import { STOP_CASES } from './cases/stop.js';
import { TLS_CASES, TRUST_CASES } from './cases/tls.js';
import { RPCBench, type RPCHarness } from './harness.js';

/** Every clause of docs/rpc-contract.md, in its order. */
export const RPC_CASES: readonly RPCCase[] = [
  ...LIFE_CASES,
  ...CONN_CASES,
  ...DELIVER_CASES,
  ...ORDER_CASES,
  ...BOUND_CASES,
  ...HOSTILE_CASES,
  ...SNAP_CASES,
  ...STOP_CASES,
  ...TLS_CASES,
  ...PEER_CERTIFICATE_CASES,
  ...TRUST_CASES,
];

function suiteOf(harness: RPCHarness): Suite<RPCBench, RaftRPCCapabilities> {
  return {
    contract: 'rpc',
    adapter: harness.name,
    capabilities: harness.capabilities,
    cases: RPC_CASES,
    knownGaps: harness.knownGaps ?? {},
    unavailable: harness.unavailable,
    makeBench: async () => new RPCBench(await harness.setup(), harness, harness.seed ?? 1),
    notesOf: (bench, hasFailed) => (hasFailed ? [...bench.notes, ...bench.warned()] : bench.notes),
    hasDrawn: ({ hasDrawn }) => hasDrawn,
    cleanUp: (bench) => bench.cleanUp(),
  };
}

/** Registers the whole transport suite with a test runner (jest, node:test, vitest: anything with describe and it). */
export function rpcSuite(runner: TestRunner, harness: RPCHarness): void {
  registerSuite(runner, suiteOf(harness));
}

/** Runs the transport suite without a test runner. */
export function runRPC(harness: RPCHarness, options: RunOptions = {}): Promise<Report> {
  return runSuite(suiteOf(harness), options);
}
