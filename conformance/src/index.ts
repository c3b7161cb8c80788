export type { CaseResult, CaseStatus, Report, RunOptions, TestRunner } from './suite/case.js';
export type { LogDBHarness, LogDBPlace, SyncedCall } from './logdb/harness.js';
export { bootstrap, entries, entry, replica, snapshotRecord, state, update } from './logdb/make.js';
export {
  type CrashPlan,
  type CrashTrace,
  type FaultTrace,
  type LaneTrace,
  LossTimer,
  Tracer,
  type WorkloadEvent,
  runFaultWorkload,
  runWorkload,
} from './logdb/workload.js';
export { logDBSuite, runLogDB } from './logdb/suite.js';
export { MEMORY_LOGDB_CAPABILITIES, MemoryLogDB, MemoryPlace } from './reference/memory-logdb.js';
export { memoryLogDBHarness } from './reference/memory-logdb-harness.js';
export type { Host, RPCHarness, RPCSite, TLSFixtures } from './rpc/harness.js';
export type { Link } from './rpc/link.js';
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
export {
  type CheckOptions,
  type CheckResult,
  type Violation,
  checkLinearizable,
} from './linearizability/check-linearizable.js';
export { IMPOSSIBLE, type Model } from './linearizability/model.js';
export type { Operation } from './linearizability/operation.js';
export {
  type RegisterInput,
  type RegisterOutput,
  type Value,
  registerModel,
} from './linearizability/models/register.js';
export { type KeyValueInput, keyValueModel } from './linearizability/models/key-value.js';
export { type CounterInput, type CounterOutput, counterModel } from './linearizability/models/counter.js';
export {
  type AppendListInput,
  type AppendListOutput,
  type ListNode,
  appendListModel,
} from './linearizability/models/append-list.js';
export { drawViolation } from './linearizability/picture.js';
export {
  ErrInvalidHistory,
  appendListHistory,
  counterHistory,
  keyValueHistory,
  registerHistory,
} from './linearizability/jepsen.js';
export { type RegisterOperation, type RegisterValue } from './linearizability/history.js';
export {
  type ModuleHarness,
  type ModuleHarnessOptions,
  harnessFromModule,
} from './adapters/module-harness.js';
export type { AssemblyCapabilities, AssemblyHarness, AssemblySite } from './assembly/harness.js';
export { type AdapterChoice, type AssemblyOptions, assemblyFromModules } from './assembly/from-modules.js';
export { assemblySuite, runAssembly } from './assembly/suite.js';
export { memoryAssemblyHarness } from './reference/memory-assembly.js';
export type { Peer, PeerReport } from './rpc/peer.js';
export { writeTestCertificates } from './tls/certificates.js';
export { DiskError, DiskFaults, faultyLogDB } from './faults/disk.js';
export { NetworkFaults, faultyRPC } from './faults/network.js';
