import { setTimeout as delay } from 'node:timers/promises';
import { nowMicros } from '../harness/clock.js';
import type { Cluster } from '../harness/cluster.js';
import type { WorkloadStats } from '../harness/commands.js';
import type { DemoOptions } from './options.js';
import { type Figures, figuresOf, outageMs } from '../harness/figures.js';
import type { JournaledCall } from '../harness/journal.js';
import type { Progress } from '../harness/progress.js';
import { type Check, type Dump, verify } from '../harness/verify.js';

export interface DemoResult {
  checks: Check[];
  figures: Figures;
  /** The leader that was killed. */
  killedNodeID: number;
  /** Time without an acknowledged write after that. */
  outageMs: number;
  /** How long the restarted process took until its host served. */
  restartMs: number;
}

/** Parts of the run after which the leader is killed, and its process started again. */
const KILL_AT = 0.4;
const RESTART_AT = 0.65;
const LEADER_TIMEOUT_MS = 15_000;
const PATIENCE_MS = 10_000;
const SETTLE_TIMEOUT_MS = 15_000;
const SHARED_KEYS_PER_CLIENT = 2;

/** The demonstration: load, a kill -9 of the leader, a restart, and then the reckoning. */
export async function runDemo(
  cluster: Cluster,
  options: DemoOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<DemoResult> {
  const startedAt = performance.now();
  await cluster.startAll();
  const leaderID = await cluster.waitForLeader(LEADER_TIMEOUT_MS);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const parts = `${options.logdb} and ${options.transport}${options.tls ? ' with mutual TLS' : ''}`;
  progress.say(`${options.nodes} processes on ${parts} are up in ${seconds} s, node ${leaderID} leads.`);
  const run = new LoadedRun(cluster, options, progress, signal);
  const timeline = await run.play();
  progress.say('Clients have stopped; waiting until all replicas have applied everything ...');
  const digests = await cluster.settle(SETTLE_TIMEOUT_MS);
  const dumps: Dump[] = [];
  for (const nodeID of cluster.nodeIDs) {
    if (cluster.isRunning(nodeID)) dumps.push({ nodeID, ...(await cluster.dump(nodeID)) });
  }
  const calls = cluster.takeCalls();
  progress.say(`Checking ${calls.length} recorded calls ...`);
  const checks = verify({ calls, digests, dumps, writesBefore: 0 });
  checks.push(checkServed(calls, timeline));
  return {
    checks,
    figures: figuresOf(calls),
    killedNodeID: timeline.killedNodeID,
    outageMs: outageMs(calls, timeline.killedAt, timeline.restartedAt),
    restartMs: timeline.restartMs,
  };
}

interface Timeline {
  killedNodeID: number;
  killedAt: number;
  restartedAt: number;
  restartMs: number;
}

/** The part of the demonstration in which clients work. */
class LoadedRun {
  readonly #cluster: Cluster;
  readonly #options: DemoOptions;
  readonly #progress: Progress;
  readonly #signal: AbortSignal;
  readonly #startedAt = performance.now();
  /** Done by workloads that are gone. */
  #before: WorkloadStats = { acknowledgedWrites: 0, reads: 0, retries: 0 };
  #last = { at: performance.now(), calls: 0, perSecond: 0 };

  constructor(cluster: Cluster, options: DemoOptions, progress: Progress, signal: AbortSignal) {
    this.#cluster = cluster;
    this.#options = options;
    this.#progress = progress;
    this.#signal = signal;
  }

  async play(): Promise<Timeline> {
    await this.#load();
    this.#progress.follow(() => this.#line());
    await this.#until(KILL_AT);
    const killedNodeID = await this.#cluster.waitForLeader(LEADER_TIMEOUT_MS);
    const lost = this.#cluster.statsOf(killedNodeID);
    const killedAt = nowMicros();
    await this.#cluster.kill(killedNodeID);
    this.#before = lost;
    this.#progress.say(`${this.#time()} kill -9 of node ${killedNodeID}, the leader`);
    await this.#until(RESTART_AT);
    this.#progress.say(
      `${this.#time()} node ${this.#cluster.leaderID} leads; starting node ${killedNodeID} again`,
    );
    const restartedAt = nowMicros();
    await this.#cluster.start(killedNodeID);
    const restartMs = (nowMicros() - restartedAt) / 1e3;
    this.#progress.say(`${this.#time()} node ${killedNodeID} serves again`);
    await this.#load();
    await this.#until(1);
    this.#progress.stop();
    await this.#cluster.unload(PATIENCE_MS);
    return { killedNodeID, killedAt, restartedAt, restartMs };
  }

  async #load(): Promise<void> {
    const { clients, payloadBytes } = this.#options;
    const readers = Math.max(1, Math.round(clients / 3));
    await this.#cluster.load({
      writers: clients - readers,
      readers,
      firstSharedKey: 0,
      sharedKeys: clients * SHARED_KEYS_PER_CLIENT,
      payloadBytes,
    });
  }

  /** Waits for that part of the run; rejects if a process ends that should not, or the user has enough. */
  async #until(part: number): Promise<void> {
    const end = this.#startedAt + part * this.#options.seconds * 1_000;
    while (performance.now() < end) {
      await delay(Math.min(100, Math.max(1, end - performance.now())), undefined, { signal: this.#signal });
      const [casualty] = this.#cluster.casualties;
      if (casualty === undefined) continue;
      throw new Error(
        `node ${casualty} has ended by itself; its log ends:\n${this.#cluster.logTail(casualty)}`,
      );
    }
  }

  #time(): string {
    return `${((performance.now() - this.#startedAt) / 1000).toFixed(1).padStart(5)} s `;
  }

  #line(): string {
    const stats = this.#cluster.stats;
    const writes = this.#before.acknowledgedWrites + stats.acknowledgedWrites;
    const reads = this.#before.reads + stats.reads;
    const now = performance.now();
    if (now - this.#last.at >= 500) {
      const perSecond = ((writes + reads - this.#last.calls) / (now - this.#last.at)) * 1_000;
      this.#last = {
        at: now,
        calls: writes + reads,
        perSecond: Math.max(0, perSecond),
      };
    }
    const { leaderID } = this.#cluster;
    const leader = leaderID === 0 ? 'no leader' : `node ${leaderID} leads`;
    const rate = Math.round(this.#last.perSecond).toLocaleString('en');
    return (
      `${this.#time()} ${leader}, ${writes.toLocaleString('en')} writes acknowledged, ` +
      `${reads.toLocaleString('en')} reads, ${rate}/s`
    );
  }
}

/** Whether the group did its work at all, also without its first leader. */
function checkServed(calls: readonly JournaledCall[], { killedAt, restartedAt }: Timeline): Check {
  const answered = calls.filter(({ returnedAt }) => returnedAt !== undefined);
  const between = answered.filter(
    ({ returnedAt = 0 }) => returnedAt > killedAt && returnedAt < restartedAt,
  ).length;
  return {
    name: 'the group served while a process was gone',
    isGood: between > 0 && answered.length > between,
    detail: `${between} of ${answered.length} answers`,
  };
}
