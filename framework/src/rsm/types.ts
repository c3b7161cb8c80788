import type { ConfigChange, Entry, GroupSettings, Membership, SnapshotFile, Uint64 } from '@drakkar/raftio';
import type { IStateMachine, ISnapshotFileCollection, SnapshotWriter } from '../statemachine/contract.js';
import type { EntryPayloads } from './entry-payloads.js';
import type { MembershipRules } from './membership.js';

/**
 * Hears of every applied entry, in log order, right after it was applied. Called on every replica: the proposer's
 * host finds out by the entry's key that a request of its own is done. Must not throw, nor call back into the
 * replicated state machine except for its getters.
 */
export interface RsmListener {
  /**
   * An application entry was applied, or had its answer already. `rejected`: it had no effect now and `value` is 0.
   * Not called for the empty entry that a new leader appends.
   */
  onApplied(entry: Entry, value: Uint64, rejected: boolean): void;
  /**
   * @param membership a copy of the membership, after the change when it was accepted
   * @param refusal why it was not accepted, for logs
   */
  onConfigChangeApplied(
    entry: Entry,
    change: ConfigChange,
    accepted: boolean,
    membership: Membership,
    refusal: string | undefined,
  ): void;
  /** An entry was applied that raises the group's feature level, which now is `level`; it may have been before. */
  onLevelApplied(entry: Entry, level: number): void;
  /**
   * An entry was applied that changes settings of the group.
   *
   * @param settings those in force after it
   * @param refusal why it had no effect
   */
  onSettingsApplied(entry: Entry, settings: GroupSettings, refusal: string | undefined): void;
  /** In place of a change its leader had put this empty entry, which has its key, and the reason if there is one. */
  onConfigChangeRefused(entry: Entry): void;
}

export interface RsmOptions {
  clusterID: number;
  nodeID: number;
  /** Owned by the replicated state machine from now on; nobody else may call it. */
  stateMachine: IStateMachine;
  /** By which entries are applied until one raises the group to feature level 1; equal on all replicas. */
  orderedConfigChange: boolean;
  /** As well. */
  maxSessionCount: number;
  listener: RsmListener;
  /** Gets commands out of entries. */
  payloads: EntryPayloads;
  /** Equal on all replicas of the group. Default: strict. */
  membershipRules?: MembershipRules;
}

/** What stands for the log up to `index`, together with the state machine's own data. */
export interface SnapshotState {
  index: number;
  term: number;
  membership: Membership;
  /** Client sessions, the feature level and the group's settings, in a format of their own with a checksum. */
  sessions: Uint8Array;
}

/** A state of the replica that stands still for as long as a snapshot is being made of it. */
export interface SnapshotSource extends SnapshotState {
  /** Has the state machine write its data. What it throws comes out as it is; the state is not changed by it. */
  writeStateMachine(
    writer: SnapshotWriter,
    files: ISnapshotFileCollection,
    signal: AbortSignal,
  ): Promise<void>;
}

/** A snapshot to be restored. */
export interface SnapshotData extends SnapshotState {
  reader: AsyncIterable<Uint8Array>;
  files: readonly SnapshotFile[];
}

/** To compare replicas that have applied the same index. */
export interface ReplicaHash {
  index: number;
  stateMachine: Uint64;
  sessions: Uint64;
  membership: Uint64;
}

/** What replicas compare all the time, of the moment in which the entry at `index` was the last one applied. */
export interface StatePoint {
  index: number;
  sessions: Uint64;
  membership: Uint64;
  /** Undefined where the state machine's own hash is not asked for. */
  stateMachine: Uint64 | undefined;
}
