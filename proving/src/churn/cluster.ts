import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ChurnCommands, ChurnHostPlan, LocalState, ReplicaPlan } from './commands.js';
import { nowMicros } from '../harness/clock.js';
import type { WorkloadSpec } from '../harness/commands.js';
import { type JournaledCall, readJournal } from '../harness/journal.js';
import { NodeProcess } from '../harness/node-process.js';
import { type PlanOptions, planNodes } from '../harness/plan.js';
import type { Dump } from '../harness/verify.js';

export type LoadPerHost = Omit<WorkloadSpec, 'journalPath' | 'incarnation'>;

/** A process, and the node that it is to run now. */
export interface ChurnHost {
  readonly hostID: number;
  readonly address: string;
  readonly configPath: string;
  replica: ReplicaPlan | undefined;
  process: NodeProcess<ChurnCommands, never> | undefined;
  isLoaded: boolean;
}

const START_TIMEOUT_MS = 30_000;
const SHUTDOWN_TIMEOUT_MS = 15_000;
const CALL_TIMEOUT_MS = 10_000;
const SPARE_PATIENCE_MS = 500;

/** Hosts in processes of their own; the nodes of one group come and go on them. Node ids are never used twice. */
export class ChurnCluster {
  readonly hosts: readonly ChurnHost[];
  readonly #dir: string;
  readonly #nodeScript: string;
  #journalPaths: string[] = [];
  #incarnation = 0;

  private constructor(hosts: ChurnHost[], dir: string, nodeScript: string) {
    this.hosts = hosts;
    this.#dir = dir;
    this.#nodeScript = nodeScript;
  }

  /** The first `voters` hosts are to run the initial members, nodes 1 to `voters`; the others nothing. Starts nothing. */
  static async create(options: PlanOptions & { voters: number; nodeScript: string }): Promise<ChurnCluster> {
    const { dir, voters, nodeScript } = options;
    const plans = await planNodes(options);
    const hosts = plans.map(({ nodeID: hostID, configPath, members }): ChurnHost => {
      const address = members[hostID - 1]?.[1] ?? '';
      const initial = members.slice(0, voters);
      const replica = { nodeID: hostID, members: initial, join: false, isObserver: false };
      return {
        hostID,
        address,
        configPath,
        replica: hostID <= voters ? replica : undefined,
        process: undefined,
        isLoaded: false,
      };
    });
    return new ChurnCluster(hosts, dir, nodeScript);
  }

  /** Hosts that are to run a node. */
  get members(): ChurnHost[] {
    return this.hosts.filter(({ replica }) => replica !== undefined);
  }

  get spares(): ChurnHost[] {
    return this.hosts.filter(({ replica }) => replica === undefined);
  }

  /** Starts a host's process with the replica that it is to run, also after a kill. */
  async start(host: ChurnHost): Promise<void> {
    const { configPath, replica, hostID } = host;
    const plan: ChurnHostPlan = { configPath, replica };
    host.process = new NodeProcess({
      script: this.#nodeScript,
      args: [JSON.stringify(plan)],
      logPath: join(this.#dir, `node-${hostID}.log`),
    });
    await host.process.ready(START_TIMEOUT_MS);
  }

  /** kill -9. */
  async kill(host: ChurnHost): Promise<void> {
    const { process } = host;
    host.process = undefined;
    host.isLoaded = false;
    await process?.killHard();
  }

  async killAll(): Promise<void> {
    await Promise.all(this.hosts.map((host) => this.kill(host)));
  }

  async shutDown(): Promise<void> {
    const ends = this.hosts.map(async (host) => {
      const { process } = host;
      host.process = undefined;
      await process?.shutDown('shutdown', SHUTDOWN_TIMEOUT_MS);
    });
    await Promise.all(ends);
  }

  /** Rejects also when the host has no process now. */
  async call<K extends keyof ChurnCommands>(
    host: ChurnHost,
    command: K,
    argument: ChurnCommands[K]['takes'],
    timeoutMs = CALL_TIMEOUT_MS,
  ): Promise<ChurnCommands[K]['answers']> {
    if (host.process === undefined) throw new Error(`${command}: host ${host.hostID} is down`);
    return await host.process.call(command, argument, timeoutMs);
  }

  /** What the hosts that should run a node say of it; undefined when they do not answer or have none. */
  async states(): Promise<Map<ChurnHost, LocalState | undefined>> {
    const asked = this.members.map(async (host): Promise<[ChurnHost, LocalState | undefined]> => [
      host,
      await this.call(host, 'state', null).catch(() => undefined),
    ]);
    return new Map(await Promise.all(asked));
  }

  /** Hosts that run the leader, as their own replicas see it. */
  async leader(): Promise<ChurnHost | undefined> {
    const states = await this.states();
    for (const [host, state] of states) {
      if (state !== undefined && state.leaderID === state.nodeID) return host;
    }
    return undefined;
  }

  /** Gives clients to each host that runs a node and has none. */
  async load(load: LoadPerHost): Promise<void> {
    const idle = this.members.filter(({ isLoaded, process }) => !isLoaded && process !== undefined);
    await Promise.all(
      idle.map(async (host) => {
        const incarnation = this.#incarnation;
        this.#incarnation += 1;
        const journalPath = join(this.#dir, `journal-${incarnation}.bin`);
        this.#journalPaths.push(journalPath);
        host.isLoaded = true;
        await this.call(host, 'startWorkload', { ...load, journalPath, incarnation });
      }),
    );
  }

  /** Ends all clients; rejects if one of them met an error that no client should meet. */
  async unload(patienceMs: number): Promise<void> {
    const loaded = this.hosts.filter(({ isLoaded }) => isLoaded);
    await Promise.all(
      loaded.map(async (host) => {
        host.isLoaded = false;
        // Clients of a host whose node was removed get no answers any more.
        const waitMs = host.replica === undefined ? SPARE_PATIENCE_MS : patienceMs;
        await this.call(host, 'stopWorkload', { patienceMs: waitMs }, waitMs + CALL_TIMEOUT_MS);
      }),
    );
  }

  /** The calls that workloads have recorded since this was asked the last time. */
  takeCalls(): JournaledCall[] {
    const paths = this.#journalPaths;
    this.#journalPaths = [];
    return paths.flatMap((path) => readJournal(path));
  }

  async dump(host: ChurnHost): Promise<Dump> {
    const askedAt = nowMicros();
    const records = await this.call(host, 'dump', { timeoutMs: CALL_TIMEOUT_MS }, 2 * CALL_TIMEOUT_MS);
    return { nodeID: host.replica?.nodeID ?? 0, askedAt, toldAt: nowMicros(), records };
  }
}

/** Repeats until it succeeds; rejects with the last failure when the time is over. */
export async function persevere<T>(timeoutMs: number, what: string, attempt: () => Promise<T>): Promise<T> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > endMs) {
        throw new Error(`${what}: not within ${timeoutMs} ms: ${String(error)}`, { cause: error });
      }
      await delay(50);
    }
  }
}
