import type { RaftStatus } from '@drakkar/framework';
import type { ErrorClaim, Membership, Message, Uint64 } from '@drakkar/raftio';
import type { Change } from '../cluster/membership-view.js';

/** Names a replica. */
export interface ReplicaName {
  clusterID: number;
  nodeID: number;
}

/** An entry as far as the invariants care: equal digests stand for equal content. */
export interface SeenEntry {
  index: number;
  term: number;
  digest: number;
  isConfigChange?: boolean;
  /** Client id of the session that it registers. */
  registers?: Uint64;
}

/** What the error of an operation says of it. */
export interface Claim extends ErrorClaim {
  clusterID: number;
  /** The command, or another name of its own. */
  what: string;
  operation: 'proposal' | 'session' | 'read' | 'change';
  code: string;
  /** Whether the replica that was asked had been told before that it is a member no more. */
  isRemoved: boolean;
  change?: Change;
}

export interface HardState {
  term: number;
  vote: number;
  commit: number;
}

/** An entry with what the replicated state machine goes by. */
export interface FullEntry {
  index: number;
  term: number;
  type: number;
  clientID: number | bigint;
  seriesID: number | bigint;
  respondedTo: number | bigint;
  /** Of membership changes alone, with addresses as they are spelled in the log. */
  cmd: Uint8Array | undefined;
}

/** What of a core's configuration invariants go by. */
export interface CoreRules {
  electionTimeoutTicks: number;
  checkQuorum: boolean;
  preVote: boolean;
}

/** A core before and after something was done to it. */
export interface CoreChange {
  before: RaftStatus;
  after: RaftStatus;
  rules: CoreRules;
}

/** What has been seen of a cluster, by kind; all but those of clients are about one replica. */
export interface Observations {
  /** A replica was made from its disk. */
  started: ReplicaName & {
    state: HardState;
    snapshotIndex: number;
    snapshotTerm: number;
    /** Stored log behind the snapshot or overlapping with it; empty: lastIndex = firstIndex - 1. */
    firstIndex: number;
    lastIndex: number;
    /** From `index` on, up to the next run, entries have `term`. */
    termRuns: readonly { index: number; term: number }[];
    membership: Membership;
  };
  /** A core was given a message, and did not drop it for what it claims. */
  stepped: ReplicaName & CoreChange & { message: Message };
  /** A core was told that time goes on. */
  ticked: ReplicaName & CoreChange;
  /** Clients on its host gave a core proposals. */
  proposed: ReplicaName & CoreChange;
  /** A core was asked to hand its leadership over. */
  transferAsked: ReplicaName & CoreChange;
  /** A core wants these saved. */
  logged: ReplicaName & { entries: readonly FullEntry[] };
  /** The disk of a replica is gone, and so is the replica. */
  lost: ReplicaName;
  /** The replica's process ended; what was on its way to the disk may be there or not. */
  crashed: ReplicaName;
  /** A core wants this saved: its log is so from now on. */
  appended: ReplicaName & {
    snapshot: { index: number; term: number } | undefined;
    entries: readonly SeenEntry[];
  };
  /** A save was given to the LogDB. */
  saving: ReplicaName & Saved;
  /** The first of the saves given to the LogDB has been reported durable. */
  durable: ReplicaName;
  /** A message is leaving its host. */
  sent: ReplicaName & { message: Message };
  /** A replica leads, as it had not before. */
  elected: ReplicaName & { term: number; membership: Membership };
  /** Entries are to be applied, so they are committed as this replica knows. */
  committed: ReplicaName & {
    entries: readonly SeenEntry[];
    term: number;
    isLeader: boolean;
    membership: Membership;
  };
  /** A replica knows the log to be committed up to `index`. */
  commitKnown: ReplicaName & { term: number; index: number; isLeader: boolean };
  /** A replica has applied up to `index`, and its state machine's hash is `hash`. */
  applied: ReplicaName & { index: number; hash: string };
  /** A replica has a new membership, by an entry or a snapshot. */
  configured: ReplicaName & { membership: Membership };
  /** A replica's next membership change was refused when it was applied. */
  changeRefused: ReplicaName;
  /** A state machine was given its `position`-th command. */
  updated: ReplicaName & { position: number; command: string };
  /** A client was told that its write, `command`, took effect as the group's `position`-th one. */
  writeAnswered: { clusterID: number; position: number; command: string };
  /** A client was told that its command had no effect, and will have none. */
  refused: { clusterID: number; command: string };
  /** A client begins an attempt at an operation. */
  attempted: { clusterID: number; what: string };
  /** The attempt failed, with this claim. */
  claimed: Claim;
  /** A client asks for a linearizable read. */
  readAsked: { clusterID: number; readID: number };
  /** It was answered by a state machine that has had `position` commands; `value` of `key` was found there. */
  readAnswered: {
    clusterID: number;
    readID: number;
    position: number;
    key: string;
    value: string | undefined;
  };
  /** A write of `value` to `key` was the group's `position`-th command. */
  written: { clusterID: number; position: number; key: string; value: string };
  /** Something that has a bound. */
  gauge: { what: string; value: number; bound: number };
}

export interface Saved {
  state: HardState | undefined;
  snapshot: { index: number; term: number } | undefined;
  entries: readonly SeenEntry[];
}

export type ObservationKind = keyof Observations;

export type Handlers = { readonly [Kind in ObservationKind]?: (seen: Observations[Kind]) => void };

/** Something that must hold at all times. Looks at what is seen, and throws when it does not hold. */
export interface Invariant {
  readonly name: string;
  readonly handlers: Handlers;
}

export class InvariantViolation extends Error {
  readonly invariant: string;

  constructor(invariant: string, message: string) {
    super(`${invariant}: ${message}`);
    this.name = 'InvariantViolation';
    this.invariant = invariant;
  }
}

/** Ids above are made up, and not remembered. */
const MAX_KNOWN_ID = 10_000;
/** Names that were made before: looked up by equal strings that are made again and again, a map hashes each. */
const names = new Map<number, Map<number, string>>();

export function nameOfReplica({ clusterID, nodeID }: ReplicaName): string {
  const known = names.get(clusterID)?.get(nodeID);
  if (known !== undefined) return known;
  const name = `${clusterID}/${nodeID}`;
  if (clusterID <= MAX_KNOWN_ID && nodeID <= MAX_KNOWN_ID) {
    const group = names.get(clusterID) ?? new Map<number, string>();
    names.set(clusterID, group.set(nodeID, name));
  }
  return name;
}
