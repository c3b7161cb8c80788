import { join } from 'node:path';
import type { NodeHostConfigInput } from '@drakkar/framework';
import { NodeProcess } from '../harness/node-process.js';
import { freePorts, makeCertificates } from '../harness/plan.js';
import type { SeededRandom } from '../harness/random.js';
import type { Disks } from './disks.js';
import type { Guard } from './guard.js';
import { ChaosNetwork } from './network.js';
import type { ChaosNews, ChaosNodeCommands, ChaosNodePlan, ReplicaPlan } from './node-commands.js';
import type { Pair } from './pairs.js';
import { LOOPBACK } from './relay.js';

type Process = NodeProcess<ChaosNodeCommands, ChaosNews>;

export interface ChaosHostHandle {
  readonly hostID: number;
  readonly address: string;
  /** Undefined while it is down on purpose. */
  process: Process | undefined;
  /** Its process has started all its replicas. */
  isReady: boolean;
  /** Stopped with SIGSTOP. */
  isPaused: boolean;
  /** Its disk is full, or was since the process started: replicas may fail for that. */
  hasFullDisk: boolean;
}

export interface ClusterSetup {
  /** Existing folder for logs and certificates. */
  dir: string;
  hosts: number;
  pair: Pair;
  tls: boolean;
  disks: Disks;
  guard: Guard;
  random: SeededRandom;
  nodeScript: string;
  /** What a host is to run when it is started, now. */
  replicasOf: (hostID: number) => ReplicaPlan[];
  /** Hears of what must not happen. */
  onProblem: (problem: string) => void;
}

/** Of all processes of a round. */
export interface ProcessCounts {
  snapshotsTaken: number;
  snapshotsInstalled: number;
  batchesLost: number;
  misdirected: number;
  dials: number;
  /** The most of any process. */
  openFiles: number;
  residentBytes: number;
}

/** Length of a tick. An election starts after 10 to 20 of them without a word from the leader. */
const RTT_MS = 40;
const START_TIMEOUT_MS = 60_000;
const SHUTDOWN_TIMEOUT_MS = 30_000;

/** The processes of one round, their network and disks. Hosts are 1 to `hosts`. */
export class ChaosCluster {
  readonly hosts: readonly ChaosHostHandle[];
  readonly network: ChaosNetwork;
  readonly setup: ClusterSetup;
  readonly counts: ProcessCounts = {
    snapshotsTaken: 0,
    snapshotsInstalled: 0,
    batchesLost: 0,
    misdirected: 0,
    dials: 0,
    openFiles: 0,
    residentBytes: 0,
  };
  /** Processes that were ended, with LMDB on a full disk, by a fault of its library. */
  aborts = 0;
  readonly #configs: ReadonlyMap<number, NodeHostConfigInput>;

  private constructor(
    setup: ClusterSetup,
    addresses: readonly string[],
    network: ChaosNetwork,
    configs: ReadonlyMap<number, NodeHostConfigInput>,
  ) {
    this.setup = setup;
    this.network = network;
    this.#configs = configs;
    this.hosts = addresses.map((address, i) => ({
      hostID: i + 1,
      address,
      process: undefined,
      isReady: false,
      isPaused: false,
      hasFullDisk: false,
    }));
  }

  /** Opens the network and the disks; starts no process. */
  static async create(setup: ClusterSetup): Promise<ChaosCluster> {
    const { hosts, pair, random, disks } = setup;
    const all = await freePorts(hosts * hosts);
    const ports = all.slice(0, hosts);
    const network = await ChaosNetwork.open(pair.carrier, ports, all.slice(hosts), random);
    try {
      for (let hostID = 1; hostID <= hosts; hostID += 1) await disks.prepare(hostID);
      const addresses = ports.map((port) => `${LOOPBACK}:${port}`);
      return new ChaosCluster(setup, addresses, network, await configsOf(setup, addresses));
    } catch (error) {
      await network.close();
      throw error;
    }
  }

  host(hostID: number): ChaosHostHandle {
    const host = this.hosts[hostID - 1];
    if (host === undefined) throw new RangeError(`there is no host ${hostID}`);
    return host;
  }

  /** What its processes have printed. */
  logPath(hostID: number): string {
    return join(this.setup.dir, `host-${hostID}.log`);
  }

  get running(): ChaosHostHandle[] {
    return this.hosts.filter(({ process }) => process?.isRunning === true);
  }

  async startAll(): Promise<void> {
    await Promise.all(
      this.hosts.filter(({ process }) => process === undefined).map((host) => this.start(host)),
    );
  }

  /** Also of a host that was killed: with what it is to run now. */
  async start(host: ChaosHostHandle): Promise<void> {
    const { hostID } = host;
    const { pair, nodeScript, disks, guard, random, replicasOf } = this.setup;
    const plan: ChaosNodePlan = {
      config: this.#configs.get(hostID) as NodeHostConfigInput,
      logdb: pair.logdb,
      transport: pair.transport,
      transportOptions: pair.transportOptions,
      routes: this.network.routesOf(
        hostID,
        this.hosts.map(({ address }) => address),
      ),
      hasFaultyDisk: disks.kind === 'fault',
      replicas: replicasOf(hostID),
      seed: random.between(1, 1_000_000),
    };
    const started: Process = new NodeProcess({
      script: nodeScript,
      args: [JSON.stringify(plan)],
      logPath: this.logPath(hostID),
    });
    host.process = started;
    host.isReady = false;
    const pid = started.pid ?? 0;
    guard.watchProcess(pid);
    void started.exited.then((how) => {
      guard.forgetProcess(pid);
      this.#takeNews(host, started, how);
    });
    try {
      await started.ready(START_TIMEOUT_MS);
      if (host.process === started) host.isReady = true;
    } catch (error) {
      // It was ended on purpose in the meantime.
      if (host.process === started) throw error;
    }
  }

