import type { ILoggerFactory, NodeHost, ReplicaProgress, Session } from '@drakkar/framework';
import { hasErrorCode } from '@drakkar/raftio';
import { Cluster, type GroupState, connect } from '../cluster/cluster.js';
import { type GroupScenario, type Scenario, makeScenario, rulesIn } from '../cluster/scenario.js';
import { Traffic } from '../cluster/traffic.js';
import type { VirtualHost } from '../cluster/virtual-host.js';
import { type World, tell } from '../cluster/world.js';
import { allInvariants } from '../invariants/all.js';
import { Oracle } from '../invariants/oracle.js';
import { Shadows } from '../invariants/shadows.js';
import { Network } from '../net/network.js';
import { decodeAnswer, encodeCommand } from '../workload/register-machine.js';
import type { Coverage } from '../world/coverage.js';
import type { Dice } from '../world/dice.js';
import { Scheduler } from '../world/scheduler.js';
import type { Trace } from '../world/trace.js';

const FIRST_GROUP = 100;
const POLL_MS = 20;
const PATIENCE_MS = 60_000;
const SILENT: ILoggerFactory = {
  getLogger: () => {
    const quiet = (): void => undefined;
    return { debug: quiet, info: quiet, warn: quiet, error: quiet };
  },
};

/** What a drill is set up with; all else is as plain as can be. */
export interface Setting {
  hostCount: number;
  groups: readonly Partial<GroupScenario>[];
  scenario?: Partial<Scenario>;
}

/** Thrown when what a drill waits for does not come about. */
export class DrillStuckError extends Error {}

/** A small cluster of its own, without any faults but those of the drill. */
export class Theatre {
  readonly world: World;
  readonly cluster: Cluster;
  readonly dice: Dice;
  #commands = 0;

  constructor(
    seed: number,
    dice: Dice,
    { hostCount, groups, scenario }: Setting,
    { trace, coverage, only }: { trace: Trace; coverage: Coverage; only: string | undefined },
  ) {
    this.dice = dice;
    const scheduler = new Scheduler(trace);
    const network = new Network(scheduler, trace, coverage, dice.fork('network'));
    const plain = makeScenario(seed, dice.fork('scenario'), []);
    const setting: Scenario = {
      ...plain,
      hostCount,
      tickMs: 50,
      clockSkew: 0,
      burstMs: 0,
      maxSessionCount: 4096,
      paddingBytes: 0,
      fillerBytes: 0,
      hasExternalFiles: false,
      hasSmallBuffers: false,
      groups: groups.map((group, i) => ({ ...plainGroup(FIRST_GROUP + i, hostCount), ...group })),
      ...scenario,
    };
    const shadows = new Shadows();
    const oracle = new Oracle(shadows, allInvariants(shadows, rulesIn(setting)), only);
    this.world = {
      scenario: setting,
      scheduler,
      trace,
      coverage,
      dice,
      network,
      oracle,
      traffic: new Traffic(oracle),
    };
    this.cluster = new Cluster(this.world, SILENT);
    connect(this.world, this.cluster);
  }

  get oracle(): Oracle {
    return this.world.oracle;
  }

  tell(text: string): void {
    tell(this.world, 'drill', text);
  }

  sleep(delayMs: number): Promise<void> {
    return this.world.scheduler.sleep(delayMs);
  }

  host(number: number): VirtualHost {
    const found = this.cluster.hosts[number - 1];
    if (found === undefined) throw new RangeError(`no host ${number}`);
    return found;
  }

  get group(): GroupState {
    return this.cluster.group(FIRST_GROUP);
  }

  /** Polls, in virtual time. @throws DrillStuckError */
  async until(what: string, isSo: () => boolean, pollMs = POLL_MS): Promise<void> {
    const { scheduler } = this.world;
    const untilMs = scheduler.nowMs + PATIENCE_MS;
    while (!isSo()) {
      if (this.oracle.violation !== undefined || scheduler.nowMs > untilMs) throw new DrillStuckError(what);
      await scheduler.sleep(pollMs);
    }
  }

  /** What the host's replica says of itself; of a host that is down nothing. */
  progress(host: VirtualHost, clusterID = FIRST_GROUP): ReplicaProgress | undefined {
    return host.progressOf(clusterID);
  }

