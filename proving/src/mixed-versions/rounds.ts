import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Cluster } from '../harness/cluster.js';
import { pollUntil } from '../harness/waiting.js';
import { type Legacy, checkLegacy } from '../crash-rounds/rounds.js';
import { type ExchangeStep, type Version, describeStep, planExchanges } from './plan.js';
import { CallKind } from '../harness/journal.js';
import type { PlanOptions } from '../harness/plan.js';
import { SeededRandom } from '../harness/random.js';
import type { RoundFacts } from '../harness/round-log.js';
import { type Check, type Dump, verify } from '../harness/verify.js';

export interface MixedOptions extends PlanOptions {
  seed: number;
  /** Of all rounds together. */
  loadMs: number;
  clients: number;
  payloadBytes: number;
  nodeScript: string;
  /** Folder of version 0.1, built. */
  oldRoot: string;
}

export interface MixedReport extends RoundFacts {
  description: string;
}

const LEADER_TIMEOUT_MS = 30_000;
const PATIENCE_MS = 20_000;
const SETTLE_TIMEOUT_MS = 30_000;
const LEVEL_TIMEOUT_MS = 30_000;
const SHARED_KEYS = 32;
const SHARED_KEYS_PER_ROUND = 1_000;
/** Of a group whose members all run this version. */
const RAISED_LEVEL = 1;
/** Adapters by short name, as folders of a version. */
const FOLDERS: Readonly<Record<string, string>> = {
  lmdb: 'logdb-lmdb',
  leveldb: 'logdb-leveldb',
  ws: 'transport-ws',
  grpc: 'transport-grpc',
  quic: 'transport-quic',
};

/** Exchanges the processes of a cluster between version 0.1 and this one, and checks after each what is left. */
export class MixedVersions {
  readonly #options: MixedOptions;
  readonly #steps: ExchangeStep[];
  readonly #versions = new Map<number, Version>();
  #legacy: Legacy = { writeCount: 0, records: [], openKeys: new Set() };

  constructor(options: MixedOptions) {
    this.#options = options;
    const nodeIDs = Array.from({ length: options.nodes }, (_, i) => i + 1);
    for (const nodeID of nodeIDs) this.#versions.set(nodeID, '0.1');
    this.#steps = planExchanges(new SeededRandom(options.seed), nodeIDs);
  }

  get stepCount(): number {
    return this.#steps.length;
  }

  /** Plays all rounds. Ends early with the first one that does not hold. */
  async play(onRound: (report: MixedReport) => void, signal: AbortSignal): Promise<boolean> {
    const { oldRoot, nodeScript } = this.#options;
    const oldScript = join(oldRoot, 'examples/dist/cluster-node.js');
    const cluster = await Cluster.create({
      ...this.#options,
      launchOf: (plan) =>
        this.#versions.get(plan.nodeID) === '0.1'
          ? { script: oldScript, plan: { ...plan, configPath: oldConfigPath(plan.configPath) } }
          : { script: nodeScript, plan },
    });
    await this.#writeOldConfigs(cluster);
    try {
      await cluster.startAll();
      for (const [i, step] of this.#steps.entries()) {
        signal.throwIfAborted();
        const report = await this.#playRound(cluster, i + 1, step);
        onRound(report);
        if (report.checks.some(({ isGood }) => !isGood)) return false;
      }
      await cluster.shutDown();
      return true;
    } finally {
      await cluster.killAll();
    }
  }

