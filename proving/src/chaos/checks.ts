import {
  type CheckResult,
  type KeyValueInput,
  type RegisterOutput,
  checkLinearizable,
  keyValueModel,
} from '@drakkar/linearizability';
import type { Group } from './groups.js';
import { auditLedger } from './ledger.js';
import type { ReplicaStatus } from './node-commands.js';
import type { GroupRecorder, RecordedCall } from './recorder.js';
import type { ChaosState } from './state-machine.js';

/** What must never be. */
export interface Violation {
  kind: 'history' | 'lost write' | 'hash' | 'membership' | 'host' | 'usage';
  clusterID: number | undefined;
  detail: string;
}

/** What one replica says of itself when nothing happens any more. */
export interface ReplicaView {
  hostID: number;
  status: ReplicaStatus;
}

const CHECK_TIMEOUT_MS = 120_000;

type HistoryVerdict = CheckResult<KeyValueInput, RegisterOutput>;

export function checkHistory(calls: readonly RecordedCall[]): HistoryVerdict {
  return checkLinearizable(keyValueModel(), calls, { timeLimitMs: CHECK_TIMEOUT_MS });
}

/** Every write that was acknowledged is in the state, once; none that had no effect is. */
export function checkLedger(recorder: GroupRecorder, state: ChaosState): Violation[] {
  return auditLedger(state.ledger, recorder.accounts).map((detail) => ({
    kind: 'lost write',
    clusterID: recorder.clusterID,
    detail,
  }));
}

/** Whether all replicas of the group have come to rest at the same place. */
export function isSettled({ members }: Group, views: readonly ReplicaView[]): boolean {
  return (
    views.length === members.size &&
    new Set(views.map(({ status }) => status.applied)).size === 1 &&
    views.every(({ status, hostID }) => {
      return status.digest !== undefined && status.nodeID === members.get(hostID)?.nodeID;
    })
  );
}

/** Replicas that have applied the same have the same state, and the same at each place on the way. */
export function checkHashes(clusterID: number, views: readonly ReplicaView[]): Violation[] {
  const problems: Violation[] = [];
  const told = (name: string, place: number, values: Map<string, number[]>): void => {
    const sides = [...values].map(([value, hosts]) => `${value} on host ${hosts.join(', ')}`);
    problems.push({ kind: 'hash', clusterID, detail: `${name} ${place}: ${sides.join('; ')}` });
  };
  for (const [index, values] of grouped(views, ({ status: { applied, digest } }) =>
    digest === undefined ? [] : [[applied, `${digest.hash} (${digest.writeCount} writes)`]],
  )) {
    if (values.size > 1) told('states differ at index', index, values);
  }
  for (const [count, values] of grouped(views, ({ status: { digest } }) =>
    (digest?.checkpoints ?? []).map(([writeCount, hash]) => [writeCount, hash.toString(16)]),
  )) {
    if (values.size > 1) told('commands differ up to write', count, values);
  }
  return problems;
}

/** Hosts by what they have at each place. */
function grouped(
  views: readonly ReplicaView[],
  placesOf: (view: ReplicaView) => [place: number, value: string][],
): Map<number, Map<string, number[]>> {
  const places = new Map<number, Map<string, number[]>>();
  for (const view of views) {
    for (const [place, value] of placesOf(view)) {
      const values = places.get(place) ?? new Map<string, number[]>();
      places.set(place, values);
      values.set(value, [...(values.get(value) ?? []), view.hostID]);
    }
  }
  return places;
}

/** Each replica knows the members that the group should have by now, and no others. */
export function checkMembership(group: Group, views: readonly ReplicaView[]): Violation[] {
  const { clusterID, members } = group;
  const wanted = JSON.stringify([...members.values()].map(({ nodeID }) => nodeID).sort((a, b) => a - b));
  const problems: string[] = [];
  const exact = new Set<string>();
  for (const { hostID, status } of views) {
    const { membership, nodeID, state } = status;
    if (membership === undefined) {
      problems.push(`node ${nodeID} on host ${hostID} is ${state}: ${status.error ?? 'no reason given'}`);
      continue;
    }
    const found = JSON.stringify(membership.nodes.map(([id]) => id));
    if (found !== wanted || membership.observers.length > 0) {
      const observers = membership.observers.map(([id]) => id).join(', ') || 'none';
      problems.push(`host ${hostID} has ${found}, observers ${observers}, instead of ${wanted}`);
    }
    exact.add(JSON.stringify(membership));
  }
  if (exact.size > 1) problems.push(`members differ: ${[...exact].join(' ')}`);
  return problems.map((detail) => ({ kind: 'membership', clusterID, detail }));
}
