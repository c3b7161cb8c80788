import { hasErrorCode, isDrakkarError } from '@drakkar/raftio';
import type { NodeHost } from '@drakkar/framework';
import type { Dice } from '../world/dice.js';
import type { Cluster, GroupState } from './cluster.js';
import type { Change } from './membership-view.js';
import { HostDownError, type VirtualHost } from './virtual-host.js';
import { type World, tell } from './world.js';

const RETRY_MS = 300;
const KIND_PAUSE_MS = 500;
const WANTED_VOTERS = 3;
const MAX_VOTERS = 5;
const TIMEOUT_ELECTIONS = 4;
/** How often a second operator asks for the same change at the same time. */
const TWICE_CHANCE = 0.3;

/** What may become of a request; of several, the first that one of them came to is what counts. */
const OUTCOMES = ['done', 'unknown', 'rejected', 'refused', 'no effect'] as const;
/** How often the leader may refuse a change that may be under way already. */
const MAX_REFUSALS = 10;
type Outcome = (typeof OUTCOMES)[number];

/**
 * Changes the members of one group, one at a time: at random, and when a member's disk is gone. A change whose outcome
 * is not known is asked for again until it is; ids are never used twice, so that does no harm.
 */
export class GroupAdmin {
  readonly #world: World;
  readonly #cluster: Cluster;
  readonly #group: GroupState;
  readonly #dice: Dice;
  readonly #rival: Dice;
  readonly #timeoutMs: number;
  #isBusy = false;
  #isForced = false;

  constructor(world: World, cluster: Cluster, group: GroupState) {
    this.#world = world;
    this.#cluster = cluster;
    this.#group = group;
    const { clusterID, electionRTT } = group.scenario;
    this.#dice = world.dice.fork(`admin ${clusterID}`);
    this.#rival = world.dice.fork(`rival admin ${clusterID}`);
    this.#timeoutMs = TIMEOUT_ELECTIONS * electionRTT * world.scenario.tickMs;
  }

  /** Whether nothing is left to be done. */
  get isDone(): boolean {
    return !this.#isBusy && this.#nextForced() === undefined;
  }

  /** Goes on for as long as the simulation. */
  async run(): Promise<void> {
    const { scheduler, scenario } = this.#world;
    const changes = scenario.changePauseMs > 0;
    for (;;) {
      const pauseMs = this.#cluster.isKind ? KIND_PAUSE_MS : this.#dice.int(scenario.changePauseMs || 2_000);
      await scheduler.sleep(RETRY_MS + pauseMs);
      const change =
        this.#nextForced() ?? (changes && !this.#cluster.isKind ? this.#nextRandom() : undefined);
      if (change === undefined || !this.#isSafe(change)) continue;
      await this.perform(change);
    }
  }

  /**
   * Carries out a change that somebody else has decided on.
   *
   * @param isLate whether a new replica is started by the caller
   * @param keeps whether a replica that is removed is left to itself
   * @param isForced whether it is made though the leader sees that it may cost the quorum
   */
  async perform(change: Change, { isLate = false, keeps = false, isForced = false } = {}): Promise<void> {
    this.#isBusy = true;
    this.#group.view.underWay = change;
    this.#isForced = isForced;
    await this.#carryOut(change, { isLate, keeps });
    this.#isForced = false;
    this.#group.view.underWay = undefined;
    this.#isBusy = false;
  }

  #isLost(nodeID: number): boolean {
    const host = this.#cluster.hostOf(this.#clusterID, nodeID);
    return this.#group.lost.has(nodeID) || host === undefined || host.isSuspect;
  }