  /** A node of 0.1 takes the adapters of its own version, which are named by their folders. */
  async #writeOldConfigs({ nodeIDs }: Cluster): Promise<void> {
    const { dir, logdb, transport, oldRoot } = this.#options;
    for (const nodeID of nodeIDs) {
      const path = join(dir, `node-${nodeID}.yaml`);
      let text = await readFile(path, 'utf8');
      for (const name of [logdb, transport]) {
        const folder = FOLDERS[name];
        if (folder === undefined) continue;
        text = text.replace(
          `module: ${JSON.stringify(name)}`,
          `module: ${JSON.stringify(join(oldRoot, folder, 'dist/index.js'))}`,
        );
      }
      await writeFile(oldConfigPath(path), text);
    }
  }

  async #playRound(cluster: Cluster, round: number, step: ExchangeStep): Promise<MixedReport> {
    const { clients, payloadBytes, loadMs } = this.#options;
    const readers = Math.max(1, Math.round(clients / 3));
    const load = {
      writers: clients - readers,
      readers,
      firstSharedKey: round * SHARED_KEYS_PER_ROUND,
      sharedKeys: SHARED_KEYS,
      payloadBytes,
    };
    const partMs = loadMs / this.#steps.length / 2;
    await cluster.waitForLeader(LEADER_TIMEOUT_MS);
    await cluster.load(load);
    await delay(partMs);
    await this.#exchange(cluster, step);
    await cluster.waitForLeader(LEADER_TIMEOUT_MS);
    await cluster.load(load);
    await delay(partMs);
    await cluster.unload(PATIENCE_MS);
    return await this.#check(cluster, round, step);
  }

  async #exchange(cluster: Cluster, { nodeIDs, to, isKill, awayMs }: ExchangeStep): Promise<void> {
    await Promise.all(
      nodeIDs.map((nodeID) => (isKill ? cluster.kill(nodeID) : cluster.stop(nodeID, PATIENCE_MS))),
    );
    await delay(awayMs);
    for (const nodeID of nodeIDs) this.#versions.set(nodeID, to);
    await Promise.all(nodeIDs.map((nodeID) => cluster.start(nodeID)));
  }

  async #check(cluster: Cluster, round: number, step: ExchangeStep): Promise<MixedReport> {
    const digests = await cluster.settle(SETTLE_TIMEOUT_MS);
    const dumps: Dump[] = [];
    for (const nodeID of cluster.nodeIDs) dumps.push({ nodeID, ...(await cluster.dump(nodeID)) });
    const calls = cluster.takeCalls();
    const records = dumps[0]?.records ?? [];
    const checks = [
      ...verify({ calls, digests, dumps, writesBefore: this.#legacy.writeCount }),
      checkLegacy(this.#legacy, records),
      await this.#checkLevel(cluster),
    ];
    const open = calls.filter((call) => call.kind !== CallKind.get && call.returnedAt === undefined);
    this.#legacy = {
      writeCount: digests.get(1)?.writeCount ?? 0,
      records,
      openKeys: new Set([...this.#legacy.openKeys, ...open.map(({ keyID }) => keyID)]),
    };
    const answered = calls.filter(({ returnedAt }) => returnedAt !== undefined);
    const reads = answered.filter(({ kind }) => kind === CallKind.get).length;
    return {
      round,
      description: describeStep(step),
      checks,
      acknowledgedWrites: answered.length - reads,
      unknownOutcomes: open.length,
      reads,
    };
  }

  /** 0 while one of 0.1 is left, else raised, on every node that can tell. */
  async #checkLevel(cluster: Cluster): Promise<Check> {
    const current = cluster.nodeIDs.filter((nodeID) => this.#versions.get(nodeID) === 'this');
    const wanted = current.length === cluster.nodeIDs.length ? RAISED_LEVEL : 0;
    let levels: number[] = [];
    const isReached = async (): Promise<true | undefined> => {
      levels = await Promise.all(current.map((nodeID) => cluster.level(nodeID)));
      return levels.every((level) => level === wanted) ? true : undefined;
    };
    const isGood = await pollUntil(LEVEL_TIMEOUT_MS, 'levels differ', isReached).catch(() => false);
    const detail = `${levels.join(', ')} on nodes ${current.join(', ')}, wanted ${wanted}`;
    return { name: 'the feature level is as it should be', isGood, detail };
  }
}

function oldConfigPath(configPath: string): string {
  return configPath.replace(/\.yaml$/, '.old.yaml');
}
