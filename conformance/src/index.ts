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
  type ModuleHarness,
  type ModuleHarnessOptions,
  harnessFromModule,
} from './adapters/module-harness.js';
export type { Peer, PeerReport } from './rpc/peer.js';
export { writeTestCertificates } from './tls/certificates.js';
export { DiskError, DiskFaults, faultyLogDB } from './faults/disk.js';
export { NetworkFaults, faultyRPC } from './faults/network.js';
