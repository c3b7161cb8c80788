import { Buffer } from 'node:buffer';
import { readdirSync } from 'node:fs';
import { type CreateOptions, type HostListener, NodeHost, Session } from '@drakkar/framework';
import { DiskFaults, NetworkFaults, faultyLogDB, faultyRPC } from '@drakkar/conformance';
import {
  type AdapterModule,
  type IRaftRPC,
  type LogDBFactory,
  LogDBFactoryID,
  type LogDBModule,
  type RaftRPCFactory,
  RaftRPCFactoryID,
  type RaftRPCModule,
  type SessionRecord,
  hasErrorCode,
  isDrakkarError,
} from '@drakkar/raftio';
import {
  type Answer,
  type Change,
  type ChaosNews,
  type ChaosNodeCommands,
  type ChaosNodePlan,
  type LinkFaults,
  type ReplicaPlan,
  type ReplicaStatus,
  plainMembership,
} from './node-commands.js';
import { ChaosStateMachine, encodeCommand } from './state-machine.js';

type Overrides = NonNullable<CreateOptions['overrides']>;
type Takes<K extends keyof ChaosNodeCommands> = ChaosNodeCommands[K]['takes'];

const SNAPSHOT_ENTRIES = 100;
const COMPACTION_OVERHEAD = 20;

/** The NodeHost of one process: its network and its disk can be made worse, and it counts what happens. */
export class ChaosHost {
  readonly #host: NodeHost;
  readonly #network: NetworkFaults;
  readonly #disk: DiskFaults;
  readonly #news: ChaosNews;
  readonly #machines = new Map<number, ChaosStateMachine>();
  #burden = new AbortController();
  #isStopping = false;

  private constructor(host: NodeHost, network: NetworkFaults, disk: DiskFaults, news: ChaosNews) {
    this.#host = host;
    this.#network = network;
    this.#disk = disk;
    this.#news = news;
  }

  /** @param onUrgent called when something was heard of that the parent should know at once */
  static async create(plan: ChaosNodePlan, onUrgent: () => void): Promise<ChaosHost> {
    const network = new NetworkFaults(plan.seed);
    const disk = new DiskFaults();
    const news: ChaosNews = {
      snapshotsTaken: 0,
      snapshotsInstalled: 0,
      batchesLost: 0,
      misdirected: 0,
      usage: { dials: 0, openFiles: 0, residentBytes: 0 },
      leads: [],
      logDBFailure: undefined,
      failedReplicas: [],
    };
    const overrides = await overridesOf(plan, network, disk);
    const host = await NodeHost.create(plan.config, { overrides, events: listener(news, onUrgent) });
    return new ChaosHost(host, network, disk, news);
  }

