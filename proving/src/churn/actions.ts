import { setTimeout as delay } from 'node:timers/promises';
import { type ChurnCluster, type ChurnHost, persevere } from './cluster.js';
import type { Change } from './commands.js';
import { type ActionKind, type CrashInAction, MIN_VOTERS, type Step } from './plan.js';
import type { SeededRandom } from '../harness/random.js';

const ACTION_TIMEOUT_MS = 30_000;
const REQUEST_TIMEOUT_MS = 1_000;
const SELF_STOP_TIMEOUT_MS = 3_000;

export interface ChurnCounts {
  actions: Record<ActionKind, number>;
  kills: number;
  /** Snapshots that leaders have sent, as far as the processes that took them lived on to tell. */
  installs: number;
  /** Removed nodes that were alive throughout, and those of them that stopped by themselves soon. */
  removedAlive: number;
  stoppedThemselves: number;
}

/** Carries out steps: a change of the members or the leader, with kills in the course of it. */
export class ChurnActions {
  readonly counts: ChurnCounts = {
    actions: { add: 0, observe: 0, delete: 0, promote: 0, transfer: 0 },
    kills: 0,
    installs: 0,
    removedAlive: 0,
    stoppedThemselves: 0,
  };
  readonly #cluster: ChurnCluster;
  readonly #random: SeededRandom;
  #nextNodeID: number;

  constructor(cluster: ChurnCluster, random: SeededRandom) {
    this.#cluster = cluster;
    this.#random = random;
    this.#nextNodeID = cluster.members.length + 1;
  }

  /** Resolves to a description, when the step is over and everything that was killed runs again. */
  async perform(step: Step): Promise<string> {
    this.counts.actions[step.kind] += 1;
    // Drawn before anything runs, so that the order of events does not change what the seed means.
    const order = this.#shuffledHosts();
    const crash = step.crash === undefined ? undefined : this.#crash(step.crash, order);
    const [told, killed] = await Promise.all([this.#act(step.kind), crash]);
    await delay(step.afterMs);
    return killed === undefined ? told : `${told} with kill -9 of host ${killed.join(', ')}`;
  }

  #shuffledHosts(): ChurnHost[] {
    const left = [...this.#cluster.hosts];
    const order: ChurnHost[] = [];
    while (left.length > 0) order.push(...left.splice(this.#random.between(0, left.length - 1), 1));
    return order;
  }

  async #crash(crash: CrashInAction, order: readonly ChurnHost[]): Promise<number[]> {
    const cluster = this.#cluster;
    const leader = crash.withLeader ? await cluster.leader() : undefined;
    const first = leader === undefined ? [] : [leader];
    const victims = [...first, ...order.filter((host) => host !== leader)].slice(0, crash.victims);
    await delay(crash.afterMs);
    await Promise.all(victims.map((host) => cluster.kill(host)));
    this.counts.kills += victims.length;
    await delay(crash.downMs);
    await Promise.all(victims.map((host) => cluster.start(host)));
    return victims.map(({ hostID }) => hostID);
  }

  #act(kind: ActionKind): Promise<string> {
    switch (kind) {
      case 'add':
        return this.#add(false);
      case 'observe':
        return this.#add(true);
      case 'delete':
        return this.#delete();
      case 'promote':
        return this.#promote();
      case 'transfer':
        return this.#transfer();
    }
  }

  async #add(isObserver: boolean): Promise<string> {
    const host = this.#random.pick(this.#cluster.spares);
    const nodeID = this.#nextNodeID;
    this.#nextNodeID += 1;
    await this.#change({ kind: isObserver ? 'addObserver' : 'addNode', nodeID, address: host.address });
    const replica = { nodeID, members: [], join: true, isObserver };
    host.replica = replica;
    // The host may be down at this moment: it is then started with the replica, or this is tried once more.
    await persevere(ACTION_TIMEOUT_MS, `start of node ${nodeID}`, () =>
      this.#cluster.call(host, 'startReplica', replica),
    );
    return `${isObserver ? 'observer' : 'node'} ${nodeID} added on host ${host.hostID}`;
  }

  async #delete(): Promise<string> {
    const { members } = this.#cluster;
    const voters = members.filter(({ replica }) => replica?.isObserver === false);
    const candidates =
      voters.length > MIN_VOTERS ? members : members.filter((member) => !voters.includes(member));
    const host = this.#random.pick(candidates);
    const nodeID = host.replica?.nodeID ?? 0;
    const { process } = host;
    await this.#change({ kind: 'delete', nodeID });
    await this.#seeWhetherItStops(host);
    if (host.process !== process) {
      // It was killed in between: whether it heard of its removal is chance.
      this.counts.removedAlive -= 1;
    }
    host.replica = undefined;
    await persevere(ACTION_TIMEOUT_MS, `end of node ${nodeID}`, () =>
      this.#cluster.call(host, 'retire', { nodeID }),
    );
    return `node ${nodeID} deleted`;
  }

  async #seeWhetherItStops(host: ChurnHost): Promise<void> {
    const { process } = host;
    this.counts.removedAlive += 1;
    const endMs = performance.now() + SELF_STOP_TIMEOUT_MS;
    while (performance.now() < endMs && host.process === process) {
      const state = await this.#cluster.call(host, 'state', null).catch(() => undefined);
      if (state?.state === 'removed') {
        this.counts.stoppedThemselves += 1;
        return;
      }
      await delay(50);
    }
  }

  async #promote(): Promise<string> {
    const observers = this.#cluster.members.filter(({ replica }) => replica?.isObserver === true);
    const host = this.#random.pick(observers);
    const { address, replica } = host;
    if (replica === undefined) throw new Error(`host ${host.hostID} runs no observer`);
    await this.#change({ kind: 'addNode', nodeID: replica.nodeID, address });
    host.replica = { ...replica, isObserver: false };
    return `observer ${replica.nodeID} promoted`;
  }

  /** Need not come to anything: the target may be down, or behind. */
  async #transfer(): Promise<string> {
    const voters = this.#cluster.members.filter(({ replica }) => replica?.isObserver === false);
    const nodeID = this.#random.pick(voters).replica?.nodeID ?? 0;
    const asked = this.#random.pick(this.#cluster.members);
    await this.#cluster.call(asked, 'transfer', { nodeID }).catch(() => undefined);
    return `transfer to node ${nodeID} asked of host ${asked.hostID}`;
  }

  /** Asks one member after the other until one of them has seen the change in force. */
  async #change(change: Change): Promise<void> {
    const argument = { change, timeoutMs: REQUEST_TIMEOUT_MS };
    let attempts = this.#random.between(0, 8);
    await persevere(ACTION_TIMEOUT_MS, `${change.kind} of node ${change.nodeID}`, async () => {
      const { members } = this.#cluster;
      attempts += 1;
      await this.#cluster.call(members[attempts % members.length] as ChurnHost, 'change', argument);
    });
  }
}
