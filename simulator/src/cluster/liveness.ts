import type { Client } from '../workload/client.js';
import type { Cluster, GroupState } from './cluster.js';
import type { GroupAdmin } from './group-admin.js';
import { type World, tell } from './world.js';

/** In election timeouts: how long a group may take, with the faults off, to do everything that is asked of it. */
const PATIENCE_ELECTIONS = 150;
const MIN_PATIENCE_MS = 60_000;
const PAUSE_MS = 200;
/** After so long without use a group that may sleep does, whatever its clocks. */
const ASLEEP_ELECTIONS = 14;

export const membersOf = ({ view: { newest } }: GroupState): [number, string][] => [
  ...(newest?.addresses ?? []),
  ...(newest?.observers ?? []),
];

/**
 * The second half of a cluster's life: there are no faults, every host is up again soon, and within bounded time each
 * group has to commit, each of its members has to answer reads, and all members have to become equal.
 */
export class Liveness {
  readonly #world: World;
  readonly #cluster: Cluster;
  readonly #admins: readonly GroupAdmin[];

  constructor(world: World, cluster: Cluster, admins: readonly GroupAdmin[]) {
    this.#world = world;
    this.#cluster = cluster;
    this.#admins = admins;
  }

  /** @param prober a client that nobody else uses */
  async check(prober: Client): Promise<void> {
    const { scenario, scheduler } = this.#world;
    if (scenario.extensions.includes('reads-first')) await this.#readFirst(prober);
    const untilMs = this.deadlineMs();
    const isLate = (): boolean => scheduler.nowMs > untilMs;
    let missing = 'the operators have work to do';
    while (!isLate()) {
      if (this.#admins.every((admin) => admin.isDone)) {
        const obstacle = await this.#probeAll(prober);
        if (obstacle === undefined) return;
        missing = obstacle;
      }
      await scheduler.sleep(PAUSE_MS);
    }
    this.fail(missing);
  }

  /** When everything that a group can do must have been done that is asked of it now. */
  deadlineMs(): number {
    const { scenario, scheduler } = this.#world;
    const slowest = Math.max(...scenario.groups.map((group) => group.electionRTT)) * scenario.tickMs;
    return scheduler.nowMs + Math.max(MIN_PATIENCE_MS, PATIENCE_ELECTIONS * slowest);
  }

  /** A member must answer without somebody having used the group before, least of all at another member. */
  async #readFirst(prober: Client): Promise<void> {
    const { scheduler, scenario, dice } = this.#world;
    const order = dice.fork('reads first');
    const untilMs = this.deadlineMs();
    while (!this.#admins.every((admin) => admin.isDone) && scheduler.nowMs < untilMs)
      await scheduler.sleep(PAUSE_MS);
    for (const group of this.#cluster.groups) {
      const { clusterID, electionRTT } = group.scenario;
      if (order.chance(0.5)) await scheduler.sleep(ASLEEP_ELECTIONS * electionRTT * scenario.tickMs);
      for (const [nodeID] of order.shuffled(membersOf(group))) {
        if (await this.answers(prober, group, nodeID)) continue;
        const what = `group ${clusterID}: member ${nodeID} answers no read, and nobody has written`;
        this.fail(what);
        return;
      }
    }
  }

  /** Resolves to whether the member answers a read in bounded time. */
  async answers(prober: Client, group: GroupState, nodeID: number): Promise<boolean> {
    const { scheduler } = this.#world;
    const untilMs = this.deadlineMs();
    while (scheduler.nowMs < untilMs && this.#world.oracle.violation === undefined) {
      if (await prober.read(group, this.#cluster.hostOf(group.scenario.clusterID, nodeID))) return true;
      await scheduler.sleep(PAUSE_MS);
    }
    return false;
  }

  fail(what: string): void {
    this.#world.oracle.fail('liveness', `${what}\n${this.#describe()}`);
  }

  async #probeAll(prober: Client): Promise<string | undefined> {
    for (const group of this.#cluster.groups) {
      const obstacle = await this.#probe(prober, group);
      if (obstacle !== undefined) return `group ${group.scenario.clusterID}: ${obstacle}`;
    }
    return undefined;
  }

  async #probe(prober: Client, group: GroupState): Promise<string | undefined> {
    if (!(await prober.writeOnce(group))) return 'nothing is committed';
    const members = membersOf(group);
    for (const [nodeID] of members) {
      const host = this.#cluster.hostOf(group.scenario.clusterID, nodeID);
      if (host === undefined) return `member ${nodeID} is nowhere`;
      if (!(await prober.read(group, host))) return `member ${nodeID} at ${host.name} answers no read`;
    }
    return await this.#compare(
      group,
      members.map(([nodeID]) => nodeID),
    );
  }

  /** Members that lag may need a moment; a write may come in between. */
  async #compare(
    { scenario: { clusterID } }: GroupState,
    members: readonly number[],
  ): Promise<string | undefined> {
    const states: string[] = [];
    for (const nodeID of members) {
      const host = this.#cluster.hostOf(clusterID, nodeID);
      const settings = JSON.stringify(host?.progressOf(clusterID)?.settings);
      states.push(`${host?.name} ${host?.fingerprint(clusterID)}${settings}`);
    }
    await Promise.resolve();
    const different = new Set(states.map((state) => state.split(' ')[1]));
    return different.size === 1 ? undefined : `the members differ: ${states.join(', ')}`;
  }

  #describe(): string {
    const lines: string[] = [];
    for (const host of this.#cluster.hosts) {
      const { nodeHost } = host;
      if (nodeHost === undefined) {
        lines.push(`  ${host.name} is down`);
        continue;
      }
      for (const { clusterID, nodeID, state, progress } of nodeHost.getNodeHostInfo().replicas) {
        const { role, term, leaderID, applied, commit, quiesced } = progress ?? {};
        lines.push(
          `  ${host.name} group ${clusterID} node ${nodeID} ${state} ${role} term ${term} leader ${leaderID} applied ${applied} commit ${commit}${quiesced === true ? ' quiesced' : ''}`,
        );
      }
    }
    for (const { scenario, view, lost } of this.#cluster.groups) {
      const members = [...(view.newest?.addresses.keys() ?? [])].join(' ');
      lines.push(`  group ${scenario.clusterID} has voters ${members}; lost: ${[...lost].join(' ')}`);
    }
    return lines.join('\n');
  }

  /** Suspect disks are replaced before it begins, and paused processes go on. */
  prepare(): void {
    this.#cluster.isKind = true;
    for (const host of this.#cluster.hosts) {
      if (host.isSuspect) this.#cluster.wipe(host);
      else if (!host.isUp) host.start();
    }
    tell(this.#world, 'sim', 'the faults are over');
  }
}
