import type { GroupSettings } from '@drakkar/raftio';
import type { Replica } from '../engine/replica.js';
import type { MessageFault } from '../engine/rejected-messages.js';
import type { ReplicaAgreement } from '../agreement/replica-checks.js';
import type { TransportCounters } from '../transport/transport.js';
import type { Role } from '../raft/index.js';
import type { Member } from './member.js';
import { type ClusterMembership, toClusterMembership } from '../engine/cluster-membership.js';

/**
 * Where a replica of this host is in its life:
 * - `starting`: its log is being replayed;
 * - `running`;
 * - `stopping`: it takes no more requests and hands over if it leads;
 * - `removed` from its group, and stopped for that;
 * - `failed`, and stopped for that.
 */
export type ReplicaState = 'starting' | 'running' | 'stopping' | 'removed' | 'failed';

/** What is known here of a replica whose core runs. */
export interface ReplicaProgress {
  role: Role;
  /** 0: none is known now. */
  leaderID: number;
  term: number;
  /** Last log index that the state machine has applied. */
  applied: number;
  /** Last log index that is known to be committed. */
  commit: number;
  /** As applied here, which may be behind what the group has decided. */
  membership: ClusterMembership;
  /** The group's feature level as applied here: 0 while it may have members of release 0.1. */
  featureLevel: number;
  /** By which entries are applied here: from feature level 1 on those of the group, before that those of this replica. */
  settings: GroupSettings;
  /** What the configuration of this host says; where it differs, the group's log has overruled it. */
  configuredSettings: GroupSettings | undefined;
  /** Whether the group sleeps. */
  quiesced: boolean;
  /**
   * Messages of other hosts that were dropped because what they claim can't be true, by kind, since the replica was
   * started here. Anything but a few of `unlistedSender` means a peer that is misconfigured, damaged or hostile.
   */
  rejectedMessages: Readonly<Partial<Record<MessageFault, number>>>;
  /** Whether the replica agrees with the others on what must be equal on all of them. */
  agreement: ReplicaAgreement | undefined;
}

export interface ReplicaInfo {
  clusterID: number;
  nodeID: number;
  state: ReplicaState;
  /** Undefined while it starts, after it has failed, and when it was removed and answers the others no more. */
  progress: ReplicaProgress | undefined;
  /** Why it failed, when it did. */
  error: unknown;
}

/** The leader of a group as its replica here knows it. */
export interface LeaderInfo {
  leaderID: number;
  /** False while no leader is known. */
  valid: boolean;
}

/** A look at a host, for people and metrics. */
export interface NodeHostInfo {
  raftAddress: string;
  /** Connections to and from other hosts since the start. */
  transport: TransportCounters;
  /** By cluster id. */
  replicas: ReplicaInfo[];
}

export function replicaInfo(clusterID: number, member: Member): ReplicaInfo {
  const { nodeID, phase: state } = member;
  const error = member.phase === 'failed' ? member.error : undefined;
  return { clusterID, nodeID, state, progress: 'replica' in member ? progressOf(member) : undefined, error };
}

function progressOf({ replica }: Extract<Member, { replica: Replica }>): ReplicaProgress {
  const { role, leaderID, term, commit, quiesced } = replica.raft.status();
  const { rsm } = replica;
  return {
    role,
    leaderID,
    term,
    applied: rsm.lastApplied,
    commit,
    membership: toClusterMembership(rsm.getMembership()),
    featureLevel: rsm.level,
    settings: { ...rsm.settings },
    configuredSettings: replica.checks?.configured,
    quiesced,
    rejectedMessages: Object.fromEntries(replica.rejected.counts),
    agreement: replica.checks?.agreement(),
  };
}
