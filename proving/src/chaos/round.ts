import { setMaxListeners } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { SeededRandom } from '../harness/random.js';
import { BulkLoad } from './bulk-load.js';
import type { Violation } from './checks.js';
import { Clients } from './clients.js';
import { ChaosCluster } from './cluster.js';
import { type DiskKind, Disks } from './disks.js';
import { type FaultCounts, type FaultKind, noFaults } from './fault-kinds.js';
import { type Group, planGroups, replicasOf } from './groups.js';
import type { Guard } from './guard.js';
import { type Bag, rest } from './lane.js';
import { findStuckGroups } from './liveness.js';
import { Members } from './members.js';
import { NetworkTroubles, type NetworkFaultKind } from './network-faults.js';
import { Operator, type OperatorAction } from './operator.js';
import type { Pair } from './pairs.js';
import { ProcessTroubles, type ProcessFaultKind } from './process-faults.js';
import { type CallCounts, GroupRecorder } from './recorder.js';
import { type Usage, countLines, findOveruse } from './resources.js';
import { ServiceWatch } from './service-watch.js';
import { judge } from './verdict.js';

export interface Bags {
  process: Bag<ProcessFaultKind>;
  network: Bag<NetworkFaultKind>;
  operator: Bag<OperatorAction>;
}

export interface RoundOptions {
  pair: Pair;
  tls: boolean;
  /** Does not exist. */
  dir: string;
  diskKind: DiskKind;
  guard: Guard;
  hosts: number;
  groups: number;
  /** How long there are faults. */
  faultMs: number;
  /** How long a healed group may take for what it is asked, and a change of members under faults. */
  deadlineMs: number;
  seed: number;
  bags: Bags;
  nodeScript: string;
  say: (line: string) => void;
}

export interface RoundResult extends CallCounts, Usage {
  faults: FaultCounts;
  /** Hosts that were killed. */
  killed: number;
  /** Full disks on which a LogDB failed. */
  fullDisksMet: number;
  snapshotsTaken: number;
  snapshotsInstalled: number;
  batchesLost: number;
  /** Connections that met another host than was meant. */
  misdirected: number;
  largeCommands: number;
  /** Commands that were refused since their session had another one under way. */
  refusedAtOnce: number;
  /** Processes that a fault of the lmdb library ended on a full disk. */
  aborts: number;
  checked: number;
  violations: Violation[];
  stuck: string[];
  longestPauseMs: number;
  /** Without a fault that explains it. */
  unexplainedPauseMs: number;
  /** Errors that clients met, by code. */
  errors: Record<string, number>;
  /** Of groups with a violation. */
  recorders: GroupRecorder[];
}

/** Of each sort of fault in each round, however short it is. */
const LEAST_FAULTS = 4;
/** For which a group may give no answer though a majority of its members is well. */
const MAX_UNEXPLAINED_PAUSE_MS = 15_000;

/** A cluster from its first start to its last check. */
export class Round {
  readonly #options: RoundOptions;
  readonly #random: SeededRandom;
  readonly #recorders = new Map<number, GroupRecorder>();
  readonly #violations: Violation[] = [];
  readonly #stuck: string[] = [];
  readonly #faults = noFaults();
  #groups: Group[] = [];
  #bulk = new BulkLoad([], new SeededRandom(0));

  constructor(options: RoundOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
  }

  /** So far. */
  get counts(): CallCounts {
    const sum = { acknowledged: 0, unknown: 0, reads: 0 };
    for (const { counts } of this.#recorders.values()) {
      sum.acknowledged += counts.acknowledged;
      sum.unknown += counts.unknown;
      sum.reads += counts.reads;
    }
    return sum;
  }

