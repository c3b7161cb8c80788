export { refusalFrom } from './change-guard.js';
export { MemoryAccount, MemoryBudget } from './memory.js';
export { NO_ROOM_HINT, nameOf } from './proposal.js';
export { createRaft } from './raft.js';
export type { SnapshotStreamReport } from './snapshot-streams.js';
export { RaftFactoryID } from './types.js';
export type {
  ChangeRefusal,
  ClaimFault,
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
