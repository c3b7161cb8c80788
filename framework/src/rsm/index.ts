export { EntryPayloads } from './entry-payloads.js';
export type { MembershipRules } from './membership.js';
export { ReplicatedStateMachine } from './replicated-state-machine.js';
export { dragonboatSessionFormat } from './session-format.js';
export type {
  ReplicaHash,
  RsmListener,
  RsmOptions,
  SnapshotData,
  SnapshotSource,
  SnapshotState,
  StatePoint,
} from './types.js';
