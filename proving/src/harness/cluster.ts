import { join } from 'node:path';
import type { DumpedRecord, NodeCommands, NodeNews, WorkloadSpec, WorkloadStats } from './commands.js';
import type { KVDigest } from './kv-commands.js';
import { nowMicros } from './clock.js';
import { type JournaledCall, readJournal } from './journal.js';
import { NodeProcess } from './node-process.js';
import { type NodePlan, type PlanOptions, planNodes } from './plan.js';
import { pollUntil } from './waiting.js';

/** The folder of `dir` also takes journals and logs. */
export interface ClusterOptions extends PlanOptions {
  /** Compiled script of a node. */
  nodeScript: string;
  /** Asked at each start of a node, which script and plan it gets; by default `nodeScript` and its own plan. */
  launchOf?: (plan: NodePlan) => { script: string; plan: NodePlan };
}

/** What the clients do, all processes together. */
export interface LoadOptions {
  writers: number;
  readers: number;
  firstSharedKey: number;
  sharedKeys: number;
  payloadBytes: number;
}

type Node = NodeProcess<NodeCommands, NodeNews>;

interface Member {
  plan: NodePlan;
  node: Node | undefined;
  isLoaded: boolean;
}

const START_TIMEOUT_MS = 30_000;
const SHUTDOWN_TIMEOUT_MS = 15_000;
const CALL_TIMEOUT_MS = 5_000;

/** Real processes on this machine, each with a NodeHost, that replicate one group. Nodes are 1 to `nodes`. */
export class Cluster {
  readonly nodeIDs: readonly number[];
  readonly #options: ClusterOptions;
  readonly #members: Map<number, Member>;
  #journalPaths: string[] = [];
  /** Number of the next workload. */
  #incarnation = 0;

  private constructor(options: ClusterOptions, plans: NodePlan[]) {
    this.#options = options;
    this.nodeIDs = plans.map(({ nodeID }) => nodeID);
    this.#members = new Map(plans.map((plan) => [plan.nodeID, { plan, node: undefined, isLoaded: false }]));
  }

  /** Writes the configuration files; starts nothing. */
  static async create(options: ClusterOptions): Promise<Cluster> {
    return new Cluster(options, await planNodes(options));
  }

  /** The calls that workloads have recorded since this was asked the last time. */
  takeCalls(): JournaledCall[] {
    const paths = this.#journalPaths;
    this.#journalPaths = [];
    return paths.flatMap((path) => readJournal(path));
  }

  async startAll(): Promise<void> {
    await Promise.all(this.nodeIDs.map((nodeID) => this.start(nodeID)));
  }

  /** Starts a node's process, also one that was killed; resolves when its host serves. */
  async start(nodeID: number): Promise<void> {
    this.launch(nodeID);
    await this.#member(nodeID).node?.ready(START_TIMEOUT_MS);
  }

  /** Starts a node's process without waiting for its host. */
  launch(nodeID: number): void {
    const member = this.#member(nodeID);
    const { dir, nodeScript, launchOf } = this.#options;
    const { script, plan } = launchOf?.(member.plan) ?? { script: nodeScript, plan: member.plan };
    member.node = new NodeProcess({
      script,
      args: [JSON.stringify(plan)],
      logPath: join(dir, `node-${nodeID}.log`),
    });
  }

  /** Ends a node's clients, then its process in order. Rejects as `unload` does. */
  async stop(nodeID: number, patienceMs: number): Promise<void> {
    const member = this.#member(nodeID);
    const { node, isLoaded } = member;
    member.isLoaded = false;
    if (isLoaded) await node?.call('stopWorkload', { patienceMs }, patienceMs + CALL_TIMEOUT_MS);
    member.node = undefined;
    await node?.shutDown('shutdown', SHUTDOWN_TIMEOUT_MS);
  }

  /** The feature level of the group as a node has applied it. Its script must know the command. */
  async level(nodeID: number): Promise<number> {
    const { node } = this.#member(nodeID);
    if (node === undefined) throw new Error(`node ${nodeID} is not running`);
    return await node.call('level', null, CALL_TIMEOUT_MS);
  }

  /** kill -9. */
  async kill(nodeID: number): Promise<void> {
    const member = this.#member(nodeID);
    const { node } = member;
    member.node = undefined;
    member.isLoaded = false;
    await node?.killHard();
  }

  isRunning(nodeID: number): boolean {
    return this.#member(nodeID).node?.isRunning === true;
  }

