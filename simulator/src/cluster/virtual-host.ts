import {
  type ClusterConfigInput,
  type HostListener,
  type IFileSystem,
  type ILoggerFactory,
  NodeHost,
  type NodeHostConfigInput,
  type Overrides,
  type ReplicaProgress,
} from '@drakkar/framework';
import { hasErrorCode, isDrakkarError } from '@drakkar/raftio';
import { VirtualDisk } from '../disk/virtual-disk.js';
import { VirtualFileSystem } from '../disk/virtual-file-system.js';
import { RegisterMachine } from '../workload/register-machine.js';
import { VirtualClock } from '../world/clock.js';
import type { Dice } from '../world/dice.js';
import { IN_A_CALL, Life } from '../world/life.js';
import { OtherConfigurations } from './other-configurations.js';
import { SCRATCH_DIR, bindWorld, hostConfig } from './host-config.js';
import { type ReplicaPlan, clusterConfig } from './replica-plan.js';
import { ReplicaWatch, isInvariantError } from './replica-watch.js';
import { respelled } from './spellings.js';
import { type World, tell } from './world.js';

/** Thrown to a caller whose host died meanwhile, or was not there. */
export class HostDownError extends Error {
  /** Whether the call may have had an effect. */
  readonly wasCalled: boolean;

  constructor(wasCalled: boolean) {
    super('the host is down');
    this.wasCalled = wasCalled;
  }
}

/** What a host reports to the operator of the cluster. */
export interface HostOperator {
  /** The process is gone; it is to be started again some time. */
  onDown(host: VirtualHost): void;
  /** Its data is damaged beyond use. */
  onDamaged(host: VirtualHost): void;
  /** A replica has applied the entry that puts the group's settings into its log. */
  onLevelRaised(clusterID: number): void;
  /** Whether one has. */
  isRaised(clusterID: number): boolean;
}

/** Nothing but something to be compressed. */
const FILLER = 'by and by ';

/** A process that is about to run, and what it is given. */
export interface Process {
  life: Life;
  config: NodeHostConfigInput;
  fileSystem: IFileSystem;
  overrides: Overrides;
}

const STOP_PATIENCE_MS = 60_000;
const RESTART_AFTER_FAILURE_MS = 500;
const SLOW_UPDATE_CHANCE = 0.5;

/** The host is being stopped, or somebody else is starting the replica. */
const PASSING_START_CODES = ['ERR_CLOSED', 'ERR_CLUSTER_ALREADY_EXIST'];

const codeOf = (error: unknown): string =>
  isDrakkarError(error) || (error instanceof Error && 'code' in error) ? String(error.code) : String(error);

/** One machine: its disk, and the processes that run on it one after the other. */
export class VirtualHost {
  readonly name: string;
  readonly address: string;
  readonly disk: VirtualDisk;
  readonly replicas = new Map<number, ReplicaPlan>();
  /** Bits on its disk were changed, or will have been by the time that somebody looks. */
  isSuspect = false;
  life: Life | undefined;
  readonly #world: World;
  readonly #operator: HostOperator;
  readonly #dice: Dice;
  #nodeHost: NodeHost | undefined;
  #machines = new Map<number, RegisterMachine>();
  #lives = 0;
  readonly #removals = new Set<string>();
  readonly #configurations: OtherConfigurations;
  /** Groups whose state machine does not answer. */
  #stuck = new Set<number>();
  readonly #paceDice: Dice;
  readonly #spellingDice: Dice;
  #loggerFactory: ILoggerFactory;

