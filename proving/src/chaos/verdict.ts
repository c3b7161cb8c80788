import { setTimeout as delay } from 'node:timers/promises';
import {
  type ReplicaView,
  type Violation,
  checkHashes,
  checkHistory,
  checkLedger,
  checkMembership,
  isSettled,
} from './checks.js';
import { nameIn } from './clients.js';
import type { ChaosCluster } from './cluster.js';
import type { Group } from './groups.js';
import type { Answer } from './node-commands.js';
import type { GroupRecorder } from './recorder.js';
import { type ChaosState, STATE_QUERY } from './state-machine.js';

const SETTLE_TIMEOUT_MS = 60_000;
const READ_TIMEOUT_MS = 20_000;
const CALL_TIMEOUT_MS = 30_000;
const POLL_MS = 200;

/** What the replicas came to at the end of a round. */
export interface Findings {
  violations: Violation[];
  /** Groups of which a replica does not catch up. */
  stuck: string[];
  /** Operations in the histories. */
  checked: number;
}

/**
 * Compares what clients were told with what is there, and the replicas with each other. Nothing may go on meanwhile.
 * Rejects when the signal is given.
 */
export async function judge(
  cluster: ChaosCluster,
  groups: readonly Group[],
  recorders: ReadonlyMap<number, GroupRecorder>,
  signal: AbortSignal,
): Promise<Findings> {
  const findings: Findings = { violations: [], stuck: [], checked: 0 };
  await Promise.all(groups.map((group) => readAll(cluster, group, recorders, findings)));
  const views = await settle(cluster, groups, signal);
  for (const group of groups) {
    const { clusterID } = group;
    const seen = views.get(clusterID) ?? [];
    if (!isSettled(group, seen)) findings.stuck.push(describeUnsettled(group, seen));
    findings.violations.push(...checkHashes(clusterID, seen), ...checkMembership(group, seen));
    const calls = recorders.get(clusterID)?.calls ?? [];
    findings.checked += calls.length;
    const verdict = checkHistory(calls);
    if (verdict.verdict === 'ok') continue;
    const detail = verdict.verdict === 'violation' ? verdict.message : `undecided: ${verdict.reason}`;
    findings.violations.push({ kind: 'history', clusterID, detail });
  }
  return findings;
}

/** A linearizable read of the whole state through each member belongs to the history, and shows the ledger. */
async function readAll(
  cluster: ChaosCluster,
  { clusterID, members }: Group,
  recorders: ReadonlyMap<number, GroupRecorder>,
  findings: Findings,
): Promise<void> {
  const recorder = recorders.get(clusterID);
  if (recorder === undefined) return;
  for (const hostID of members.keys()) {
    const { answer, invokedAt } = await readState(cluster, hostID, clusterID);
    if (answer?.isGood !== true) {
      findings.stuck.push(
        `group ${clusterID}: host ${hostID} did not report its state: ${answer?.code ?? 'silence'}`,
      );
      continue;
    }
    const state = JSON.parse(answer.value) as ChaosState;
    const values = new Map(state.values.map(([key, value]) => [nameIn(clusterID, key), value]));
    recorder.observed(values, invokedAt, performance.now());
    findings.violations.push(...checkLedger(recorder, state));
  }
}

/** The last attempt, and when it was made: a read that is refused is made again, as its error says. */
async function readState(
  cluster: ChaosCluster,
  hostID: number,
  clusterID: number,
): Promise<{ answer: Answer<string> | undefined; invokedAt: number }> {
  const endMs = performance.now() + READ_TIMEOUT_MS;
  for (;;) {
    const invokedAt = performance.now();
    const request = { clusterID, query: STATE_QUERY, timeoutMs: READ_TIMEOUT_MS };
    const answer = await cluster.call(hostID, 'read', request, CALL_TIMEOUT_MS).catch(() => undefined);
    if (answer?.isGood === true || performance.now() > endMs) return { answer, invokedAt };
    await delay(POLL_MS);
  }
}

type Views = Map<number, ReplicaView[]>;

/** Waits until the replicas of each group are at the same place; gives the last look if they never are. */
async function settle(cluster: ChaosCluster, groups: readonly Group[], signal: AbortSignal): Promise<Views> {
  const endMs = performance.now() + SETTLE_TIMEOUT_MS;
  for (;;) {
    const views = await look(cluster, groups);
    signal.throwIfAborted();
    const isDone = groups.every((group) => isSettled(group, views.get(group.clusterID) ?? []));
    if (isDone || performance.now() > endMs) return views;
    await delay(POLL_MS);
  }
}

/** Replicas that belong to a group, and no others. */
async function look(cluster: ChaosCluster, groups: readonly Group[]): Promise<Views> {
  const views: Views = new Map(groups.map(({ clusterID }) => [clusterID, []]));
  const asked = cluster.hosts.map(async ({ hostID }) => {
    const states = await cluster.call(hostID, 'states', null, CALL_TIMEOUT_MS).catch(() => []);
    for (const status of states) {
      const group = groups.find(({ clusterID }) => clusterID === status.clusterID);
      if (group?.members.has(hostID) === true) views.get(status.clusterID)?.push({ hostID, status });
    }
  });
  await Promise.all(asked);
  return views;
}

function describeUnsettled({ clusterID, members }: Group, views: readonly ReplicaView[]): string {
  const seen = views.map(
    ({ hostID, status: { nodeID, state, applied, commit, term, leaderID, error } }) =>
      `host ${hostID}: node ${nodeID} ${state}, applied ${applied}, commit ${commit}, term ${term}, leader ${leaderID}${error === undefined ? '' : `, ${error}`}`,
  );
  const wanted = [...members].map(([hostID, { nodeID }]) => `node ${nodeID} on host ${hostID}`);
  return `group ${clusterID}: its replicas (${wanted.join(', ')}) don't come to the same place: ${seen.join('; ')}`;
}