  /** Ids of the nodes that ended though nobody ended them. */
  get casualties(): number[] {
    return this.nodeIDs.filter((nodeID) => this.#member(nodeID).node?.isRunning === false);
  }

  logTail(nodeID: number): string {
    return this.#member(nodeID).node?.logTail() ?? '';
  }

  /** Waits until a majority of the running nodes names the same leader, and it is one of them. */
  async waitForLeader(timeoutMs: number): Promise<number> {
    return await pollUntil(timeoutMs, 'no leader', async () => {
      const named = await Promise.all(
        this.#running().map((node) => node.call('leader', null, CALL_TIMEOUT_MS)),
      );
      const leader = named.find(
        (id) => id !== 0 && named.filter((other) => other === id).length * 2 > named.length,
      );
      return leader !== undefined && this.isRunning(leader) ? leader : undefined;
    });
  }

  /** The leader as most running nodes have told lately; 0 = none. */
  get leaderID(): number {
    const named = this.#running().map((node) => node.news?.leaderID ?? 0);
    return named.find((id) => named.filter((other) => other === id).length * 2 > named.length) ?? 0;
  }

  /** Gives each running node without clients its share of them. */
  async load(options: LoadOptions): Promise<void> {
    const idle = this.nodeIDs.filter((nodeID) => this.isRunning(nodeID) && !this.#member(nodeID).isLoaded);
    await Promise.all(idle.map((nodeID) => this.#loadOne(nodeID, options)));
  }

  async #loadOne(nodeID: number, options: LoadOptions): Promise<void> {
    const incarnation = this.#incarnation;
    this.#incarnation += 1;
    const journalPath = join(this.#options.dir, `journal-${incarnation}.bin`);
    this.#journalPaths.push(journalPath);
    const place = this.nodeIDs.indexOf(nodeID);
    const spec: WorkloadSpec = {
      ...options,
      writers: share(options.writers, this.nodeIDs.length, place),
      readers: share(options.readers, this.nodeIDs.length, place),
      journalPath,
      incarnation,
    };
    const member = this.#member(nodeID);
    member.isLoaded = true;
    await member.node?.call('startWorkload', spec, CALL_TIMEOUT_MS);
  }

  /** Ends all clients; rejects if one of them met an error that no client should meet. */
  async unload(patienceMs: number): Promise<WorkloadStats[]> {
    const loaded = [...this.#members.values()].filter(({ isLoaded }) => isLoaded);
    const stops = loaded.flatMap((member) => {
      member.isLoaded = false;
      return member.node === undefined
        ? []
        : [member.node.call('stopWorkload', { patienceMs }, patienceMs + CALL_TIMEOUT_MS)];
    });
    return await Promise.all(stops);
  }

  /** What the running workloads have done so far, as told lately. */
  get stats(): WorkloadStats {
    const sum = { acknowledgedWrites: 0, reads: 0, retries: 0 };
    for (const node of this.#running()) {
      sum.acknowledgedWrites += node.news?.stats.acknowledgedWrites ?? 0;
      sum.reads += node.news?.stats.reads ?? 0;
      sum.retries += node.news?.stats.retries ?? 0;
    }
    return sum;
  }

  /** What one node's workload has done so far, as told lately. */
  statsOf(nodeID: number): WorkloadStats {
    return this.#member(nodeID).node?.news?.stats ?? { acknowledgedWrites: 0, reads: 0, retries: 0 };
  }

  /** Waits until every node is up to date and all have the same state; gives what each has if they never do. */
  async settle(timeoutMs: number): Promise<Map<number, KVDigest | undefined>> {
    let digests = new Map<number, KVDigest | undefined>();
    const isSettled = async (): Promise<true | undefined> => {
      const answers = this.nodeIDs.map(async (nodeID): Promise<[number, KVDigest | undefined]> => {
        const asked = this.#member(nodeID).node?.call('digest', { timeoutMs: 2_000 }, CALL_TIMEOUT_MS);
        return [nodeID, await asked?.catch(() => undefined)];
      });
      digests = new Map(await Promise.all(answers));
      return new Set([...digests.values()].map((digest) => JSON.stringify(digest))).size === 1 &&
        [...digests.values()].every((digest) => digest !== undefined)
        ? true
        : undefined;
    };
    await pollUntil(timeoutMs, 'replicas differ', isSettled).catch(() => undefined);
    return digests;
  }

  /** Every record of a node, and when it was asked for and told. */
  async dump(nodeID: number): Promise<{ askedAt: number; toldAt: number; records: DumpedRecord[] }> {
    const askedAt = nowMicros();
    const { node } = this.#member(nodeID);
    if (node === undefined) throw new Error(`node ${nodeID} is not running`);
    const records = await node.call('dump', { timeoutMs: CALL_TIMEOUT_MS }, 2 * CALL_TIMEOUT_MS);
    return { askedAt, toldAt: nowMicros(), records };
  }

  /** Ends every process in order. */
  async shutDown(): Promise<void> {
    const running = this.#running();
    for (const member of this.#members.values()) member.node = undefined;
    await Promise.all(running.map((node) => node.shutDown('shutdown', SHUTDOWN_TIMEOUT_MS)));
  }

  /** Ends every process now. */
  async killAll(): Promise<void> {
    await Promise.all(this.nodeIDs.map((nodeID) => this.kill(nodeID)));
  }

  #running(): Node[] {
    return [...this.#members.values()].flatMap(({ node }) => (node?.isRunning === true ? [node] : []));
  }

  #member(nodeID: number): Member {
    const member = this.#members.get(nodeID);
    if (member === undefined) throw new RangeError(`there is no node ${nodeID}`);
    return member;
  }
}

/** Part number `place` of `total` in `parts` parts as equal as can be. */
function share(total: number, parts: number, place: number): number {
  return Math.floor(total / parts) + (place < total % parts ? 1 : 0);
}
