import { setTimeout as delay } from 'node:timers/promises';
import type { KVDigest } from '../harness/kv-commands.js';
import { ChurnActions, type ChurnCounts } from './actions.js';
import { ChurnCluster, type ChurnHost, persevere } from './cluster.js';
import type { LocalState } from './commands.js';
import { planStep } from './plan.js';
import { type Legacy, checkLegacy } from '../crash-rounds/rounds.js';
import { CallKind, type JournaledCall } from '../harness/journal.js';
import type { PlanOptions } from '../harness/plan.js';
import { SeededRandom } from '../harness/random.js';
import { type Check, type Dump, verify } from '../harness/verify.js';

export interface ChurnOptions extends PlanOptions {
  rounds: number;
  seed: number;
  /** Of each host that runs a node. */
  writers: number;
  readers: number;
  payloadBytes: number;
  nodeScript: string;
}

export interface ChurnReport {
  round: number;
  steps: string[];
  checks: Check[];
  acknowledgedWrites: number;
  unknownOutcomes: number;
  reads: number;
  /** At the end of the round. */
  voters: number[];
  observers: number[];
}

const VOTERS_AT_FIRST = 3;
const PATIENCE_MS = 15_000;
const SETTLE_TIMEOUT_MS = 20_000;
const PROBE_TIMEOUT_MS = 10_000;
const SHARED_KEYS = 32;
const SHARED_KEYS_PER_ROUND = 1_000;
/** Above the shared keys of all rounds, below the keys of clients. */
const PROBE_KEY = 950_000;
export const MAX_ROUNDS = PROBE_KEY / SHARED_KEYS_PER_ROUND;

/** Changes the members of one group at random, under load and with kills, and checks after each round what is left. */
export class ChurnRounds {
  readonly #options: ChurnOptions;
  readonly #random: SeededRandom;
  #actions: ChurnActions | undefined;
  /** Told by each process so far. */
  readonly #installs = new WeakMap<object, number>();
  #legacy: Legacy = { writeCount: 0, records: [], openKeys: new Set() };

  constructor(options: ChurnOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
  }

  get counts(): ChurnCounts | undefined {
    return this.#actions?.counts;
  }

