import type { KVDigest } from '../harness/kv-commands.js';
import type { DumpedRecord, WorkloadSpec, WorkloadStats } from '../harness/commands.js';

/** How a host is to start a replica, the first time and after every restart. */
export interface ReplicaPlan {
  nodeID: number;
  /** Of a group that is started for the first time; empty for a node that joins. */
  members: [nodeID: number, raftAddress: string][];
  join: boolean;
  isObserver: boolean;
}

/** What a host's process is told on its command line, as JSON. */
export interface ChurnHostPlan {
  configPath: string;
  replica: ReplicaPlan | undefined;
}

export type Change =
  | { kind: 'addNode'; nodeID: number; address: string }
  | { kind: 'addObserver'; nodeID: number; address: string }
  | { kind: 'delete'; nodeID: number };

/** Members as plain data, in the order of their node ids. */
export interface PlainMembership {
  configChangeIndex: number;
  nodes: [nodeID: number, raftAddress: string][];
  observers: [nodeID: number, raftAddress: string][];
  removed: number[];
}

/** What a host says of its replica without asking anybody else. */
export interface LocalState {
  nodeID: number;
  state: string;
  error: string | undefined;
  applied: number;
  leaderID: number;
  membership: PlainMembership | undefined;
  digest: KVDigest | undefined;
  /** Snapshots that came from a leader since the process was started. */
  installs: number;
}

/** Commands that the parent gives a host's process. */
export interface ChurnCommands {
  /** Starts a replica; one that runs already is left alone. */
  startReplica: { takes: ReplicaPlan; answers: null };
  /** Stops the replica of a node that was removed from the group, if it has not done so itself, and removes its data. */
  retire: { takes: { nodeID: number }; answers: null };
  /** Membership change by a linearizable look at the members: none when they are that way already. */
  change: { takes: { change: Change; timeoutMs: number }; answers: null };
  transfer: { takes: { nodeID: number }; answers: null };
  /** Linearizable. */
  membership: { takes: { timeoutMs: number }; answers: PlainMembership };
  /** Undefined when the host has no replica. */
  state: { takes: null; answers: LocalState | undefined };
  /** Writes once, with a session, and reads it back. */
  probe: { takes: { keyID: number; timeoutMs: number }; answers: null };
  dump: { takes: { timeoutMs: number }; answers: DumpedRecord[] };
  startWorkload: { takes: WorkloadSpec; answers: null };
  stopWorkload: { takes: { patienceMs: number }; answers: WorkloadStats };
  shutdown: { takes: null; answers: null };
}