  /**
   * The lmdb library (3.5.6) makes the message about a failed write in a buffer that may be too short for it, and the
   * process may be ended for that, then or later. What was acknowledged must be there all the same.
   */
  #isKnownAbort({ hasFullDisk }: ChaosHostHandle, how: string): boolean {
    return hasFullDisk && this.setup.pair.logdb === 'lmdb' && /SIGABRT|SIGSEGV/.test(how);
  }

  /** Counts, and what must not happen, of a process that has ended. */
  #takeNews(host: ChaosHostHandle, { news }: Process, how: string): void {
    const { onProblem } = this.setup;
    const isKnown = this.#isKnownAbort(host, how);
    if (isKnown) this.aborts += 1;
    if (host.process?.isRunning === false && !isKnown) {
      onProblem(`host ${host.hostID} ended by itself: ${how}`);
    }
    if (news === undefined) return;
    addCounts(this.counts, news);
    // When its disk is full, replicas may fail.
    if (host.hasFullDisk) return;
    if (news.logDBFailure !== undefined)
      onProblem(`host ${host.hostID}: the LogDB failed: ${news.logDBFailure}`);
    for (const failed of news.failedReplicas) onProblem(`host ${host.hostID}: a replica failed: ${failed}`);
  }

  /** kill -9. */
  async kill(host: ChaosHostHandle): Promise<void> {
    const { process } = host;
    host.process = undefined;
    host.isPaused = false;
    await process?.killHard();
  }

  async killAll(): Promise<void> {
    await Promise.all(this.hosts.map((host) => this.kill(host)));
  }

  /** An orderly end of the process. */
  async stop(host: ChaosHostHandle): Promise<void> {
    const { process } = host;
    host.process = undefined;
    try {
      await process?.shutDown('shutdown', SHUTDOWN_TIMEOUT_MS);
    } catch (error) {
      await process?.killHard();
      if (!this.#isKnownAbort(host, (await process?.exited) ?? '')) throw error;
    }
  }

  /** SIGSTOP or SIGCONT; nothing when the process has ended. */
  pause(host: ChaosHostHandle, isPaused: boolean): void {
    const pid = host.process?.isRunning === true ? host.process.pid : undefined;
    if (pid === undefined) return;
    host.isPaused = isPaused;
    process.kill(pid, isPaused ? 'SIGSTOP' : 'SIGCONT');
  }

  /** Rejects when the host is down, and when there is no answer in time. */
  async call<K extends keyof ChaosNodeCommands>(
    hostID: number,
    command: K,
    argument: ChaosNodeCommands[K]['takes'],
    timeoutMs: number,
  ): Promise<ChaosNodeCommands[K]['answers']> {
    const { process } = this.host(hostID);
    if (process === undefined) throw new Error(`${command}: host ${hostID} is down`);
    return await process.call(command, argument, timeoutMs);
  }

  /** Running hosts, those that lead most groups first. */
  byLeadership(): ChaosHostHandle[] {
    const leads = (host: ChaosHostHandle): number => host.process?.news?.leads.length ?? 0;
    return this.running.sort((a, b) => leads(b) - leads(a));
  }

  /** Of all processes so far. */
  countsNow(): ProcessCounts {
    const sum = { ...this.counts };
    for (const { process } of this.running) {
      if (process?.news !== undefined) addCounts(sum, process.news);
    }
    return sum;
  }

  /** Everything works again. */
  async heal(): Promise<void> {
    this.network.heal();
    for (const host of this.hosts) {
      if (host.isPaused) this.pause(host, false);
      if (host.process?.isRunning === false) host.process = undefined;
    }
    await this.startAll();
    const clear = this.hosts.map(({ address }) => ({ raftAddress: address, lossPercent: 0 }));
    await Promise.all(
      this.running.map(({ hostID }) => this.call(hostID, 'obstruct', clear, START_TIMEOUT_MS)),
    );
  }

  /** Ends all processes, in order if they are to end so; then the network. */
  async close(isOrderly: boolean): Promise<void> {
    try {
      if (isOrderly) await Promise.all(this.hosts.map((host) => this.stop(host)));
    } finally {
      await this.killAll();
      await this.network.close();
    }
  }
}

function addCounts(sum: ProcessCounts, more: ChaosNews): void {
  for (const name of ['snapshotsTaken', 'snapshotsInstalled', 'batchesLost', 'misdirected'] as const) {
    sum[name] += more[name];
  }
  const { dials, openFiles, residentBytes } = more.usage;
  sum.dials += dials;
  sum.openFiles = Math.max(sum.openFiles, openFiles);
  sum.residentBytes = Math.max(sum.residentBytes, residentBytes);
}

async function configsOf(
  { dir, hosts, tls, disks, pair }: ClusterSetup,
  addresses: readonly string[],
): Promise<Map<number, NodeHostConfigInput>> {
  const hostIDs = Array.from({ length: hosts }, (_, i) => i + 1);
  const certificates = tls ? await makeCertificates(dir, hosts) : [];
  return new Map(
    hostIDs.map((hostID) => {
      const files = certificates[hostID - 1];
      const security =
        files === undefined
          ? {}
          : {
              mutualTls: true,
              caFile: files.caFile,
              certFile: files.certFile,
              keyFile: files.keyFile,
            };
      return [
        hostID,
        {
          raftAddress: addresses[hostID - 1] ?? '',
          nodeHostDir: disks.dataDir(hostID),
          rttMillisecond: RTT_MS,
          deploymentId: 1,
          logdb: { module: pair.logdb },
          ...security,
          log: { level: 'warn' },
        },
      ];
    }),
  );
}
