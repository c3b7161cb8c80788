export type { CaseResult, CaseStatus, Report, RunOptions, TestRunner } from './suite/case.js';
export type { LogDBHarness, LogDBPlace } from './logdb/harness.js';
export {
  type CrashPlan,
  type CrashTrace,
  type FaultTrace,
  type LaneTrace,
  Tracer,
  type WorkloadEvent,
  runFaultWorkload,
  runWorkload,
} from './logdb/workload.js';
export { logDBSuite, runLogDB } from './logdb/suite.js';
export { MEMORY_LOGDB_CAPABILITIES, MemoryLogDB, MemoryPlace } from './reference/memory-logdb.js';
export { memoryLogDBHarness } from './reference/memory-logdb-harness.js';
export type { Host, Link, RPCHarness, RPCSite, TLSFixtures } from './rpc/harness.js';
export type { Carrier } from './rpc/network.js';
export { rpcSuite, runRPC } from './rpc/suite.js';
export { MemoryHub, MemoryLink } from './reference/memory-hub.js';
export { MEMORY_RPC_CAPABILITIES, MemoryRPC } from './reference/memory-rpc.js';
export { memoryRPCHarness } from './reference/memory-rpc-harness.js';
export {
  type LinearizabilityOptions,
  type LinearizabilityResult,
  checkLinearizableRegister,
} from './linearizability/check.js';
export { type RegisterOperation, type RegisterValue } from './linearizability/history.js';
export {
  type ModuleHarness,
  type ModuleHarnessOptions,
  harnessFromModule,
} from './adapters/module-harness.js';
export { writeTestCertificates } from './tls/certificates.js';
