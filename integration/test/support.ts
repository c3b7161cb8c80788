import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ClusterConfigInput,
  type CreateStateMachine,
  type HostListener,
  type IStateMachine,
  NodeHost,
  type NodeHostConfigInput,
  type Overrides,
  type ReplicaProgress,
  silentLoggerFactory,
  LoggerFactoryID,
  type SnapshotWriter,
} from '@drakkar/framework';
import { type MessageBatch, type RaftRPCFactory, RaftRPCFactoryID, type Uint64 } from '@drakkar/raftio';
import { freePort } from '@drakkar/raftio/transport/testing';
import { createWsRaftRPC } from '@drakkar/transport-ws';
import { EventLog } from './event-log.js';
import { eventually, retrying } from './waiting.js';

export { EventLog } from './event-log.js';
export { codeOf, eventually, retrying, retryingInSession } from './waiting.js';

export const CLUSTER = 1;
const TICK_MS = 20;

/** Counts updates and remembers the commands, in order. */
export class Journal implements IStateMachine {
  lines: string[] = [];
  /** Commands applied by this object itself, and snapshots that it was recovered from. */
  updates = 0;
  recoveries = 0;
  failSnapshots = false;
  update(cmd: Uint8Array): Uint64 | Promise<Uint64> {
    const line = Buffer.from(cmd).toString();
    if (line === 'throw') throw new Error('the state machine refuses');
    this.lines.push(line);
    this.updates++;
    return this.lines.length;
  }
  lookup(): Uint8Array {
    return Buffer.from(this.lines.join('\n'));
  }
  async saveSnapshot(writer: SnapshotWriter): Promise<void> {
    await writer.write(Buffer.from(JSON.stringify(this.lines)));
    if (this.failSnapshots) throw new Error('no snapshot today');
  }
  async recoverFromSnapshot(reader: AsyncIterable<Uint8Array>): Promise<void> {
    const parts: Uint8Array[] = [];
    for await (const part of reader) parts.push(Buffer.from(part));
    this.lines = JSON.parse(Buffer.concat(parts).toString()) as string[];
    this.recoveries++;
  }
  close(): void {
    this.closed++;
  }
  getHash(): Uint64 {
    return this.lines.length;
  }
  closed = 0;
}

/** An address that nobody listens on, nor at the port of `host`. */
export async function freeAddress(host = '127.0.0.1'): Promise<string> {
  return `127.0.0.1:${await freePort(host)}`;
}

export interface HostExtras {
  events?: HostListener;
  /** Whether a batch that arrives is to be taken; false drops it, as a network may. */
  takes?: (batch: MessageBatch) => boolean;
  /** Whether a chunk of a snapshot that arrives is to be taken; false ends its stream. */
  takesChunk?: () => boolean;
}

function filtering(
  createTransport: RaftRPCFactory,
  { takes = () => true, takesChunk = () => true }: HostExtras,
): RaftRPCFactory {
  return (config, handler, sinks) =>
    createTransport(
      config,
      (batch, peer) => {
        if (takes(batch)) handler(batch, peer);
      },
      (peer) => {
        const sink = sinks(peer);
        return {
          addChunk: (chunk) => (takesChunk() ? sink.addChunk(chunk) : Promise.resolve(false)),
          close: () => sink.close(),
        };
      },
    );
}

/** No log. */
export const quietly: Overrides = (container) => {
  container.bind(LoggerFactoryID).toConstantValue(silentLoggerFactory);
};

/** What is left to release at the end of a test. */
export class Workshop {
  readonly #hosts = new Set<NodeHost>();
  readonly #createTransport: RaftRPCFactory;
  #dir: string | undefined;

  /** The transport is that of hosts whose messages are filtered; the others have what their configuration names. */
  constructor(createTransport: RaftRPCFactory = createWsRaftRPC) {
    this.#createTransport = createTransport;
  }

  async dir(): Promise<string> {
    this.#dir ??= await mkdtemp(join(tmpdir(), 'drakkar-'));
    return this.#dir;
  }

