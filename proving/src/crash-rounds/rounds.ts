import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Cluster } from '../harness/cluster.js';
import type { DumpedRecord } from '../harness/commands.js';
import { type CrashPlan, describePlan, planRound } from './plan.js';
import { CallKind, type JournaledCall } from '../harness/journal.js';
import { keyIDOf } from '../harness/names.js';
import { SeededRandom } from '../harness/random.js';
import { removeScratchDir } from '../harness/scratch-dir.js';
import { type Check, type Dump, verify } from '../harness/verify.js';

export interface CrashOptions {
  rounds: number;
  seed: number;
  nodes: number;
  clients: number;
  payloadBytes: number;
  logdb: string;
  transport: string;
  tls?: boolean;
  /** Existing folder; each set of data gets a folder in it. */
  dir: string;
  nodeScript: string;
}

export interface RoundReport {
  round: number;
  description: string;
  checks: Check[];
  acknowledgedWrites: number;
  unknownOutcomes: number;
  reads: number;
}

const LEADER_TIMEOUT_MS = 20_000;
const PATIENCE_MS = 15_000;
const SETTLE_TIMEOUT_MS = 20_000;
const SHARED_KEYS = 32;
const SHARED_KEYS_PER_ROUND = 1_000;

/** What a round left behind in its folders. */
export interface Legacy {
  writeCount: number;
  records: DumpedRecord[];
  /** Keys of which a call's outcome is unknown: such a call may take effect later. */
  openKeys: Set<number>;
}

/** Kills and restarts the processes of a cluster, round after round, and checks after each what is left. */
export class CrashRounds {
  readonly #options: CrashOptions;
  readonly #random: SeededRandom;
  #cluster: Cluster | undefined;
  #dir: string | undefined;
  #dirCount = 0;
  #roundsInDir = 0;
  #legacy: Legacy = { writeCount: 0, records: [], openKeys: new Set() };

  constructor(options: CrashOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
  }

  /** Plays all rounds. Ends early, its folders left behind, with the first one that does not hold. */
  async play(onRound: (report: RoundReport) => void, signal?: AbortSignal): Promise<boolean> {
    const nodeIDs = Array.from({ length: this.#options.nodes }, (_, i) => i + 1);
    try {
      for (let round = 1; round <= this.#options.rounds; round += 1) {
        signal?.throwIfAborted();
        const plan = planRound(this.#random, nodeIDs, this.#roundsInDir);
        const cluster = plan.isFresh || this.#cluster === undefined ? await this.#renew() : this.#cluster;
        const report = await this.#playRound(cluster, round, plan);
        onRound(report);
        if (report.checks.some(({ isGood }) => !isGood)) return false;
      }
      await this.#removeDir();
      return true;
    } finally {
      await this.#cluster?.killAll();
    }
  }

  async #removeDir(): Promise<void> {
    if (this.#dir !== undefined) await removeScratchDir(this.#dir);
    this.#dir = undefined;
  }

  async #renew(): Promise<Cluster> {
    await this.#removeDir();
    this.#dirCount += 1;
    const dir = join(this.#options.dir, `data-${this.#dirCount}`);
    await mkdir(dir);
    this.#dir = dir;
    this.#cluster = await Cluster.create({ ...this.#options, dir });
    this.#roundsInDir = 0;
    this.#legacy = { writeCount: 0, records: [], openKeys: new Set() };
    return this.#cluster;
  }

  async #playRound(cluster: Cluster, round: number, plan: CrashPlan): Promise<RoundReport> {
    const { clients, payloadBytes } = this.#options;
    const readers = Math.max(1, Math.round(clients / 3));
    const load = {
      writers: clients - readers,
      readers,
      firstSharedKey: this.#roundsInDir * SHARED_KEYS_PER_ROUND,
      sharedKeys: SHARED_KEYS,
      payloadBytes,
    };
    this.#roundsInDir += 1;
    await cluster.startAll();
    if (!plan.isEarly) await cluster.waitForLeader(LEADER_TIMEOUT_MS);
    await cluster.load(load);
    await delay(plan.loadMs);
    await crashAndRestart(cluster, plan);
    await cluster.waitForLeader(LEADER_TIMEOUT_MS);
    await cluster.load(load);
    await delay(plan.afterMs);
    await cluster.unload(PATIENCE_MS);
    const report = await this.#check(cluster, round, plan);
    if (plan.endsInKill) await cluster.killAll();
    else await cluster.shutDown();
    return report;
  }

  async #check(cluster: Cluster, round: number, plan: CrashPlan): Promise<RoundReport> {
    const digests = await cluster.settle(SETTLE_TIMEOUT_MS);
    const dumps: Dump[] = [];
    for (const nodeID of cluster.nodeIDs) dumps.push({ nodeID, ...(await cluster.dump(nodeID)) });
    const calls = cluster.takeCalls();
    const checks = verify({ calls, digests, dumps, writesBefore: this.#legacy.writeCount });
    const records = dumps[0]?.records ?? [];
    checks.push(checkLegacy(this.#legacy, records));
    const open = calls.filter((call) => call.kind !== CallKind.get && call.returnedAt === undefined);
    this.#legacy = {
      writeCount: digests.get(1)?.writeCount ?? 0,
      records,
      openKeys: new Set([...this.#legacy.openKeys, ...open.map(({ keyID }) => keyID)]),
    };
    const isAnswered = ({ returnedAt }: JournaledCall): boolean => returnedAt !== undefined;
    const answered = calls.filter(isAnswered);
    const reads = answered.filter(({ kind }) => kind === CallKind.get).length;
    return {
      round,
      description: describePlan(plan),
      checks,
      acknowledgedWrites: answered.length - reads,
      unknownOutcomes: open.length,
      reads,
    };
  }
}

async function crashAndRestart(cluster: Cluster, plan: CrashPlan): Promise<void> {
  const leaderID = cluster.leaderID;
  // With no leader at this moment any node will do.
  const victims = plan.victims.map((victim) => (victim === 'leader' ? leaderID || 1 : victim));
  await Promise.all(victims.map((nodeID) => cluster.kill(nodeID)));
  await delay(plan.downMs);
  if (plan.secondKillMs !== undefined) {
    for (const nodeID of victims) cluster.launch(nodeID);
    await delay(plan.secondKillMs);
    await Promise.all(victims.map((nodeID) => cluster.kill(nodeID)));
  }
  await Promise.all(victims.map((nodeID) => cluster.start(nodeID)));
}

/** What earlier rounds had settled on must still be there. */
export function checkLegacy({ records, openKeys }: Legacy, held: readonly DumpedRecord[]): Check {
  const now = new Map(held.map((record) => [record.key, record]));
  const settled = records.filter(({ key }) => !openKeys.has(keyIDOf(key)));
  const changed = settled.filter(({ key, version, value }) => {
    const record = now.get(key);
    return record?.version !== version || record.value !== value;
  });
  return {
    name: 'earlier rounds are unchanged',
    isGood: changed.length === 0,
    detail:
      changed.length === 0
        ? `${settled.length} keys`
        : `changed: ${changed.map(({ key }) => key).join(', ')}`,
  };
}