  news(): ChaosNews {
    this.#news.batchesLost = this.#network.lost;
    if (this.#isStopping) return this.#news;
    const { replicas, transport } = this.#host.getNodeHostInfo();
    const { dials, misdirectedClients = 0, misdirectedDials = 0 } = transport;
    this.#news.misdirected = misdirectedClients + misdirectedDials;
    const { usage } = this.#news;
    usage.dials = dials;
    usage.openFiles = Math.max(usage.openFiles, openFiles());
    usage.residentBytes = Math.max(usage.residentBytes, process.memoryUsage.rss());
    this.#news.leads = replicas
      .filter(({ nodeID, progress }) => progress?.leaderID === nodeID)
      .map(({ clusterID }) => clusterID);
    return this.#news;
  }

  async start({ clusterID, nodeID, members, join, isObserver }: ReplicaPlan): Promise<void> {
    const createStateMachine = (): ChaosStateMachine => {
      const machine = new ChaosStateMachine(clusterID);
      this.#machines.set(clusterID, machine);
      return machine;
    };
    try {
      await this.#host.startCluster(new Map(members), join, createStateMachine, {
        clusterID,
        nodeID,
        isObserver,
        electionRTT: 10,
        heartbeatRTT: 1,
        checkQuorum: true,
        preVote: true,
        snapshotEntries: SNAPSHOT_ENTRIES,
        compactionOverhead: COMPACTION_OVERHEAD,
      });
    } catch (error) {
      // Both are where this was to lead: it runs, or the group has removed it in the meantime.
      const isThere = hasErrorCode(error, 'ERR_CLUSTER_ALREADY_EXIST');
      if (!isThere && !hasErrorCode(error, 'ERR_NODE_REMOVED')) throw error;
    }
  }

  propose({ clusterID, session, cmd, sizeBytes, timeoutMs }: Takes<'propose'>): Promise<Answer<number>> {
    const proposing = session === null ? this.#host.getNoOPSession(clusterID) : Session.fromRecord(session);
    return this.#propose(proposing, encodeCommand(cmd, sizeBytes), timeoutMs);
  }

  async proposeTwo({
    session,
    cmds: [first, second],
    sizeBytes,
    timeoutMs,
  }: Takes<'proposeTwo'>): Promise<[Answer<number>, Answer<number>]> {
    const shared = Session.fromRecord(session);
    return await Promise.all([
      this.#propose(shared, encodeCommand(first, sizeBytes), timeoutMs),
      this.#propose(shared, encodeCommand(second, sizeBytes), timeoutMs),
    ]);
  }

  #propose(session: Session, cmd: Uint8Array, timeoutMs: number): Promise<Answer<number>> {
    return answering(async () => Number(await this.#host.syncPropose(session, cmd, { timeoutMs })));
  }

  read({ clusterID, query, timeoutMs }: Takes<'read'>): Promise<Answer<string>> {
    return answering(async () => {
      const value = await this.#host.syncRead(clusterID, Buffer.from(query), { timeoutMs });
      return Buffer.from(value).toString();
    });
  }

  openSession({ clusterID, timeoutMs }: Takes<'openSession'>): Promise<Answer<SessionRecord>> {
    return answering(async () => (await this.#host.getNewSession(clusterID, { timeoutMs })).toRecord());
  }

  snapshot(clusterID: number): Promise<Answer<number>> {
    return answering(() => this.#host.requestSnapshot(clusterID));
  }

  /** Does nothing when the membership is as wanted already. */
  async change(change: Change, timeoutMs: number): Promise<void> {
    const { clusterID, nodeID } = change;
    const { nodes, observers, removed } = await this.#host.getClusterMembership(clusterID, { timeoutMs });
    if (change.kind === 'remove') {
      if (!removed.has(nodeID)) await this.#host.syncRequestDeleteNode(clusterID, nodeID, 0, { timeoutMs });
    } else if (change.kind === 'add') {
      if (!nodes.has(nodeID)) {
        await this.#host.syncRequestAddNode(clusterID, nodeID, change.address, 0, { timeoutMs, force: true });
      }
    } else if (!observers.has(nodeID) && !nodes.has(nodeID)) {
      await this.#host.syncRequestAddObserver(clusterID, nodeID, change.address, 0, {
        timeoutMs,
        force: true,
      });
    }
  }

  async retire(clusterID: number, nodeID: number): Promise<void> {
    try {
      await this.#host.stopNode(clusterID, nodeID);
    } catch (error) {
      if (!hasErrorCode(error, 'ERR_CLUSTER_NOT_FOUND')) throw error;
    }
    await this.#host.removeData(clusterID, nodeID);
  }

  transfer(clusterID: number, nodeID: number): void {
    this.#host.requestLeaderTransfer(clusterID, nodeID);
  }

  states(): ReplicaStatus[] {
    return this.#host.getNodeHostInfo().replicas.map(({ clusterID, nodeID, state, progress, error }) => ({
      clusterID,
      nodeID,
      state,
      error: error === undefined ? undefined : messageOf(error),
      applied: progress?.applied ?? 0,
      commit: progress?.commit ?? 0,
      term: progress?.term ?? 0,
      leaderID: progress?.leaderID ?? 0,
      membership: progress === undefined ? undefined : plainMembership(progress.membership),
      digest: state === 'running' ? this.#machines.get(clusterID)?.digest() : undefined,
    }));
  }

  obstruct(faults: readonly LinkFaults[]): void {
    for (const { raftAddress, lossPercent } of faults) this.#network.lose(lossPercent, raftAddress);
  }

  /** Ends what was there before. */
  burdenSnapshots({ clusterIDs, extraBytes, delayMs }: Takes<'burdenSnapshots'>): void {
    this.#burden.abort();
    this.#burden = new AbortController();
    const burden = { extraBytes, delayMs, over: this.#burden.signal };
    for (const [clusterID, machine] of this.#machines) {
      machine.burden = clusterIDs.includes(clusterID) ? burden : undefined;
    }
  }

  fillDisk(isFull: boolean): void {
    if (isFull) this.#disk.fillDisk();
    else this.#disk.freeDisk();
  }

  stop(): Promise<void> {
    this.#isStopping = true;
    return this.#host.stop();
  }
}

