import type { SeededRandom } from '../harness/random.js';
import type { ChaosCluster, ChaosHostHandle } from './cluster.js';
import type { PROCESS_FAULTS } from './fault-kinds.js';
import { type Group, shuffled } from './groups.js';
import { rest } from './lane.js';
import type { Members } from './members.js';

export type ProcessFaultKind = (typeof PROCESS_FAULTS)[number];

const MIB = 1024 * 1024;
/** What is free on crowded disks beside what is kept for the log, and what each snapshot of some groups takes. */
const SPARE_BYTES = 4 * MIB;
const LARGE_SNAPSHOT_BYTES = 16 * MIB;
/** Longer than any fault lasts. */
const HANGING_SAVE_MS = 600_000;
const FAILURE_TIMEOUT_MS = 6_000;
const POLL_MS = 50;
const CALL_TIMEOUT_MS = 5_000;
/** So many of a hundred kills are of one, two, three, and all hosts. */
const VICTIMS: readonly [percent: number, victims: number][] = [
  [45, 1],
  [30, 2],
  [15, 3],
  [10, 5],
];

/** Does something to the processes or disks of a cluster; when it is over, all of them run again. */
export class ProcessTroubles {
  /** LogDBs that were seen to fail on a full disk. */
  fullDisksMet = 0;
  /** Hosts that were killed, one or several at a time. */
  killed = 0;
  readonly #cluster: ChaosCluster;
  readonly #groups: readonly Group[];
  readonly #members: Members;
  readonly #random: SeededRandom;

  constructor(cluster: ChaosCluster, groups: readonly Group[], members: Members, random: SeededRandom) {
    this.#cluster = cluster;
    this.#groups = groups;
    this.#members = members;
    this.#random = random;
  }

  /** Resolves to what was done, when it is over. Waits end early when the signal is given. */
  async make(kind: ProcessFaultKind, ms: number, signal: AbortSignal): Promise<string> {
    switch (kind) {
      case 'kill':
        return await this.#kill(ms, signal);
      case 'pause':
        return await this.#pause(ms, signal);
      case 'restart':
        return await this.#restart(ms, signal);
      case 'disk full':
        return await this.#fillDisk(signal);
      case 'wipe':
        return await this.#wipe();
      case 'crowded disks':
        return await this.#crowdDisks(ms, signal);
      case 'slow saves':
        return await this.#slowSaves(ms, signal);
    }
  }