  /** Rejects when the signal is given, or when the cluster can't even be set up. */
  async play(signal: AbortSignal): Promise<RoundResult> {
    const { dir, diskKind, guard, pair, tls, hosts, nodeScript } = this.#options;
    await mkdir(dir, { recursive: true });
    const disks = new Disks(diskKind, dir, guard);
    const onProblem = (detail: string): void => this.#problem(detail);
    const ofHost = (hostID: number) => replicasOf(this.#groups, hostID);
    const parts = { dir, hosts, pair, tls, disks, guard, nodeScript };
    const setup = { ...parts, random: this.#random, replicasOf: ofHost, onProblem };
    try {
      const cluster = await ChaosCluster.create(setup);
      let isOrderly = false;
      // Whatever is being waited for of a process has an end with it.
      const killAll = (): void => void cluster.killAll();
      signal.addEventListener('abort', killAll, { once: true });
      try {
        const result = await this.#playOn(cluster, signal);
        isOrderly = this.#violations.length === 0;
        return result;
      } finally {
        signal.removeEventListener('abort', killAll);
        await this.#attempt('the end', () => cluster.close(isOrderly));
      }
    } finally {
      await disks.close();
    }
  }

  async #playOn(cluster: ChaosCluster, signal: AbortSignal): Promise<RoundResult> {
    const { groups, deadlineMs, seed } = this.#options;
    const addresses = cluster.hosts.map(({ address }) => address);
    this.#groups = planGroups(groups, addresses, this.#random);
    await cluster.startAll();
    signal.throwIfAborted();
    this.#stuck.push(...(await findStuckGroups(cluster, this.#groups, 1, deadlineMs, signal)));
    signal.throwIfAborted();
    const startedAtMs = performance.now();
    this.#bulk = new BulkLoad(this.#groups, new SeededRandom(seed));
    const clients = new Clients(cluster, this.#bulk, seed);
    const watch = new ServiceWatch(cluster, this.#groups, this.#recorders);
    for (const group of this.#groups) {
      const recorder = new GroupRecorder(group.clusterID);
      this.#recorders.set(group.clusterID, recorder);
      clients.start(group, recorder);
    }
    let troubles: ProcessTroubles;
    let isHealed = false;
    watch.start();
    try {
      troubles = await this.#trouble(cluster, signal);
      signal.throwIfAborted();
      isHealed = await this.#attempt('the end of the faults', () => cluster.heal());
      signal.throwIfAborted();
    } catch (error) {
      await clients.stop(0).catch(() => undefined);
      throw error;
    } finally {
      watch.stop();
    }
    await this.#attempt('the clients', () => clients.stop(isHealed ? deadlineMs : 0, signal));
    const probeMs = isHealed ? deadlineMs : 0;
    this.#stuck.push(...(await findStuckGroups(cluster, this.#groups, 2, probeMs, signal)));
    signal.throwIfAborted();
    const findings = await judge(cluster, this.#groups, this.#recorders, signal);
    this.#stuck.push(...findings.stuck);
    this.#violations.push(...findings.violations);
    if (watch.longestMs > MAX_UNEXPLAINED_PAUSE_MS) {
      this.#stuck.push(
        `group ${watch.longestOf}: no answer for ${watch.longestMs} ms, and no fault explains it`,
      );
    }
    const usage = await this.#usage(cluster, (performance.now() - startedAtMs) / 1_000);
    return this.#result(cluster, troubles, {
      ...usage,
      checked: findings.checked,
      errors: Object.fromEntries(clients.errors),
      refusedAtOnce: clients.refusedAtOnce,
      unexplainedPauseMs: watch.longestMs,
    });
  }

  /** What is beyond the bounds is a violation. */
  async #usage(cluster: ChaosCluster, seconds: number): Promise<Usage> {
    const { dials, openFiles, residentBytes, snapshotsInstalled } = cluster.countsNow();
    const logLines = await countLines(cluster.hosts.map(({ hostID }) => cluster.logPath(hostID)));
    const { passedBytes } = cluster.network;
    const usage = { dials, openFiles, residentBytes, logLines, passedBytes };
    const { acknowledged, reads } = this.counts;
    const work = { seconds, hosts: cluster.hosts.length, answers: acknowledged + reads, snapshotsInstalled };
    for (const detail of findOveruse(usage, { ...work, largeCommandBytes: this.#bulk.sizeBytes })) {
      this.#violations.push({ kind: 'usage', clusterID: undefined, detail });
    }
    return usage;
  }

  #result(
    cluster: ChaosCluster,
    { killed, fullDisksMet }: ProcessTroubles,
    found: Usage & Pick<RoundResult, 'checked' | 'errors' | 'refusedAtOnce' | 'unexplainedPauseMs'>,
  ): RoundResult {
    const { snapshotsTaken, snapshotsInstalled, batchesLost, misdirected } = cluster.countsNow();
    const recorders = [...this.#recorders.values()];
    const bad = new Set(this.#violations.map(({ clusterID }) => clusterID));
    return {
      ...this.counts,
      ...found,
      faults: this.#faults,
      killed,
      fullDisksMet,
      snapshotsTaken,
      snapshotsInstalled,
      batchesLost,
      misdirected,
      largeCommands: this.#bulk.count,
      aborts: cluster.aborts,
      violations: this.#violations,
      stuck: this.#stuck,
      longestPauseMs: Math.max(0, ...recorders.map(({ longestPauseMs }) => longestPauseMs)),
      recorders: recorders.filter(({ clusterID }) => bad.has(clusterID)),
    };
  }

  async #attempt(what: string, act: () => Promise<void>): Promise<boolean> {
    try {
      await act();
      return true;
    } catch (error) {
      this.#problem(`${what}: ${String(error)}`);
      return false;
    }
  }

  /** Of the processes; reported at once, since what follows may take a while. */
  #problem(detail: string): void {
    this.#violations.push({ kind: 'host', clusterID: undefined, detail });
    this.#options.say(`PROBLEM ${detail}`);
  }

  /** Faults of all kinds side by side, until it is time; early when one could not be brought to its end. */
  async #trouble(cluster: ChaosCluster, interrupted: AbortSignal): Promise<ProcessTroubles> {
    const { bags, faultMs, deadlineMs, say } = this.#options;
    const random = (): SeededRandom => new SeededRandom(this.#random.between(0, 2 ** 31));
    const over = new AbortController();
    const { signal } = over;
    const end = (): void => over.abort();
    const endMs = performance.now() + faultMs;
    interrupted.addEventListener('abort', end, { once: true });
    setMaxListeners(0, signal);
    const onProblem = (detail: string): void => this.#problem(detail);
    const members = new Members(cluster, random(), deadlineMs, interrupted);
    const processes = new ProcessTroubles(cluster, this.#groups, members, random());
    const bulk = this.#bulk;
    const network = new NetworkTroubles(cluster, bulk, random());
    const operator = new Operator(cluster, this.#groups, { members, bulk, random: random() });
    const lane = async <Kind extends FaultKind>(
      bag: Bag<Kind>,
      make: (kind: Kind, ms: number) => Promise<string>,
      onError: (problem: string) => void,
    ): Promise<void> => {
      const own = random();
      const mostMs = Math.min(5_000, faultMs / 10);
      for (let made = 0; made < LEAST_FAULTS || performance.now() < endMs; made += 1) {
        await rest(own.between(mostMs / 10, mostMs / 2), signal);
        if (signal.aborted) return;
        const kind = bag.draw();
        try {
          const told = await make(kind, own.between(mostMs / 6, mostMs));
          this.#faults[kind] += 1;
          say(told);
        } catch (error) {
          onError(`${kind}: ${String(error)}`);
          end();
        }
      }
    };
    try {
      await Promise.all([
        lane(bags.process, (kind, ms) => processes.make(kind, ms, signal), onProblem),
        lane(bags.network, (kind, ms) => network.make(kind, ms, signal), onProblem),
        lane(
          bags.operator,
          (kind, ms) => operator.act(kind, ms, signal),
          (problem) => {
            this.#stuck.push(problem);
            say(`PROBLEM ${problem}`);
          },
        ),
      ]);
    } finally {
      interrupted.removeEventListener('abort', end);
    }
    return processes;
  }
}
