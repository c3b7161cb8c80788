import type { KVDigest } from './kv-commands.js';

/** What the clients in one process do. */
export interface WorkloadSpec {
  /** Where each client call is recorded, see `Journal`. */
  journalPath: string;
  /** No other workload of the run has it: keys of its own and values are made from it. */
  incarnation: number;
  writers: number;
  readers: number;
  /** Keys that all clients share have the ids `firstSharedKey` up to `firstSharedKey + sharedKeys - 1`. */
  firstSharedKey: number;
  sharedKeys: number;
  /** Bytes of a value; at least 8. */
  payloadBytes: number;
  /** How long an attempt may take before it is repeated; 500 unless told otherwise. */
  attemptTimeoutMs?: number;
}

export interface WorkloadStats {
  acknowledgedWrites: number;
  reads: number;
  /** Attempts that were repeated, for whatever reason. */
  retries: number;
}

/** A key of the state machine whose value is the number that the workload wrote. */
export interface DumpedRecord {
  key: string;
  version: number;
  value: number;
}

/** Commands that the parent gives a node's process, with what they take and what they answer. */
export interface NodeCommands {
  startWorkload: { takes: WorkloadSpec; answers: null };
  /** Ends every client; one whose call has no answer within the time leaves its outcome unknown. */
  stopWorkload: { takes: { patienceMs: number }; answers: WorkloadStats };
  digest: { takes: { timeoutMs: number }; answers: KVDigest };
  dump: { takes: { timeoutMs: number }; answers: DumpedRecord[] };
  leader: { takes: null; answers: number };
  /** The group's feature level as applied here; a node of version 0.1 does not know the command. */
  level: { takes: null; answers: number };
  /** Closes the host in order; the process then ends. */
  shutdown: { takes: null; answers: null };
}

/** Told without being asked. */
export interface NodeNews {
  /** Node id of the leader as this node knows it; 0 = none. */
  leaderID: number;
  stats: WorkloadStats;
}

/** Any table like `NodeCommands`. */
export type CommandTable<C> = { [K in keyof C]: { takes: unknown; answers: unknown } };

export type ParentMessage = { id: number; command: string; argument: unknown };
export type ChildMessage =
  | { type: 'ready' }
  | { type: 'news'; news: unknown }
  | { type: 'answer'; id: number; answer: unknown }
  | { type: 'refusal'; id: number; message: string };
