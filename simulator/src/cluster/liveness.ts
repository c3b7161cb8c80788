import type { Client } from '../workload/client.js';
import type { Cluster, GroupState } from './cluster.js';
import type { GroupAdmin } from './group-admin.js';
import { type World, tell } from './world.js';

/** In election timeouts: how long a group may take, with the faults off, to do everything that is asked of it. */
const PATIENCE_ELECTIONS = 150;
const MIN_PATIENCE_MS = 60_000;
const PAUSE_MS = 200;

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
    const slowest = Math.max(...scenario.groups.map((group) => group.electionRTT)) * scenario.tickMs;
    const untilMs = scheduler.nowMs + Math.max(MIN_PATIENCE_MS, PATIENCE_ELECTIONS * slowest);
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
    this.#world.oracle.fail('liveness', `${missing}\n${this.#describe()}`);
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
    const members = [...(group.view.newest?.addresses ?? []), ...(group.view.newest?.observers ?? [])];
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
      states.push(`${host?.name} ${host?.fingerprint(clusterID)}`);
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

  /** Suspect disks are replaced before it begins, and whoever stands still goes on. */
  prepare(): void {
    this.#cluster.isKind = true;
    for (const host of this.#cluster.hosts) {
      if (host.isSuspect) this.#cluster.wipe(host);
      else if (!host.isUp) host.start();
    }
    tell(this.#world, 'sim', 'the faults are over');
  }
}
