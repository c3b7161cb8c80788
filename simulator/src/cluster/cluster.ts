import type { ILoggerFactory } from '@drakkar/framework';
import { type Membership, type MessageBatch, hasErrorCode } from '@drakkar/raftio';
import { MembershipView } from './membership-view.js';
import type { GroupScenario } from './scenario.js';
import { HostDownError, type HostOperator, VirtualHost } from './virtual-host.js';
import { type World, tell } from './world.js';

const RESTART_MAX_MS = 8_000;
const QUICK_RESTART_MS = 50;
/** How long a node that was removed has to learn of it by itself. */
const RETIRE_MS = 10_000;

/** A replica that is starting can't be stopped yet, and a host that is stopping takes no calls. */
const isUntimely = (error: unknown): boolean =>
  hasErrorCode(error, 'ERR_CLUSTER_NOT_INITIALIZED') || hasErrorCode(error, 'ERR_CLOSED');

/** A group, as its operator sees it. */
export interface GroupState {
  scenario: GroupScenario;
  view: MembershipView;
  nextNodeID: number;
  /** Members whose disk is gone: they must be removed from the group. */
  lost: Set<number>;
}

/** The oracle of a world sees what its hosts send, and its operator what members there are. */
export function connect({ network, oracle, traffic }: World, cluster: Cluster): void {
  network.onStream = (event) => traffic.streamed(event);
  const see = (batch: MessageBatch): void => {
    traffic.sees(batch);
    for (const message of batch.requests) {
      oracle.see('sent', { clusterID: message.clusterID, nodeID: message.from, message });
    }
  };
  network.onBatch = [see];
  oracle.onConfigured = ({ clusterID, membership }) => cluster.seeMembership(clusterID, membership);
}

/** Hosts and groups, and what an operator does about them without being asked. */
export class Cluster implements HostOperator {
  readonly hosts: VirtualHost[];
  readonly groups: GroupState[];
  /** With the faults off everything is up again soon. */
  isKind = false;
  /** Hosts that stay down. */
  readonly held = new Set<VirtualHost>();
  readonly #raised = new Set<number>();
  /** Its hosts don't come back. */
  #isAbandoned = false;
  readonly #world: World;

  constructor(world: World, loggerFactory: ILoggerFactory) {
    this.#world = world;
    const { hostCount, groups } = world.scenario;
    this.hosts = Array.from(
      { length: hostCount },
      (_, i) => new VirtualHost(world, this, i + 1, loggerFactory),
    );
    this.groups = groups.map((scenario) => this.#makeGroup(scenario));
  }

  start(): void {
    for (const host of this.hosts) host.start();
  }

  group(clusterID: number): GroupState {
    const found = this.groups.find(({ scenario }) => scenario.clusterID === clusterID);
    if (found === undefined) throw new Error(`no group ${clusterID}`);
    return found;
  }

  /** Hosts that run a replica of the group, or are to. */
  hostsOf(clusterID: number): VirtualHost[] {
    return this.hosts.filter((host) => host.replicas.has(clusterID));
  }

  hostOf(clusterID: number, nodeID: number): VirtualHost | undefined {
    return this.hosts.find((host) => host.replicas.get(clusterID)?.nodeID === nodeID);
  }

  seeMembership(clusterID: number, membership: Membership): void {
    this.group(clusterID).view.see(membership);
  }

  /** Whether every group has a quorum left when that host's data is gone, whatever becomes of what is under way. */
  canLose(victim: VirtualHost): boolean {
    return this.groups.every((group) => {
      const { scenario, view, lost } = group;
      const isLost = (nodeID: number): boolean => {
        const host = this.hostOf(scenario.clusterID, nodeID);
        return lost.has(nodeID) || host === undefined || host === victim || host.isSuspect;
      };
      return this.isSettled(group) && view.survives(isLost);
    });
  }

  /** The host's disk is replaced by an empty one; its replicas never come back. */
  wipe(host: VirtualHost): void {
    const { coverage, oracle } = this.#world;
    tell(this.#world, host.name, 'its disk is replaced');
    coverage.count('disk wiped');
    for (const { group, nodeID } of host.replicas.values()) {
      oracle.see('lost', { clusterID: group.clusterID, nodeID });
      this.group(group.clusterID).lost.add(nodeID);
    }
    host.replicas.clear();
    host.isSuspect = false;
    host.disk.wipe();
    host.crash(true);
  }

  /** Whether every voter that there is knows the newest membership. Until then the one before may still be needed. */
  isSettled({ scenario: { clusterID }, view, lost }: GroupState): boolean {
    const { newest } = view;
    if (newest === undefined) return false;
    return [...newest.addresses.keys()].every((nodeID) => {
      if (lost.has(nodeID)) return true;
      const known = this.hostOf(clusterID, nodeID)?.progressOf(clusterID)?.membership.configChangeIndex;
      return known !== undefined && known >= newest.configChangeID;
    });
  }

  /**
   * A node that was removed is stopped permanently, and its data goes, when the others know of the removal: one that led
   * may have been the only one who knew that it is committed.
   */
  retireLater(clusterID: number, nodeID: number): void {
    this.#world.scheduler.after(RETIRE_MS, undefined, 'retire', () => void this.#retire(clusterID, nodeID));
  }

  async #retire(clusterID: number, nodeID: number): Promise<void> {
    const host = this.hostOf(clusterID, nodeID);
    if (host === undefined) return;
    try {
      if (this.isSettled(this.group(clusterID))) {
        await host.retire(clusterID);
        return;
      }
      await host.restartReplica(clusterID);
    } catch (error) {
      const isExcused =
        error instanceof HostDownError || host.disk.hasFailed || host.isSuspect || isUntimely(error);
      if (!isExcused) {
        const what = `${host.name}: retiring node ${nodeID} of group ${clusterID}: ${String(error)}`;
        this.#world.oracle.fail('no failure without a cause', what);
      }
    }
    this.retireLater(clusterID, nodeID);
  }

  /** The host's process dies, and does not come back before `release`. */
  hold(host: VirtualHost): void {
    this.held.add(host);
    host.crash(false);
  }

  release(host: VirtualHost): void {
    this.held.delete(host);
    host.start();
  }

  /** All hosts are gone, permanently. */
  abandon(): void {
    this.#isAbandoned = true;
    for (const host of this.hosts) host.crash(true);
  }

  onDown(host: VirtualHost): void {
    if (this.#isAbandoned || this.held.has(host)) return;
    const { scheduler, dice, coverage } = this.#world;
    const delayMs = QUICK_RESTART_MS + (this.isKind ? 0 : dice.skewed(0, RESTART_MAX_MS));
    scheduler.after(delayMs, undefined, 'restart', () => {
      if (host.isUp || this.#isAbandoned) return;
      coverage.count('restart');
      host.start();
    });
  }

  onLevelRaised(clusterID: number): void {
    this.#raised.add(clusterID);
  }

  isRaised(clusterID: number): boolean {
    return this.#raised.has(clusterID);
  }

  onDamaged(host: VirtualHost): void {
    if (host.isUp) this.wipe(host);
  }

  #makeGroup(scenario: GroupScenario): GroupState {
    const { voterCount, clusterID } = scenario;
    const hosts = this.hosts.slice(0, voterCount);
    for (const [i, host] of hosts.entries()) {
      const initialMembers = new Map(hosts.map(({ address }, j) => [j + 1, host.spelled(address)]));
      host.replicas.set(clusterID, { group: scenario, nodeID: i + 1, initialMembers, isObserver: false });
    }
    return { scenario, view: new MembershipView(), nextNodeID: voterCount + 1, lost: new Set() };
  }
}