  /** The host that leads, when all running replicas agree on it and have applied an entry of its term. */
  async leader(
    clusterID = FIRST_GROUP,
    among: readonly VirtualHost[] = this.cluster.hosts,
  ): Promise<VirtualHost> {
    let found: VirtualHost | undefined;
    await this.until(`a leader of group ${clusterID}`, () => {
      const running = among.filter((host) => host.replicas.has(clusterID));
      found = running.find((host) => host.leads(clusterID));
      const { term, commit } = (found && this.progress(found, clusterID)) ?? {};
      return (
        term !== undefined &&
        running.every((host) => {
          const seen = this.progress(host, clusterID);
          return seen?.term === term && seen.leaderID !== 0 && seen.applied === commit;
        })
      );
    });
    return found as VirtualHost;
  }

  /** Writes, as a rule without a session. Resolves when acknowledged; rejects as the host does. */
  async write(host: VirtualHost, clusterID = FIRST_GROUP, padding = '', session?: Session): Promise<void> {
    this.#commands += 1;
    const id = `drill.${this.#commands}`;
    const cmd = encodeCommand({ id, key: 'k', value: id }, padding);
    const value = await host.call((nodeHost) =>
      nodeHost.syncPropose(session ?? nodeHost.getNoOPSession(clusterID), cmd, { timeoutMs: 5_000 }),
    );
    this.oracle.see('writeAnswered', { clusterID, position: Number(value), command: id });
  }

  /** A linearizable read. Rejects as the host does. */
  async read(host: VirtualHost): Promise<void> {
    this.#commands += 1;
    const [clusterID, readID, key] = [FIRST_GROUP, this.#commands, 'k'];
    this.oracle.see('readAsked', { clusterID, readID });
    const bytes = await host.call((nodeHost) =>
      nodeHost.syncRead(clusterID, Buffer.from(key), { timeoutMs: 5_000 }),
    );
    this.oracle.see('readAnswered', { clusterID, readID, key, ...decodeAnswer(bytes) });
  }

  async writes(host: VirtualHost, count: number, clusterID = FIRST_GROUP): Promise<void> {
    for (let i = 0; i < count; i++) await this.write(host, clusterID);
  }

  /** Nothing comes through between the host and those others. */
  cut(host: VirtualHost, others: readonly VirtualHost[] = this.cluster.hosts): void {
    for (const { address } of others) {
      if (address === host.address) continue;
      this.world.network.block(host.address, address);
      this.world.network.block(address, host.address);
    }
  }

  /** Takes its turn in the time of the host's process, as what comes from the network does. */
  inHost<T>(host: VirtualHost, work: () => T): Promise<Awaited<T>> {
    const { life } = host;
    if (life === undefined) return Promise.reject(new DrillStuckError(`${host.name} is down`));
    return new Promise((resolve, reject) => {
      this.world.scheduler.after(0, life, 'drill', () => {
        void new Promise<T>((settle) => settle(work())).then((value) => resolve(value as Awaited<T>), reject);
      });
    });
  }

  /** A membership change; the group takes one at a time, and may be raising its level by itself. */
  async whenReady(host: VirtualHost, request: (nodeHost: NodeHost) => Promise<void>): Promise<void> {
    for (;;) {
      try {
        await host.call(request);
        return;
      } catch (error) {
        if (!hasErrorCode(error, 'ERR_CLUSTER_NOT_READY')) throw error;
        await this.sleep(RETRY_MS);
      }
    }
  }

  /** Something that must not have happened has. */
  fail(rule: string, message: string): void {
    this.oracle.fail(rule, message);
  }
}

const RETRY_MS = 50;

function plainGroup(clusterID: number, voterCount: number): GroupScenario {
  return {
    clusterID,
    voterCount,
    electionRTT: 10,
    heartbeatRTT: 1,
    snapshotEntries: 0,
    compactionOverhead: 0,
    orderedConfigChange: false,
    quiesce: false,
    preVote: true,
    checkQuorum: true,
    entryCompression: 'none',
    snapshotCompression: 'none',
    disableAutoCompactions: false,
    maxInMemLogSize: 0,
    wantsObserver: false,
  };
}