  /** Hosts with many leaders are more likely among them. */
  #victims(count: number): ChaosHostHandle[] {
    const byLeadership = this.#cluster.byLeadership();
    const order = this.#random.isTrue(0.5) ? byLeadership : shuffled(byLeadership, this.#random);
    return order.slice(0, count);
  }

  #victim(): ChaosHostHandle {
    const [victim] = this.#victims(1);
    if (victim === undefined) throw new Error('no host runs');
    return victim;
  }

  async #kill(ms: number, signal: AbortSignal): Promise<string> {
    let dice = this.#random.between(1, 100);
    const drawn = VICTIMS.find(([percent]) => (dice -= percent) <= 0);
    const victims = this.#victims(drawn?.[1] ?? 1);
    await Promise.all(victims.map((host) => this.#cluster.kill(host)));
    this.killed += victims.length;
    await rest(ms / 2, signal);
    await Promise.all(victims.map((host) => this.#cluster.start(host)));
    return `kill -9 of ${named(victims)}`;
  }

  async #pause(ms: number, signal: AbortSignal): Promise<string> {
    const victims = this.#victims(this.#random.between(1, 2));
    for (const host of victims) this.#cluster.pause(host, true);
    await rest(ms, signal);
    for (const host of victims) this.#cluster.pause(host, false);
    return `SIGSTOP and SIGCONT of ${named(victims)}`;
  }

  async #restart(ms: number, signal: AbortSignal, victim = this.#victim()): Promise<string> {
    await this.#cluster.stop(victim);
    await rest(ms / 4, signal);
    await this.#cluster.start(victim);
    return `restart of ${named([victim])}`;
  }

  async #fillDisk(signal: AbortSignal): Promise<string> {
    const cluster = this.#cluster;
    const { disks } = cluster.setup;
    const victim = this.#victim();
    const { hostID } = victim;
    victim.hasFullDisk = true;
    await disks.fill(hostID);
    if (disks.kind === 'fault') await cluster.call(hostID, 'fillDisk', { isFull: true }, CALL_TIMEOUT_MS);
    const endMs = performance.now() + FAILURE_TIMEOUT_MS;
    const hasFailed = (): boolean => victim.process?.news?.logDBFailure !== undefined;
    while (!hasFailed() && performance.now() < endMs && !signal.aborted) await rest(POLL_MS, signal);
    const wasMet = hasFailed();
    if (wasMet) this.fullDisksMet += 1;
    try {
      if (this.#random.isTrue(0.5)) await cluster.kill(victim);
      else await cluster.stop(victim);
    } finally {
      victim.hasFullDisk = false;
      await disks.free(hostID);
    }
    await cluster.start(victim);
    return `disk full on ${named([victim])}${wasMet ? ', whose LogDB stopped' : ''}`;
  }

  /** All hosts at once have no room for the snapshots that all members of some groups take. No LogDB may fail for it. */
  async #crowdDisks(ms: number, signal: AbortSignal): Promise<string> {
    const { hosts, setup } = this.#cluster;
    await Promise.all(hosts.map(({ hostID }) => setup.disks.crowd(hostID, SPARE_BYTES)));
    const groups = this.#someGroups(8);
    await this.#burden(groups, { extraBytes: LARGE_SNAPSHOT_BYTES, delayMs: 0 });
    const taken = await this.#snapshotAll(groups);
    await rest(ms, signal);
    await this.#burden([], { extraBytes: 0, delayMs: 0 });
    await Promise.all(hosts.map(({ hostID }) => setup.disks.free(hostID)));
    return `no room for snapshots of groups ${idsOf(groups).join(', ')} on any host: ${taken} taken`;
  }

  /**
   * State machines that take their time to save, or hang. Those that hang are all of one host, which may be restarted
   * meanwhile: they apply nothing, and others must lead.
   */
  async #slowSaves(ms: number, signal: AbortSignal): Promise<string> {
    const groups = this.#someGroups(4);
    const victim = this.#victim();
    const hangs = this.#random.isTrue(0.5);
    const delayMs = hangs ? HANGING_SAVE_MS : this.#random.between(1_000, 4_000);
    const hosts = hangs ? [victim] : this.#cluster.hosts;
    await this.#burden(groups, { extraBytes: 0, delayMs }, hosts);
    const taking = this.#snapshotAll(groups, hosts);
    if (this.#random.isTrue(0.3)) await this.#restart(ms, signal, victim);
    else await rest(ms, signal);
    await this.#burden([], { extraBytes: 0, delayMs: 0 });
    await taking;
    const told = `saves of groups ${idsOf(groups).join(', ')}`;
    return hangs ? `${told} hang on ${named(hosts)}` : `${told} take ${delayMs} ms`;
  }

  #someGroups(share: number): Group[] {
    return shuffled(this.#groups, this.#random).slice(0, Math.ceil(this.#groups.length / share));
  }

  /** Hosts that are down forget it anyway. */
  async #burden(
    groups: readonly Group[],
    burden: { extraBytes: number; delayMs: number },
    hosts: readonly ChaosHostHandle[] = this.#cluster.hosts,
  ): Promise<void> {
    const asked = hosts.map(({ hostID }) =>
      this.#cluster
        .call(hostID, 'burdenSnapshots', { clusterIDs: idsOf(groups), ...burden }, CALL_TIMEOUT_MS)
        .catch(() => undefined),
    );
    await Promise.all(asked);
  }

  /** Resolves to how many were. */
  async #snapshotAll(
    groups: readonly Group[],
    hosts: readonly ChaosHostHandle[] = this.#cluster.hosts,
  ): Promise<number> {
    const isAsked = (hostID: number): boolean => hosts.some((host) => host.hostID === hostID);
    const asked = groups.flatMap(({ clusterID, members }) =>
      [...members.keys()]
        .filter(isAsked)
        .map((hostID) =>
          this.#cluster.call(hostID, 'snapshot', { clusterID }, CALL_TIMEOUT_MS).catch(() => undefined),
        ),
    );
    return (await Promise.all(asked)).filter((answer) => answer?.isGood === true).length;
  }

  /** The host comes back with nothing: nodes that it had are removed from their groups, new ones take their places. */
  async #wipe(): Promise<string> {
    const cluster = this.#cluster;
    return await this.#members.inTurn(async () => {
      const victim = this.#victim();
      const { hostID } = victim;
      await cluster.kill(victim);
      const lost = this.#groups.flatMap((group) => {
        const replica = group.members.get(hostID);
        return replica === undefined ? [] : [{ group, nodeID: replica.nodeID }];
      });
      for (const { group } of lost) group.members.delete(hostID);
      await cluster.setup.disks.wipe(hostID);
      await cluster.start(victim);
      await Promise.all(lost.map(({ group, nodeID }) => this.#members.rebuild(group, hostID, nodeID)));
      return `wipe of ${named([victim])}, with ${lost.length} nodes`;
    });
  }
}

function idsOf(groups: readonly Group[]): number[] {
  return groups.map(({ clusterID }) => clusterID);
}

function named(hosts: readonly ChaosHostHandle[]): string {
  return `host ${hosts.map(({ hostID }) => hostID).join(', ')}`;
}