  async open(config: NodeHostConfigInput, extras: HostExtras = {}): Promise<NodeHost> {
    const { events, takes } = extras;
    const host = await NodeHost.create(
      { rttMillisecond: TICK_MS, ...config },
      {
        ...(events === undefined ? {} : { events }),
        overrides: (container) => {
          container.bind(LoggerFactoryID).toConstantValue(silentLoggerFactory);
          if (takes === undefined) return;
          container.bind(RaftRPCFactoryID).toConstantValue(filtering(this.#createTransport, extras));
        },
      },
    );
    this.#hosts.add(host);
    return host;
  }

  async clear(): Promise<void> {
    await Promise.all([...this.#hosts].map((host) => host.stop()));
    this.#hosts.clear();
    if (this.#dir !== undefined) await rm(this.#dir, { recursive: true, force: true });
    this.#dir = undefined;
  }
}

export interface TestNode {
  nodeID: number;
  address: string;
  dir: string;
  host: NodeHost;
  journal: Journal;
  events: EventLog;
  /** Raft messages that have arrived since it was started, by group. */
  received: Map<number, number>;
}

export function clusterConfig(nodeID: number, more: Partial<ClusterConfigInput> = {}): ClusterConfigInput {
  return { clusterID: CLUSTER, nodeID, electionRTT: 10, heartbeatRTT: 1, ...more };
}

/** A group of some hosts, all in this process, on LMDB and WebSocket unless told otherwise. */
export class TestCluster {
  readonly nodes: TestNode[] = [];
  /** Those that the group was first started with. */
  readonly members = new Map<number, string>();
  /** Nodes that no message reaches, nor comes from. */
  readonly cutOff = new Set<number>();
  /** Nodes that refuse every snapshot. */
  readonly refusing = new Set<number>();
  /** Whether a batch for a node gets lost. */
  loses: ((nodeID: number, batch: MessageBatch) => boolean) | undefined;
  /** What a single host has otherwise than the others, from its next start on. */
  readonly hostConfigs = new Map<number, Partial<NodeHostConfigInput>>();
  readonly #joined = new Map<number, string>();
  readonly #workshop: Workshop;
  readonly #hostConfig: Partial<NodeHostConfigInput>;
  readonly #groupConfig: Partial<ClusterConfigInput>;

  private constructor(
    workshop: Workshop,
    hostConfig: Partial<NodeHostConfigInput>,
    groupConfig: Partial<ClusterConfigInput>,
  ) {
    this.#workshop = workshop;
    this.#hostConfig = hostConfig;
    this.#groupConfig = groupConfig;
  }

  static async start(
    workshop: Workshop,
    size: number,
    hostConfig: Partial<NodeHostConfigInput> = {},
    groupConfig: Partial<ClusterConfigInput> = {},
  ): Promise<TestCluster> {
    const cluster = await TestCluster.prepare(workshop, size, hostConfig, groupConfig);
    for (const nodeID of cluster.members.keys()) await cluster.startNode(nodeID);
    // Groups that hosts of Dragonboat may be members of have no feature levels.
    if (size > 0 && groupConfig.compatibility !== 'dragonboat-2.1') await cluster.#settled();
    return cluster;
  }

  /** Without any host yet. */
  static async prepare(
    workshop: Workshop,
    size: number,
    hostConfig: Partial<NodeHostConfigInput> = {},
    groupConfig: Partial<ClusterConfigInput> = {},
  ): Promise<TestCluster> {
    const cluster = new TestCluster(workshop, hostConfig, groupConfig);
    for (let nodeID = 1; nodeID <= size; nodeID++) cluster.members.set(nodeID, await freeAddress());
    return cluster;
  }

  /** The group has raised its feature level, so that nothing more gets into its log but what a test puts there. */
  async #settled(): Promise<void> {
    await eventually('the feature level to be raised', () =>
      this.nodes.every((node) => progressOf(node).featureLevel > 0) ? true : undefined,
    );
  }

  /** Starts the node, or starts it again on the data that it left. */
  async startNode(
    nodeID: number,
    more: Partial<ClusterConfigInput> = {},
    journal?: Journal,
  ): Promise<TestNode> {
    const node = await this.openHost(nodeID);
    if (journal !== undefined) node.journal = journal;
    const joins = this.#joined.has(nodeID);
    const members = joins ? new Map<number, string>() : this.members;
    const create: CreateStateMachine = () => node.journal;
    const config = clusterConfig(nodeID, { ...this.#groupConfig, ...more });
    await node.host.startCluster(members, joins, create, config);
    return node;
  }

  /** Opens the node's host, without starting anything there. */
  async openHost(nodeID: number): Promise<TestNode> {
    const address = this.addressOf(nodeID);
    const dir = join(await this.#workshop.dir(), `node-${nodeID}`);
    const events = new EventLog();
    const received = new Map<number, number>();
    const takes = (batch: MessageBatch): boolean => {
      const { requests, sourceAddress } = batch;
      const cutOff = [...this.cutOff].map((id) => this.addressOf(id));
      if (cutOff.includes(address) || cutOff.includes(sourceAddress)) return false;
      if (this.loses?.(nodeID, batch) === true) return false;
      for (const { clusterID } of requests) {
        received.set(clusterID, (received.get(clusterID) ?? 0) + 1);
      }
      return true;
    };
    const own = this.hostConfigs.get(nodeID);
    const config = { ...this.#hostConfig, ...own, raftAddress: address, nodeHostDir: dir };
    const takesChunk = (): boolean => !this.refusing.has(nodeID);
    const host = await this.#workshop.open(config, { events: events.listener, takes, takesChunk });
    const node = { nodeID, address, dir, host, journal: new Journal(), events, received };
    const at = this.nodes.findIndex((other) => other.nodeID === nodeID);
    if (at === -1) this.nodes.push(node);
    else this.nodes[at] = node;
    return node;
  }

  /** Reserves the address of a node that is to join. */
  async reserve(nodeID: number): Promise<string> {
    const address = this.#joined.get(nodeID) ?? (await freeAddress());
    this.#joined.set(nodeID, address);
    return address;
  }

  addressOf(nodeID: number): string {
    const address = this.members.get(nodeID) ?? this.#joined.get(nodeID);
    if (address === undefined) throw new Error(`no address for node ${nodeID}`);
    return address;
  }

  node(nodeID: number): TestNode {
    const node = this.nodes.find((one) => one.nodeID === nodeID);
    if (node === undefined) throw new Error(`no node ${nodeID}`);
    return node;
  }

  /** The node that all of `among` take for the leader. */
  async leader(among: readonly TestNode[] = this.nodes): Promise<TestNode> {
    return await eventually('a leader that all agree on', () => {
      const ids = new Set(among.map(({ host }) => host.getLeaderID(CLUSTER).leaderID));
      const [id] = ids;
      return ids.size === 1 ? among.find(({ nodeID }) => nodeID === id) : undefined;
    });
  }

  /** The leader, once it has committed in its term. */
  async readyLeader(among: readonly TestNode[] = this.nodes): Promise<TestNode> {
    const leader = await this.leader(among);
    await leader.host.waitReady(CLUSTER, { timeoutMs: 60_000 });
    return leader;
  }

  others(...not: readonly TestNode[]): TestNode[] {
    return this.nodes.filter((node) => !not.includes(node));
  }

  /** One that is none of these. */
  other(...not: readonly TestNode[]): TestNode {
    const [found] = this.others(...not);
    if (found === undefined) throw new Error('there is no other node');
    return found;
  }

  /** Proposes until it is done: what has no effect is tried again. */
  async write(node: TestNode, line: string): Promise<Uint64> {
    const session = node.host.getNoOPSession(CLUSTER);
    return await retrying(() => node.host.syncPropose(session, Buffer.from(line), { timeoutMs: 60_000 }));
  }

  async read(node: TestNode): Promise<string> {
    const read = (): Promise<Uint8Array> =>
      node.host.syncRead(CLUSTER, new Uint8Array(0), { timeoutMs: 60_000 });
    return Buffer.from(await retrying(read)).toString();
  }
}

/** What a host tells of a group's replica. */
export function progressOf(node: TestNode, clusterID = CLUSTER): ReplicaProgress {
  const replica = node.host.getNodeHostInfo().replicas.find((one) => one.clusterID === clusterID);
  if (replica?.progress === undefined)
    throw new Error(`group ${clusterID} is ${replica?.state ?? 'not'} there`);
  return replica.progress;
}

/** Writes one line after the other through a node, until it is told to stop. */
export class Load {
  /** Every line that was acknowledged, in order. */
  readonly acknowledged: string[] = [];
  #isOn = true;
  readonly #done: Promise<void>;

  constructor(cluster: TestCluster, node: TestNode) {
    this.#done = this.#run(cluster, node);
  }

  async stop(): Promise<string[]> {
    this.#isOn = false;
    await this.#done;
    return this.acknowledged;
  }

  async #run(cluster: TestCluster, node: TestNode): Promise<void> {
    for (let i = 0; this.#isOn; i++) {
      const line = `load ${i}`;
      await cluster.write(node, line);
      this.acknowledged.push(line);
    }
  }
}

/** One hash over the names and contents of all files below a folder. */
export async function folderHash(dir: string): Promise<string> {
  const hash = createHash('sha256');
  const names = (await readdir(dir, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  for (const name of names) hash.update(name).update(await readFile(name));
  return hash.digest('hex');
}