  /** A change must not take the quorum away, nor depend on those that are gone. */
  #isSafe(change: Change): boolean {
    // A new node is not started yet; one that is promoted is there, and its disk may be doubtful.
    const isNew = (nodeID: number): boolean => change.kind === 'add' && nodeID === change.nodeID;
    return this.#group.view.survives((nodeID) => this.#isLost(nodeID) && !isNew(nodeID), change);
  }

  get #clusterID(): number {
    return this.#group.scenario.clusterID;
  }

  #nextForced(): Change | undefined {
    const { lost, view } = this.#group;
    for (const nodeID of lost) {
      if (view.isMember(nodeID)) return { kind: 'remove', nodeID, address: '' };
    }
    return undefined;
  }

  #nextRandom(): Change | undefined {
    const { newest } = this.#group.view;
    if (newest === undefined) return undefined;
    const voterCount = newest.addresses.size;
    const observers = [...newest.observers];
    const free = this.#cluster.hosts.filter((host) => !host.replicas.has(this.#clusterID) && !host.isSuspect);
    const wish = this.#dice.int(voterCount < WANTED_VOTERS ? 4 : 7);
    if (this.#group.scenario.wantsObserver && observers.length === 0 && free.length > 0) {
      const { address } = this.#dice.pick(free);
      return { kind: 'addObserver', nodeID: this.#group.nextNodeID++, address };
    }
    if (wish === 0 && observers.length > 0 && voterCount < MAX_VOTERS) {
      const [nodeID, address] = this.#dice.pick(observers);
      return { kind: 'promote', nodeID, address };
    }
    if (wish <= 3) {
      if (free.length === 0 || voterCount >= MAX_VOTERS) return undefined;
      const { address } = this.#dice.pick(free);
      return { kind: wish === 1 ? 'addObserver' : 'add', nodeID: this.#group.nextNodeID++, address };
    }
    const candidates = [...newest.addresses.keys(), ...newest.observers.keys()];
    const nodeID = this.#dice.pick(candidates);
    if (newest.addresses.has(nodeID) && voterCount <= WANTED_VOTERS && !this.#dice.chance(0.2))
      return undefined;
    return voterCount > 1 || newest.observers.has(nodeID)
      ? { kind: 'remove', nodeID, address: '' }
      : undefined;
  }

  async #carryOut(change: Change, options: { isLate: boolean; keeps: boolean }): Promise<void> {
    const { view } = this.#group;
    tell(this.#world, 'admin', `group ${this.#clusterID}: ${describe(change)}`);
    let refusals = 0;
    for (let mayBeUnderWay = false; ;) {
      const outcome = await this.#attempt(change);
      if (outcome === 'unknown') mayBeUnderWay = true;
      else if (outcome !== 'done' && !mayBeUnderWay) this.#tellClaim(change, outcome);
      // One that joins may be needed for the group to go on, so it is started as soon as it may be a member.
      if (outcome !== 'no effect' && outcome !== 'refused') this.#startIfNew(change, options.isLate);
      if (outcome === 'done' || view.shows(change)) return this.#noteDone(change, options.keeps);
      if (outcome === 'rejected' && !mayBeUnderWay) {
        tell(this.#world, 'admin', `group ${this.#clusterID}: ${describe(change)} was rejected`);
        return;
      }
      // Both are final, if none of the attempts before is under way still.
      if (
        (outcome === 'refused' || outcome === 'rejected') &&
        (!mayBeUnderWay || ++refusals > MAX_REFUSALS)
      ) {
        tell(this.#world, 'admin', `group ${this.#clusterID}: ${describe(change)} was refused by the leader`);
        return;
      }
      await this.#world.scheduler.sleep(RETRY_MS + this.#dice.int(RETRY_MS));
    }
  }

  /** Every error of the attempt, and of those before, said that the change had no effect. */
  #tellClaim(change: Change, code: string): void {
    const claim = { operation: 'change', effect: 'none', retry: 'here', isRemoved: false } as const;
    this.#world.oracle.see('claimed', {
      ...claim,
      clusterID: this.#clusterID,
      what: describe(change),
      code,
      change,
    });
  }

  #noteDone(change: Change, keeps: boolean): void {
    const { coverage } = this.#world;
    if (change.kind === 'remove') coverage.count('node removed');
    else if (change.kind === 'add') coverage.count('node added');
    else if (change.kind === 'promote') coverage.count('observer promoted');
    else coverage.count('observer added');
    tell(this.#world, 'admin', `group ${this.#clusterID}: ${describe(change)} is done`);
    if (change.kind !== 'remove') return;
    this.#group.lost.delete(change.nodeID);
    if (!keeps) this.#cluster.retireLater(this.#clusterID, change.nodeID);
  }

  #startIfNew({ kind, nodeID, address }: Change, isLate: boolean): void {
    if (kind !== 'add' && kind !== 'addObserver') return;
    if (this.#group.lost.has(nodeID) || this.#group.view.newest?.removed.has(nodeID) === true) return;
    const host = this.#cluster.hosts.find((one) => one.address === address);
    if (host === undefined || host.replicas.has(this.#clusterID)) return;
    const isObserver = kind === 'addObserver';
    const plan = { group: this.#group.scenario, nodeID, initialMembers: new Map(), isObserver };
    host.addReplica(plan, isLate);
  }

  /** Asks at some host, and now and then at a second one: the group takes one change at a time, from any host. */
  async #attempt(change: Change): Promise<Outcome> {
    this.#world.oracle.see('attempted', { clusterID: this.#clusterID, what: describe(change) });
    const isTwice = this.#rival.chance(TWICE_CHANCE);
    const outcomes = await Promise.all([
      this.#ask(change, this.#dice),
      ...(isTwice ? [this.#ask(change, this.#rival)] : []),
    ]);
    if (isTwice) this.#world.coverage.count('change asked for twice');
    return OUTCOMES.find((outcome) => outcomes.includes(outcome)) ?? 'no effect';
  }

  async #ask(change: Change, dice: Dice): Promise<Outcome> {
    const hosts = this.#cluster.hostsOf(this.#clusterID).filter((host) => host.nodeHost !== undefined);
    if (hosts.length === 0) return 'no effect';
    const host: VirtualHost = dice.pick(hosts);
    try {
      const asked = { ...change, address: host.spelled(change.address) };
      await host.call((nodeHost) => this.#request(nodeHost, asked));
      return 'done';
    } catch (error) {
      if (error instanceof HostDownError) return error.wasCalled ? 'unknown' : 'no effect';
      if (hasErrorCode(error, 'ERR_REJECTED')) return 'rejected';
      if (isRefused(error)) return 'refused';
      return isDrakkarError(error) && error.effect === 'unknown' ? 'unknown' : 'no effect';
    }
  }

  async #request(nodeHost: NodeHost, { kind, nodeID, address }: Change): Promise<void> {
    const options = { timeoutMs: this.#timeoutMs, ...(this.#isForced ? { force: true } : {}) };
    const clusterID = this.#clusterID;
    const { extensions } = this.#world.scenario;
    const isOrdered = this.#group.scenario.orderedConfigChange || extensions.includes('settings-changed');
    const index = isOrdered ? (await nodeHost.getClusterMembership(clusterID, options)).configChangeIndex : 0;
    if (kind === 'remove') await nodeHost.syncRequestDeleteNode(clusterID, nodeID, index, options);
    else if (kind === 'addObserver')
      await nodeHost.syncRequestAddObserver(clusterID, nodeID, address, index, options);
    else await nodeHost.syncRequestAddNode(clusterID, nodeID, address, index, options);
  }
}

const describe = ({ kind, nodeID, address }: Change): string => `${kind} node ${nodeID} ${address}`.trim();

const REFUSED = ['ERR_QUORUM_AT_RISK', 'ERR_OBSERVER_BEHIND', 'ERR_NOT_A_MEMBER'];

/** Whether the leader saw that the change would be a mistake; it then had no effect. */
function isRefused(error: unknown): boolean {
  return REFUSED.some((code) => hasErrorCode(error, code));
}
