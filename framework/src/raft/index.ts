export { RaftInvariantError } from './errors.js';
export { createRaft } from './raft.js';
export type {
  IRaft,
  LogReadRequest,
  RaftConfig,
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