  constructor(world: World, operator: HostOperator, number: number, loggerFactory: ILoggerFactory) {
    this.name = `h${number}`;
    this.address = `h${number}:7000`;
    this.#world = world;
    this.#operator = operator;
    this.#dice = world.dice.fork(this.name);
    this.#paceDice = this.#dice.fork('pace');
    this.#spellingDice = this.#dice.fork('spelling');
    this.#configurations = new OtherConfigurations(this.#dice.fork('configurations'));
    this.disk = new VirtualDisk(this.#dice.fork('disk'), world.coverage);
    this.#loggerFactory = loggerFactory;
  }

  get isUp(): boolean {
    return this.life?.isAlive === true;
  }

  /** The running NodeHost; undefined while there is none. */
  get nodeHost(): NodeHost | undefined {
    return this.isUp ? this.#nodeHost : undefined;
  }

  /** An address as its operator writes it this time. */
  spelled(address: string): string {
    const { scenario, coverage } = this.#world;
    if (!scenario.extensions.includes('spellings')) return address;
    coverage.count('address respelled');
    return respelled(this.#spellingDice, address);
  }

  fingerprint(clusterID: number): string | undefined {
    return this.#machines.get(clusterID)?.fingerprint;
  }

  /** Whether its replica of the group takes itself for the leader. */
  leads(clusterID: number): boolean {
    return this.progressOf(clusterID)?.role === 'leader';
  }

  progressOf(clusterID: number): ReplicaProgress | undefined {
    const replicas = this.nodeHost?.getNodeHostInfo().replicas;
    return replicas?.find((replica) => replica.clusterID === clusterID)?.progress;
  }

  /** Why its replica of the group is refused by the others; `undefined`: it is not. */
  refusalOf(clusterID: number): unknown {
    return this.progressOf(clusterID)?.agreement?.refusal;
  }

  start(): void {
    if (this.isUp) return;
    const life = this.#newLife();
    this.life = life;
    life.onEnd(() => this.#ended(life));
    tell(this.#world, this.name, 'starts');
    void this.#boot(life);
  }

  /**
   * Runs something that is no NodeHost in a process of its own, while no other one runs. Rejects with HostDownError
   * when that dies before the end; the power has failed then.
   */
  async runAlone<T>(use: (process: Process) => Promise<T>): Promise<T> {
    const life = this.#newLife();
    const process = this.#processOf(life, new Map());
    return await new Promise<T>((resolve, reject) => {
      life.onEnd(() => {
        this.disk.crash();
        reject(new HostDownError(true));
      });
      // It takes its first turn in virtual time, as all else.
      this.#world.scheduler.after(0, life, 'command', () => void use(process).then(resolve, reject));
    });
  }

  /** @param losesUnsynced false: the process alone dies, and its system writes what is in its caches */
  crash(losesUnsynced: boolean): void {
    this.life?.end(losesUnsynced ? 'power' : 'killed');
  }

  /** As an operator does it, who waits for the end, but not indefinitely. */
  async stopCleanly(): Promise<void> {
    const { life, nodeHost } = this;
    if (life === undefined || nodeHost === undefined) return;
    tell(this.#world, this.name, 'is stopped');
    this.#world.coverage.count('clean stop');
    const { scheduler } = this.#world;
    const patience = scheduler.after(STOP_PATIENCE_MS, undefined, 'stop patience', () => {
      tell(this.#world, this.name, 'does not stop, and is killed');
      if (!this.disk.hasFailed) this.#world.oracle.fail('clean stop', `${this.name} did not stop in time`);
      life.end('killed');
    });
    const stopped = this.call((host) => host.stop());
    this.#nodeHost = undefined; // takes no calls any more
    await stopped.catch((error: unknown) => {
      if (!(error instanceof HostDownError)) tell(this.#world, this.name, `stopped with ${codeOf(error)}`);
    });
    patience.isCancelled = true;
    life.end('stopped');
  }

  /** @param isLate it is started by the caller */
  addReplica(plan: ReplicaPlan, isLate = false): void {
    this.replicas.set(plan.group.clusterID, plan);
    const { life, nodeHost } = this;
    if (!isLate && life !== undefined && nodeHost !== undefined)
      void this.#startReplica(life, nodeHost, plan);
  }

  /** Whether a replica here has been told that it is a member no more. */
  hasLearntRemoval(clusterID: number, nodeID: number): boolean {
    return this.#removals.has(`${clusterID}/${nodeID}`);
  }

  /** Calls the NodeHost for a client. Rejects with HostDownError when the process dies before the answer. */
  call<T>(use: (host: NodeHost) => Promise<T>): Promise<T> {
    const { life, nodeHost } = this;
    if (life === undefined || nodeHost === undefined) return Promise.reject(new HostDownError(false));
    return new Promise<T>((resolve, reject) => {
      const forget = life.onEnd(() => reject(new HostDownError(true)));
      const settle = (tellCaller: () => void): void => {
        if (!life.isAlive) return;
        forget();
        tellCaller();
      };
      // The call takes its turn in the time of the host: one that stands still does not see it yet.
      this.#world.scheduler.after(0, life, 'call', () => {
        const answer = new Promise<T>((settleAnswer) => settleAnswer(use(nodeHost)));
        const settleLikeIt = (): void => settle(() => resolve(answer));
        answer.then(settleLikeIt, settleLikeIt);
      });
    });
  }

  /** Stops the group's replica permanently and removes its data: its node was removed from the group. */
  async retire(clusterID: number): Promise<void> {
    const plan = this.replicas.get(clusterID);
    if (plan === undefined) return;
    await this.call(async (nodeHost) => {
      await stopReplica(nodeHost, plan);
      await nodeHost.removeData(clusterID, plan.nodeID);
    });
    this.replicas.delete(clusterID);
    this.#world.coverage.count('data removed');
  }

  /** Stops the group's replica and starts it again; one that was removed answers the others for a while. */
  async restartReplica(clusterID: number): Promise<void> {
    const plan = this.replicas.get(clusterID);
    const { life } = this;
    if (plan === undefined || life === undefined) return;
    await this.call(async (nodeHost) => {
      await stopReplica(nodeHost, plan);
      await this.#startReplica(life, nodeHost, plan);
    });
  }

  /** The state machine of the group does not answer any more, for as long as this process runs. */
  stickMachine(clusterID: number): void {
    this.#stuck.add(clusterID);
  }

  /** Snapshots of the group's state machine are so much larger from now on, in this process. */
  padSnapshots(clusterID: number, sizeBytes: number): void {
    const machine = this.#machines.get(clusterID);
    if (machine !== undefined) machine.paddingBytes = sizeBytes;
  }

  /** Stops the group's replica while the host runs on. */
  async stopReplica(clusterID: number): Promise<void> {
    const plan = this.replicas.get(clusterID);
    const { life } = this;
    if (plan === undefined || life === undefined) return;
    const { scheduler, oracle } = this.#world;
    const patience = scheduler.after(STOP_PATIENCE_MS, life, 'stop patience', () => {
      if (this.disk.hasFailed) return;
      oracle.fail('clean stop', `${this.name} did not stop its replica of group ${clusterID} in time`);
    });
    try {
      await this.call((nodeHost) => stopReplica(nodeHost, plan));
    } finally {
      patience.isCancelled = true;
    }
  }

  /** Starts the group's replica, if it does not run. */
  async startReplica(clusterID: number): Promise<void> {
    const plan = this.replicas.get(clusterID);
    const { life, nodeHost } = this;
    if (plan === undefined || life === undefined || nodeHost === undefined) return;
    await this.#startReplica(life, nodeHost, plan);
  }

  #newLife(): Life {
    const { clockSkew } = this.#world.scenario;
    const rate = 1 + clockSkew * (2 * this.#dice.fraction() - 1);
    if (clockSkew > 0) this.#world.coverage.count('clock rates differ');
    this.#lives += 1;
    return new Life(`${this.name}.${this.#lives}`, rate, this.#world.scheduler);
  }

  #processOf(life: Life, machines: ReadonlyMap<number, RegisterMachine>): Process {
    const { scheduler, scenario } = this.#world;
    const fileSystem = new VirtualFileSystem(this.disk, life, scheduler);
    const watch = new ReplicaWatch(this.#world, life, this.name, machines);
    const overrides = bindWorld({
      life,
      clock: new VirtualClock(scheduler, life),
      fileSystem,
      network: this.#world.network,
      randomSeed: this.#dice.seedOf(life.name),
      hasSameDraws: scenario.hasSameDraws === true,
      loggerFactory: this.#loggerFactory,
      logDBWatcher: watch,
      raftWatcher: watch,
    });
    // A configuration is stricter than a list of members: its port has no leading zeros.
    const raftAddress = this.spelled(this.address).replace(':0', ':');
    return { life, config: hostConfig(raftAddress, scenario), fileSystem, overrides };
  }

  async #boot(life: Life): Promise<void> {
    const machines = new Map<number, RegisterMachine>();
    this.#machines = machines;
    this.#stuck = new Set();
    const { config, overrides } = this.#processOf(life, machines);
    try {
      const nodeHost = await NodeHost.create(config, { overrides, events: this.#listener(life) });
      if (!life.isAlive) return;
      this.#nodeHost = nodeHost;
      for (const plan of [...this.replicas.values()]) await this.#startReplica(life, nodeHost, plan);
    } catch (error) {
      if (life.isAlive) this.#failed(life, 'the host could not be started', error);
    }
  }

  async #startReplica(life: Life, nodeHost: NodeHost, plan: ReplicaPlan): Promise<void> {
    const { group, initialMembers, nodeID } = plan;
    const { clusterID } = group;
    try {
      const join = initialMembers.size === 0;
      const make = (): RegisterMachine => this.#makeMachine(life, plan);
      await nodeHost.startCluster(initialMembers, join, make, this.#configOf(plan));
    } catch (error) {
      if (!life.isAlive || PASSING_START_CODES.some((code) => hasErrorCode(error, code))) return;
      if (hasErrorCode(error, 'ERR_NODE_REMOVED')) this.#removed(plan);
      else this.#failed(life, `group ${clusterID} node ${nodeID} could not be started`, error);
    }
  }

  #configOf(plan: ReplicaPlan): ClusterConfigInput {
    const isOn = this.#world.scenario.extensions.includes('other-configurations') && !this.disk.cachesLie;
    const isRaised = this.#operator.isRaised(plan.group.clusterID);
    return isOn ? this.#configurations.of(plan, isRaised) : clusterConfig(plan);
  }

  #makeMachine(life: Life, { group, nodeID }: ReplicaPlan): RegisterMachine {
    const { clusterID } = group;
    const { oracle, coverage, scenario, scheduler } = this.#world;
    const files = scenario.hasExternalFiles
      ? { fileSystem: new VirtualFileSystem(this.disk, life, scheduler), dir: `${SCRATCH_DIR}/${clusterID}` }
      : undefined;
    const isCompressed = group.snapshotCompression === 'snappy' && scenario.fillerBytes > 0;
    const machine = new RegisterMachine(
      {
        updated: (position, { id, key, value }) => {
          if (!life.isAlive) return;
          oracle.see('updated', { clusterID, nodeID, position, command: id });
          oracle.see('written', { clusterID, position, key, value });
        },
        saved: () => {
          coverage.count('snapshot taken');
          if (isCompressed) coverage.count('snapshot compressed');
        },
      },
      {
        pace: { wait: () => this.#pace(life, clusterID) },
        files,
        filler: FILLER.repeat(Math.ceil(scenario.fillerBytes / FILLER.length)),
      },
    );
    this.#machines.set(clusterID, machine);
    return machine;
  }

  /** Some commands take their time, and a state machine that is stuck never answers again in this process. */
  #pace(life: Life, clusterID: number): Promise<void> | undefined {
    const { scheduler, scenario } = this.#world;
    if (this.#stuck.has(clusterID)) return new Promise<void>(() => undefined);
    if (scenario.updateMs === 0 || !this.#paceDice.chance(SLOW_UPDATE_CHANCE)) return undefined;
    return scheduler.later(life, this.#paceDice.skewed(0, scenario.updateMs), 'update', () => undefined);
  }

  #listener(life: Life): HostListener {
    return {
      replicaFailed: ({ clusterID, nodeID, error }) =>
        this.#failed(life, `group ${clusterID} node ${nodeID} failed`, error),
      levelRaised: ({ clusterID, nodeID }) => {
        this.#configurations.raised(clusterID, nodeID);
        this.#operator.onLevelRaised(clusterID);
      },
      configurationOverruled: () => this.#world.coverage.count('configuration overruled'),
      logDBFailed: ({ error }) => {
        this.#world.coverage.count('LogDB failed');
        this.#failed(life, 'the LogDB failed', error);
      },
      stateDiverged: ({ clusterID, ...found }) =>
        this.#failed(life, `states of group ${clusterID} differ`, JSON.stringify(found)),
      nodeUnloaded: ({ clusterID, nodeID, reason }) => {
        const plan = this.replicas.get(clusterID);
        if (reason === 'removed' && plan?.nodeID === nodeID) this.#removed(plan);
      },
    };
  }

  #removed(plan: ReplicaPlan): void {
    const { clusterID } = plan.group;
    this.#removals.add(`${clusterID}/${plan.nodeID}`);
    tell(this.#world, this.name, `node ${plan.nodeID} of group ${clusterID} learns that it was removed`);
  }

  /** What has failed must have had a cause: an error of the disk, or bits that were changed. */
  #failed(life: Life, what: string, error: unknown): void {
    if (!life.isAlive) return;
    tell(this.#world, this.name, `${what}: ${codeOf(error)}`);
    if (isInvariantError(error)) {
      this.#world.oracle.fail('an invariant of the framework', `${this.name}: ${what}: ${String(error)}`);
    } else if (this.isSuspect) {
      this.#world.coverage.count('damage found');
      this.#world.scheduler.after(RESTART_AFTER_FAILURE_MS, life, 'damaged', () =>
        this.#operator.onDamaged(this),
      );
    } else if (this.disk.hasFailed) {
      this.#world.scheduler.after(RESTART_AFTER_FAILURE_MS, life, 'failed', () => this.crash(false));
    } else {
      const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#world.oracle.fail('no failure without a cause', `${this.name}: ${what}: ${detail}`);
    }
  }

  #ended(life: Life): void {
    const { coverage, oracle } = this.#world;
    this.#nodeHost = undefined;
    if (life.cause !== 'stopped') {
      coverage.count('crash');
      if (life.cause === IN_A_CALL) coverage.count('crash in a call');
    }
    tell(this.#world, this.name, life.cause === 'stopped' ? 'has stopped' : `crashes (${life.cause})`);
    if (life.cause === 'power' || life.cause === IN_A_CALL || this.disk.cachesLie) this.disk.crash();
    else this.disk.hasFailed = false;
    for (const { group, nodeID } of this.replicas.values()) {
      oracle.see('crashed', { clusterID: group.clusterID, nodeID });
    }
    this.#operator.onDown(this);
  }
}

async function stopReplica(nodeHost: NodeHost, { group, nodeID }: ReplicaPlan): Promise<void> {
  try {
    await nodeHost.stopNode(group.clusterID, nodeID);
  } catch (error) {
    if (!hasErrorCode(error, 'ERR_CLUSTER_NOT_FOUND')) throw error;
  }
}