  /** Plays all rounds. Ends early with the first one that does not hold. */
  async play(onRound: (report: ChurnReport) => void, signal?: AbortSignal): Promise<boolean> {
    const cluster = await ChurnCluster.create({ ...this.#options, voters: VOTERS_AT_FIRST });
    const actions = new ChurnActions(cluster, this.#random);
    this.#actions = actions;
    try {
      await Promise.all(cluster.hosts.map((host) => cluster.start(host)));
      for (let round = 1; round <= this.#options.rounds; round += 1) {
        signal?.throwIfAborted();
        const report = await this.#playRound(cluster, actions, round);
        onRound(report);
        if (report.checks.some(({ isGood }) => !isGood)) return false;
      }
      await cluster.shutDown();
      return true;
    } finally {
      await cluster.killAll();
    }
  }

  async #playRound(cluster: ChurnCluster, actions: ChurnActions, round: number): Promise<ChurnReport> {
    const { writers, readers, payloadBytes } = this.#options;
    const firstSharedKey = round * SHARED_KEYS_PER_ROUND;
    const load = { writers, readers, payloadBytes, firstSharedKey, sharedKeys: SHARED_KEYS };
    const steps: string[] = [];
    const problems: Check[] = [];
    for (let left = this.#random.between(2, 4); left > 0 && problems.length === 0; left -= 1) {
      await cluster.load(load);
      const voters = cluster.members.filter(({ replica }) => replica?.isObserver === false).length;
      const observers = cluster.members.length - voters;
      const step = planStep(this.#random, { voters, observers, spares: cluster.spares.length });
      try {
        steps.push(await actions.perform(step));
      } catch (error) {
        problems.push({ name: `no stuck group (${step.kind})`, isGood: false, detail: String(error) });
      }
    }
    await cluster.load(load);
    await delay(200);
    try {
      await cluster.unload(PATIENCE_MS);
    } catch (error) {
      problems.push({ name: 'clients meet no error', isGood: false, detail: String(error) });
    }
    return await this.#check(cluster, { round, steps, problems });
  }

  async #check(
    cluster: ChurnCluster,
    { round, steps, problems }: { round: number; steps: string[]; problems: Check[] },
  ): Promise<ChurnReport> {
    const stuck = await probeAll(cluster, PROBE_KEY + round);
    const states = await settle(cluster);
    if (this.#actions !== undefined) countInstalls(this.#actions.counts, states, this.#installs);
    const digests = new Map<number, KVDigest | undefined>();
    for (const [{ replica }, state] of states) digests.set(replica?.nodeID ?? 0, state?.digest);
    const dumps: Dump[] = [];
    for (const host of cluster.members) {
      const dump = await cluster.dump(host).catch(() => undefined);
      if (dump !== undefined) dumps.push(dump);
    }
    const calls = cluster.takeCalls();
    const probes = cluster.members.length;
    const writesBefore = this.#legacy.writeCount + (stuck.isGood ? probes : 0);
    const checks = [
      ...problems,
      stuck,
      checkMemberships(cluster, states),
      checkApplied(states),
      ...verify({ calls, digests, dumps, writesBefore }),
      checkLegacy(this.#legacy, dumps[0]?.records ?? []),
    ];
    const open = calls.filter((call) => call.kind !== CallKind.get && call.returnedAt === undefined);
    this.#legacy = {
      writeCount: [...digests.values()][0]?.writeCount ?? 0,
      records: dumps[0]?.records ?? [],
      openKeys: new Set([...this.#legacy.openKeys, ...open.map(({ keyID }) => keyID)]),
    };
    return { round, steps, checks, ...countsOf(calls), ...membersOf(cluster) };
  }
}

function countsOf(
  calls: readonly JournaledCall[],
): Pick<ChurnReport, 'acknowledgedWrites' | 'unknownOutcomes' | 'reads'> {
  const answered = calls.filter(({ returnedAt }) => returnedAt !== undefined);
  const reads = answered.filter(({ kind }) => kind === CallKind.get).length;
  const writes = calls.filter(({ kind }) => kind !== CallKind.get).length;
  const acknowledgedWrites = answered.length - reads;
  return { acknowledgedWrites, unknownOutcomes: writes - acknowledgedWrites, reads };
}

/** The members as they should be. */
function membersOf(cluster: ChurnCluster): Pick<ChurnReport, 'voters' | 'observers'> {
  const ids = (isObserver: boolean): number[] =>
    cluster.members
      .flatMap(({ replica }) => (replica?.isObserver === isObserver ? [replica.nodeID] : []))
      .sort((a, b) => a - b);
  return { voters: ids(false), observers: ids(true) };
}

/** A write and a linearizable read through each member, one after the other. */
async function probeAll(cluster: ChurnCluster, keyID: number): Promise<Check> {
  const problems: string[] = [];
  for (const host of cluster.members) {
    const argument = { keyID, timeoutMs: PROBE_TIMEOUT_MS };
    await cluster.call(host, 'probe', argument, 4 * PROBE_TIMEOUT_MS).catch((error: unknown) => {
      problems.push(`node ${host.replica?.nodeID ?? 0} on host ${host.hostID}: ${String(error)}`);
    });
  }
  const isGood = problems.length === 0;
  return { name: 'every member serves', isGood, detail: isGood ? '' : problems.join('; ') };
}

type States = Map<ChurnHost, LocalState | undefined>;

/** Waits until all members have applied the same, and told the same members; gives the last look if they never do. */
async function settle(cluster: ChurnCluster): Promise<States> {
  let states: States = new Map();
  await persevere(SETTLE_TIMEOUT_MS, 'replicas differ', async () => {
    states = await cluster.states();
    const seen = [...states.values()].map((state) =>
      JSON.stringify([state?.applied, state?.membership, state?.digest]),
    );
    if (new Set(seen).size !== 1 || seen[0] === JSON.stringify([undefined, undefined, undefined])) {
      throw new Error(seen.join(' '));
    }
  }).catch(() => undefined);
  return states;
}

function countInstalls(counts: ChurnCounts, states: States, told: WeakMap<object, number>): void {
  for (const [{ process }, state] of states) {
    if (process === undefined || state === undefined) continue;
    counts.installs += state.installs - (told.get(process) ?? 0);
    told.set(process, state.installs);
  }
}

function checkMemberships(cluster: ChurnCluster, states: States): Check {
  const expected = membersOf(cluster);
  const wanted = JSON.stringify(expected);
  const problems: string[] = [];
  const exact = new Set<string>();
  for (const [{ hostID, replica }, state] of states) {
    const who = `node ${replica?.nodeID ?? 0} on host ${hostID}`;
    if (state?.membership === undefined || state.nodeID !== replica?.nodeID) {
      problems.push(
        `${who}: ${state === undefined ? 'no answer' : `node ${state.nodeID} is ${state.state}`}`,
      );
      if (state?.error !== undefined) problems.push(state.error);
      continue;
    }
    const { nodes, observers } = state.membership;
    const found = JSON.stringify({ voters: nodes.map(([id]) => id), observers: observers.map(([id]) => id) });
    if (found !== wanted) problems.push(`${who} has ${found} instead of ${wanted}`);
    exact.add(JSON.stringify(state.membership));
  }
  if (exact.size > 1) problems.push(`members differ: ${[...exact].join(' ')}`);
  const isGood = problems.length === 0;
  return { name: 'memberships are equal', isGood, detail: isGood ? wanted : problems.join('; ') };
}

/** Replicas that have applied the same log must have the same state. */
function checkApplied(states: States): Check {
  const seen = [...states].map(
    ([{ replica }, state]) =>
      `node ${replica?.nodeID ?? 0}: index ${state?.applied ?? 'unknown'}, hash ${state?.digest?.hash ?? 'unknown'}`,
  );
  const indexes = new Set([...states.values()].map((state) => state?.applied));
  const hashes = new Set([...states.values()].map((state) => state?.digest?.hash));
  const isGood = indexes.size === 1 && hashes.size === 1 && !hashes.has(undefined);
  return { name: 'equal hash at equal index', isGood, detail: seen.join('; ') };
}
