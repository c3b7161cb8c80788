import type { ClusterMembership, NodeHostConfigInput } from '@drakkar/framework';
import type { SessionRecord } from '@drakkar/raftio';
import type { ChaosDigest } from './state-machine.js';

/** How a host is to start a replica, the first time and after every restart. */
export interface ReplicaPlan {
  clusterID: number;
  nodeID: number;
  /** Of a group that is started for the first time; empty for a node that joins. */
  members: [nodeID: number, raftAddress: string][];
  join: boolean;
  isObserver: boolean;
}

/** What a host's process is told on its command line, as JSON. */
export interface ChaosNodePlan {
  config: NodeHostConfigInput;
  logdb: string;
  transport: string;
  transportOptions: Record<string, unknown>;
  /** By the raft address of another host: where the way to it begins, for this host. */
  routes: [raftAddress: string, via: string][];
  /** Whether the parent fills the disk by a fault below the LogDB, for want of a small file system. */
  hasFaultyDisk: boolean;
  replicas: ReplicaPlan[];
  seed: number;
}

/** How a client's request ended. */
export type Answer<T> =
  | { isGood: true; value: T }
  /** `isOpen`: it may have taken effect, or still may. */
  | { isGood: false; code: string; isOpen: boolean; message: string };

export interface PlainMembership {
  nodes: [nodeID: number, raftAddress: string][];
  observers: [nodeID: number, raftAddress: string][];
  removed: number[];
  configChangeIndex: number;
}

/** What a host says of one of its replicas without asking anybody. */
export interface ReplicaStatus {
  clusterID: number;
  nodeID: number;
  state: string;
  error: string | undefined;
  applied: number;
  commit: number;
  term: number;
  leaderID: number;
  membership: PlainMembership | undefined;
  digest: ChaosDigest | undefined;
}

export type Change = { clusterID: number; nodeID: number } & (
  { kind: 'add' | 'observe'; address: string } | { kind: 'remove' }
);

/** Of the batches that a host sends to another one. */
export interface LinkFaults {
  raftAddress: string;
  lossPercent: number;
}

export interface ProposalPlan {
  clusterID: number;
  session: SessionRecord | null;
  cmd: string;
  /** The command is made as large as that. */
  sizeBytes: number;
  timeoutMs: number;
}

export interface ChaosNodeCommands {
  /** A null session is a no-op session. */
  propose: {
    takes: ProposalPlan;
    answers: Answer<number>;
  };
  /** Two commands at once on one session, in this order. */
  proposeTwo: {
    takes: Omit<ProposalPlan, 'cmd' | 'session'> & { session: SessionRecord; cmds: [string, string] };
    answers: [Answer<number>, Answer<number>];
  };
  read: { takes: { clusterID: number; query: string; timeoutMs: number }; answers: Answer<string> };
  openSession: { takes: { clusterID: number; timeoutMs: number }; answers: Answer<SessionRecord> };
  change: { takes: { change: Change; timeoutMs: number }; answers: null };
  start: { takes: ReplicaPlan; answers: null };
  /** Stops a removed node and removes its data. */
  retire: { takes: { clusterID: number; nodeID: number }; answers: null };
  transfer: { takes: { clusterID: number; nodeID: number }; answers: null };
  snapshot: { takes: { clusterID: number }; answers: Answer<number> };
  states: { takes: null; answers: ReplicaStatus[] };
  obstruct: { takes: LinkFaults[]; answers: null };
  /** Of groups, until it is called again. */
  burdenSnapshots: { takes: { clusterIDs: number[]; extraBytes: number; delayMs: number }; answers: null };
  fillDisk: { takes: { isFull: boolean }; answers: null };
  shutdown: { takes: null; answers: null };
}

/** What a process uses. */
export interface ResourceUsage {
  /** Attempts to connect to other hosts. */
  dials: number;
  /** The most so far. */
  openFiles: number;
  residentBytes: number;
}

/** Told all the time; counts are since the process started. */
export interface ChaosNews {
  snapshotsTaken: number;
  snapshotsInstalled: number;
  batchesLost: number;
  /** Connections that met another host than was meant, as either end has seen it. */
  misdirected: number;
  usage: ResourceUsage;
  /** Groups whose leader runs here. */
  leads: number[];
  /** Why the LogDB has failed. */
  logDBFailure: string | undefined;
  /** What replicas have stopped themselves for. */
  failedReplicas: string[];
}

export function plainMembership(membership: ClusterMembership): PlainMembership {
  const byID = ([a]: [number, string], [b]: [number, string]): number => a - b;
  return {
    nodes: [...membership.nodes].sort(byID),
    observers: [...membership.observers].sort(byID),
    removed: [...membership.removed].sort((a, b) => a - b),
    configChangeIndex: membership.configChangeIndex,
  };
}
