export type { ClaimFault } from './claims.js';
export { RaftInvariantError } from './errors.js';
export { createRaft } from './raft.js';
export type { SnapshotStreamReport } from './snapshot-streams.js';
export { RaftFactoryID } from './types.js';
export type {
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
  TermRun,
} from './types.js';
