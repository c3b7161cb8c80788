import { createServer } from 'node:net';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ClusterConfigInput,
  type CreateStateMachine,
  type IStateMachine,
  NodeHost,
  type NodeHostConfigInput,
  silentLoggerFactory,
  LoggerFactoryID,
  type SnapshotWriter,
} from '@drakkar/framework';
import { type Uint64, isDrakkarError } from '@drakkar/raftio';

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

const reserved = new Set<number>();

/** An address that nobody listens on. */
export async function freeAddress(): Promise<string> {
  for (;;) {
    const port = await new Promise<number>((resolve, reject) => {
      const server = createServer();
      server.once('error', reject);
      server.listen(0, '127.0.0.1', () => {
        const address = server.address();
        server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
      });
    });
    if (!reserved.has(port)) {
      reserved.add(port);
      return `127.0.0.1:${port}`;
    }
  }
}

/** What is left to let go of at the end of a test. */
export class Workshop {
  readonly #hosts = new Set<NodeHost>();
  #dir: string | undefined;

  async dir(): Promise<string> {
    this.#dir ??= await mkdtemp(join(tmpdir(), 'drakkar-'));
    return this.#dir;
  }

  async open(config: NodeHostConfigInput): Promise<NodeHost> {
    const host = await NodeHost.create(
      { rttMillisecond: TICK_MS, ...config },
      { overrides: (container) => void container.bind(LoggerFactoryID).toConstantValue(silentLoggerFactory) },
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
}

export function clusterConfig(nodeID: number, more: Partial<ClusterConfigInput> = {}): ClusterConfigInput {
  return { clusterID: CLUSTER, nodeID, electionRTT: 10, heartbeatRTT: 1, ...more };
}

/** A group of some hosts, all in this process, on LMDB and WebSocket. */
export class TestCluster {
  readonly nodes: TestNode[] = [];
  readonly members = new Map<number, string>();
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
    const cluster = new TestCluster(workshop, hostConfig, groupConfig);
    for (let nodeID = 1; nodeID <= size; nodeID++) cluster.members.set(nodeID, await freeAddress());
    for (const nodeID of cluster.members.keys()) await cluster.startNode(nodeID);
    return cluster;
  }

  /** Starts the node, or starts it again on the data that it left. */
  async startNode(nodeID: number): Promise<TestNode> {
    const address = this.members.get(nodeID) ?? '';
    const dir = join(await this.#workshop.dir(), `node-${nodeID}`);
    const host = await this.#workshop.open({ ...this.#hostConfig, raftAddress: address, nodeHostDir: dir });
    const journal = new Journal();
    const create: CreateStateMachine = () => journal;
    await host.startCluster(this.members, false, create, clusterConfig(nodeID, this.#groupConfig));
    const node = { nodeID, address, dir, host, journal };
    const at = this.nodes.findIndex((other) => other.nodeID === nodeID);
    if (at === -1) this.nodes.push(node);
    else this.nodes[at] = node;
    return node;
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

  /** Proposes until it is done: what has no effect is tried again. */
  async write(node: TestNode, line: string): Promise<Uint64> {
    const session = node.host.getNoOPSession(CLUSTER);
    return await retrying(() => node.host.syncPropose(session, Buffer.from(line), { timeoutMs: 5_000 }));
  }

  async read(node: TestNode): Promise<string> {
    const read = (): Promise<Uint8Array> =>
      node.host.syncRead(CLUSTER, new Uint8Array(0), { timeoutMs: 5_000 });
    return Buffer.from(await retrying(read)).toString();
  }
}

/** Waits, for a bounded time, until `probe` gives something. */
export async function eventually<T>(
  what: string,
  probe: () => T | undefined | Promise<T | undefined>,
  deadlineMs = 15_000,
): Promise<T> {
  const endMs = performance.now() + deadlineMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (performance.now() > endMs) throw new Error(`timed out waiting for ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Repeats a call whose failure is known to have had no effect. */
export async function retrying<T>(call: () => Promise<T>): Promise<T> {
  const done = await eventually('a call to succeed', async () => {
    try {
      return { value: await call() };
    } catch (error) {
      if (isDrakkarError(error) && error.retrySafe) return undefined;
      throw error;
    }
  });
  return done.value;
}

/** The code of the error that `call` throws or rejects with. */
export async function codeOf(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    if (isDrakkarError(error)) return error.code;
    throw error;
  }
  return 'no error';
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
