import { type Membership, type Message, type MessageType, makeMessage } from '@drakkar/raftio';
import { allInvariants } from '../all.js';
import type { HardState, ObservationKind, Observations, SeenEntry } from '../observation.js';
import { Oracle } from '../oracle.js';
import { Shadows } from '../shadows.js';

/** One observation of a made-up history. */
export type Seen = { [Kind in ObservationKind]: [Kind, Observations[Kind]] }[ObservationKind];

export const GROUP = 7;
const MODEL_RULES = { maxSessionCount: 2, orderedConfigChange: true };

const at = (nodeID: number): { clusterID: number; nodeID: number } => ({ clusterID: GROUP, nodeID });

export function members(
  configChangeID: number,
  voters: readonly number[],
  observers: readonly number[] = [],
): Membership {
  const named = (ids: readonly number[]): Map<number, string> => new Map(ids.map((id) => [id, `h${id}:1`]));
  return { configChangeID, addresses: named(voters), observers: named(observers), removed: new Map() };
}

export const THREE = members(3, [1, 2, 3]);

/** Entries from `first` on, of these terms. Equal index and term mean equal content, unless `salt` differs. */
export function entries(first: number, terms: readonly number[], salt = 0): SeenEntry[] {
  return terms.map((term, i) => ({ index: first + i, term, digest: 1_000 * term + first + i + salt }));
}

export const append = (nodeID: number, list: readonly SeenEntry[]): Seen => [
  'appended',
  { ...at(nodeID), snapshot: undefined, entries: list },
];

/** A save, from its beginning to its end. */
export function save(nodeID: number, state: HardState | undefined, list: readonly SeenEntry[] = []): Seen[] {
  return [saving(nodeID, state, list), durable(nodeID)];
}

export const durable = (nodeID: number): Seen => ['durable', at(nodeID)];

export const saving = (
  nodeID: number,
  state: HardState | undefined,
  list: readonly SeenEntry[] = [],
  snapshot?: { index: number; term: number },
): Seen => ['saving', { ...at(nodeID), state, snapshot, entries: list }];

/** The voters make `nodeID` their leader, each durably. */
export function elect(
  nodeID: number,
  term: number,
  voters: readonly number[] = [1, 2, 3],
  membership = THREE,
): Seen[] {
  const votes = voters.flatMap((voter) => save(voter, { term, vote: nodeID, commit: 0 }));
  return [...votes, ['elected', { ...at(nodeID), term, membership }]];
}

/** Entries are handed out to be applied, whether they are durable or not. */
export const handOut = (nodeID: number, term: number, list: readonly SeenEntry[]): Seen => [
  'committed',
  { ...at(nodeID), term, entries: list, isLeader: false, membership: THREE },
];

/** The same when they are durable. */
export function commit(nodeID: number, term: number, list: readonly SeenEntry[]): Seen[] {
  return [...save(nodeID, undefined, list), handOut(nodeID, term, list)];
}

/** A leader commits up to `index`. */
export const lead = (nodeID: number, term: number, index: number): Seen => [
  'commitKnown',
  { ...at(nodeID), term, index, isLeader: true },
];

/** A follower learns that the log is committed up to `index`. */
export const follow = (nodeID: number, term: number, index: number): Seen => [
  'commitKnown',
  { ...at(nodeID), term, index, isLeader: false },
];

export function start(
  nodeID: number,
  state: HardState,
  terms: readonly number[],
  snapshot: { index: number; term: number } = { index: 0, term: 0 },
): Seen {
  const firstIndex = snapshot.index + 1;
  const termRuns = terms.map((term, i) => ({ index: firstIndex + i, term }));
  const lastIndex = snapshot.index + terms.length;
  const { index: snapshotIndex, term: snapshotTerm } = snapshot;
  const log = { snapshotIndex, snapshotTerm, firstIndex, lastIndex, termRuns };
  return ['started', { ...at(nodeID), state, ...log, membership: THREE }];
}

export const send = (nodeID: number, fields: Partial<Message> & { type: MessageType }): Seen => [
  'sent',
  { ...at(nodeID), message: makeMessage({ clusterID: GROUP, from: nodeID, ...fields }) },
];

export const configure = (nodeID: number, membership: Membership): Seen => [
  'configured',
  { ...at(nodeID), membership },
];

export const update = (nodeID: number, position: number, command: string): Seen => [
  'updated',
  { ...at(nodeID), position, command },
];

/** The name of the invariant that the history breaks, of all or of the one that is named; `undefined`: none. */
export function brokenBy(history: readonly Seen[], only?: string): string | undefined {
  const shadows = new Shadows();
  const oracle = new Oracle(
    shadows,
    allInvariants(shadows, () => MODEL_RULES),
    only,
  );
  for (const [kind, seen] of history) oracle.see(kind, seen);
  return oracle.violation?.invariant;
}