function listener(news: ChaosNews, onUrgent: () => void): HostListener {
  return {
    snapshotCreated: () => void (news.snapshotsTaken += 1),
    snapshotReceived: () => void (news.snapshotsInstalled += 1),
    logDBFailed: ({ error }) => {
      news.logDBFailure = messageOf(error);
      onUrgent();
    },
    replicaFailed: ({ clusterID, nodeID, error }) => {
      news.failedReplicas.push(`group ${clusterID} node ${nodeID}: ${messageOf(error)}`);
      onUrgent();
    },
  };
}

/** The adapters that the configuration would load, with faults in between. */
async function overridesOf(
  plan: ChaosNodePlan,
  network: NetworkFaults,
  disk: DiskFaults,
): Promise<Overrides> {
  const routes = new Map(plan.routes);
  const transport = await loadAdapter<RaftRPCModule>(`@drakkar/transport-${plan.transport}`);
  const logdb = await loadAdapter<LogDBModule>(`@drakkar/logdb-${plan.logdb}`);
  return (container) => {
    const makeRPC = transport.create(plan.transportOptions);
    const makeObstructedRPC: RaftRPCFactory = (...args) =>
      faultyRPC(routedRPC(makeRPC(...args), routes), network);
    container.bind<RaftRPCFactory>(RaftRPCFactoryID).toConstantValue(makeObstructedRPC);
    if (!plan.hasFaultyDisk) return;
    const makeLogDB = logdb.create({});
    const makeFaultyLogDB: LogDBFactory = async (...args) => faultyLogDB(await makeLogDB(...args), disk);
    container.bind<LogDBFactory>(LogDBFactoryID).toConstantValue(makeFaultyLogDB);
  };
}

async function loadAdapter<M extends AdapterModule>(name: string): Promise<M> {
  const { adapterModule } = (await import(name)) as { adapterModule: M };
  return adapterModule;
}

/** `inner`, which reaches each host by the way that this host has to it. */
function routedRPC(inner: IRaftRPC, routes: ReadonlyMap<string, string>): IRaftRPC {
  const via = (target: string): string => routes.get(target) ?? target;
  const counters = inner.counters?.bind(inner);
  return {
    name: inner.name,
    start: () => inner.start(),
    stop: () => inner.stop(),
    getConnection: (target, signal, expected) => inner.getConnection(via(target), signal, expected),
    getSnapshotConnection: (target, signal, expected) =>
      inner.getSnapshotConnection(via(target), signal, expected),
    ...(counters === undefined ? {} : { counters }),
  };
}

function openFiles(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}

async function answering<T>(request: () => Promise<T>): Promise<Answer<T>> {
  try {
    return { isGood: true, value: await request() };
  } catch (error) {
    if (!isDrakkarError(error)) throw error;
    return { isGood: false, code: error.code, isOpen: error.effect === 'unknown', message: error.message };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
