export { type ChangeRefusal, refusalFrom } from './change-guard.js';
export type { ClaimFault } from './claims.js';
export { RaftInvariantError } from './errors.js';
export { MemoryAccount, MemoryBudget } from './memory.js';
export { NO_ROOM_HINT, nameOf } from './proposal.js';
export { createRaft } from './raft.js';
export type { SnapshotStreamReport } from './snapshot-streams.js';
export { RaftFactoryID } from './types.js';
export type {
  CoreReport,
  IRaft,
  LogReadRequest,
  RaftConfig,
  RaftFactory,
  RaftInit,
  RaftStatus,
  RaftUpdate,
  RandomSource,
  ReadContext,
  ReadyRead,
  RemoteStatus,
  Role,
  StepDownReason,
  TermRun,
} from './types.js';
