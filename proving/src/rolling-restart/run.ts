import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { persevere } from '../churn/cluster.js';
import { nowMicros } from '../harness/clock.js';
import type { WorkloadSpec } from '../harness/commands.js';
import { type Figures, figuresOf, outageMs } from '../harness/figures.js';
import { CallKind, type JournaledCall, readJournal } from '../harness/journal.js';
import { NodeProcess } from '../harness/node-process.js';
import { type NodePlan, type PlanOptions, planNodes } from '../harness/plan.js';

/** An error that clients met. */
export interface MetError {
  code: string;
  count: number;
  /** The documentation calls it a passing one, or says that the same request may be repeated. */
  isTemporary: boolean;
}

/** What clients of one process have met since it was started. */
export interface Told {
  errors: MetError[];
  /** When writes of the pulse were acknowledged, see `nowMicros`. */
  beats: number[];
}

/** Commands that the parent gives a node's process. */
export interface RollingCommands {
  /** Clients, and a pulse: writes at a fixed pace that wait for nothing. */
  startWorkload: { takes: WorkloadSpec; answers: null };
  /** Ends the clients, each after its call. */
  stopWorkload: { takes: { patienceMs: number }; answers: Told };
  /** Stops the host under its clients. */
  stopHost: { takes: null; answers: Told };
  waitReady: { takes: { timeoutMs: number }; answers: null };
  leader: { takes: null; answers: number };
  shutdown: { takes: null; answers: null };
}

export interface RollingOptions extends PlanOptions {
  /** How often each node is restarted. */
  passes: number;
  clients: number;
  payloadBytes: number;
  /** Load between restarts. */
  settleMs: number;
  nodeScript: string;
}

export interface Restart {
  nodeID: number;
  wasLeader: boolean;
  stopMs: number;
  /** Until its replica had caught up. */
  readyMs: number;
}

export interface RollingResult {
  restarts: Restart[];
  errors: MetError[];
  figures: Figures;
  /** The longest time in which no process had a write acknowledged. */
  longestPauseMs: number;
}

type Node = NodeProcess<RollingCommands, never>;

const TIMEOUT_MS = 30_000;
const PATIENCE_MS = 10_000;
/** Much longer than any pause: what takes longer was lost, not slow. */
const ATTEMPT_TIMEOUT_MS = 2_000;

/** Stops each process of a cluster in order, and starts it again, one after the other, under load. */
export class RollingRestart {
  readonly #options: RollingOptions;
  readonly #nodes = new Map<number, Node>();
  readonly #journals: string[] = [];
  readonly #errors = new Map<string, MetError>();
  readonly #beats: number[] = [];
  #plans: NodePlan[] = [];

  constructor(options: RollingOptions) {
    this.#options = options;
  }

  async play(onRestart: (restart: Restart) => void, signal: AbortSignal): Promise<RollingResult> {
    this.#plans = await planNodes(this.#options);
    const restarts: Restart[] = [];
    try {
      await Promise.all(this.#plans.map((plan) => this.#start(plan)));
      await Promise.all(this.#plans.map(({ nodeID }) => this.#ready(nodeID)));
      for (const { nodeID } of this.#plans) await this.#load(nodeID);
      const startedAt = nowMicros();
      for (let pass = 1; pass <= this.#options.passes; pass += 1) {
        for (const plan of this.#plans) {
          await delay(this.#options.settleMs, undefined, { signal });
          const restart = await this.#restart(plan);
          onRestart(restart);
          restarts.push(restart);
        }
      }
      await delay(this.#options.settleMs, undefined, { signal });
      const endedAt = nowMicros();
      for (const node of this.#nodes.values()) {
        const argument = { patienceMs: PATIENCE_MS };
        this.#met(await node.call('stopWorkload', argument, PATIENCE_MS + TIMEOUT_MS));
      }
      const calls = this.#calls();
      await Promise.all([...this.#nodes.values()].map((node) => node.shutDown('shutdown', TIMEOUT_MS)));
      return {
        restarts,
        errors: [...this.#errors.values()],
        figures: figuresOf(calls),
        longestPauseMs: this.#longestPauseMs(calls, startedAt, endedAt),
      };
    } finally {
      await Promise.all([...this.#nodes.values()].map((node) => node.killHard()));
    }
  }

  async #restart(plan: NodePlan): Promise<Restart> {
    const { nodeID } = plan;
    const node = this.#node(nodeID);
    const wasLeader = (await node.call('leader', null, TIMEOUT_MS)) === nodeID;
    const stoppedAt = performance.now();
    this.#met(await node.call('stopHost', null, TIMEOUT_MS));
    await node.shutDown('shutdown', TIMEOUT_MS);
    const startedAt = performance.now();
    await this.#start(plan);
    await this.#ready(nodeID);
    const readyMs = performance.now() - startedAt;
    await this.#load(nodeID);
    return { nodeID, wasLeader, stopMs: startedAt - stoppedAt, readyMs };
  }

  async #start(plan: NodePlan): Promise<void> {
    const { dir, nodeScript } = this.#options;
    const logPath = join(dir, `node-${plan.nodeID}.log`);
    const node: Node = new NodeProcess({ script: nodeScript, args: [JSON.stringify(plan)], logPath });
    this.#nodes.set(plan.nodeID, node);
    await node.ready(TIMEOUT_MS);
  }

  async #ready(nodeID: number): Promise<void> {
    await persevere(TIMEOUT_MS, `node ${nodeID} ready`, () =>
      this.#node(nodeID).call('waitReady', { timeoutMs: TIMEOUT_MS }, 2 * TIMEOUT_MS),
    );
  }

  async #load(nodeID: number): Promise<void> {
    const incarnation = this.#journals.length;
    const journalPath = join(this.#options.dir, `journal-${incarnation}.bin`);
    this.#journals.push(journalPath);
    const { clients, payloadBytes } = this.#options;
    const readers = Math.max(1, Math.floor(clients / 3));
    const writers = Math.max(1, clients - readers);
    const keys = { firstSharedKey: 0, sharedKeys: 4 * clients };
    const spec = {
      journalPath,
      incarnation,
      writers,
      readers,
      payloadBytes,
      attemptTimeoutMs: ATTEMPT_TIMEOUT_MS,
      ...keys,
    };
    await this.#node(nodeID).call('startWorkload', spec, TIMEOUT_MS);
  }

  #longestPauseMs(calls: readonly JournaledCall[], from: number, to: number): number {
    const beats = this.#beats.map((returnedAt): JournaledCall => ({
      kind: CallKind.put,
      client: 0,
      keyID: 0,
      value: 0,
      invokedAt: returnedAt,
      returnedAt,
      version: 0,
    }));
    return outageMs([...calls, ...beats], from, to);
  }

  #calls(): JournaledCall[] {
    return this.#journals.flatMap((path) => readJournal(path));
  }

  #met({ errors, beats }: Told): void {
    this.#beats.push(...beats);
    for (const error of errors) {
      const known = this.#errors.get(error.code);
      if (known === undefined) this.#errors.set(error.code, { ...error });
      else known.count += error.count;
    }
  }

  #node(nodeID: number): Node {
    const node = this.#nodes.get(nodeID);
    if (node === undefined) throw new RangeError(`there is no node ${nodeID}`);
    return node;
  }
}
