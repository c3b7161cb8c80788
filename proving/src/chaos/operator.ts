import type { SeededRandom } from '../harness/random.js';
import type { BulkLoad } from './bulk-load.js';
import type { ChaosCluster } from './cluster.js';
import type { OPERATOR_ACTIONS } from './fault-kinds.js';
import { type Group, shuffled } from './groups.js';
import { rest } from './lane.js';
import type { Members } from './members.js';

export type OperatorAction = (typeof OPERATOR_ACTIONS)[number];

const CALL_TIMEOUT_MS = 5_000;
const SHARE = 4;

/** What operators do to groups. */
export class Operator {
  readonly #cluster: ChaosCluster;
  readonly #groups: readonly Group[];
  readonly #members: Members;
  readonly #bulk: BulkLoad;
  readonly #random: SeededRandom;

  constructor(
    cluster: ChaosCluster,
    groups: readonly Group[],
    parts: { members: Members; bulk: BulkLoad; random: SeededRandom },
  ) {
    this.#cluster = cluster;
    this.#groups = groups;
    this.#members = parts.members;
    this.#bulk = parts.bulk;
    this.#random = parts.random;
  }

  /** Resolves to what was done. Rejects when a change of members can't be brought about: the group is stuck. */
  async act(action: OperatorAction, ms: number, signal: AbortSignal): Promise<string> {
    switch (action) {
      case 'transfer':
        return await this.#transfer();
      case 'snapshot':
        return await this.#snapshot();
      case 'move':
        return await this.#members.inTurn(() => this.#move());
      case 'replace':
        return await this.#members.inTurn(() => this.#replace());
      case 'bulk':
        return await this.#load(ms, signal);
    }
  }

  async #load(ms: number, signal: AbortSignal): Promise<string> {
    const load = this.#bulk.begin();
    await rest(ms, signal);
    load.end();
    return load.told;
  }

  /** A quarter of the groups. */
  #some(): Group[] {
    return shuffled(this.#groups, this.#random).slice(0, Math.ceil(this.#groups.length / SHARE));
  }

  /** Need not come to anything: the target may be down, or behind. */
  async #transfer(): Promise<string> {
    const groups = this.#some();
    await Promise.all(
      groups.map(async ({ clusterID, members }) => {
        const [target, asked] = shuffled([...members], this.#random);
        const nodeID = target?.[1].nodeID ?? 0;
        const hostID = asked?.[0] ?? 0;
        await this.#cluster
          .call(hostID, 'transfer', { clusterID, nodeID }, CALL_TIMEOUT_MS)
          .catch(() => undefined);
      }),
    );
    return `transfers in ${groups.length} groups`;
  }

  /** Beside those that are taken by themselves all the time. */
  async #snapshot(): Promise<string> {
    const groups = this.#some();
    await Promise.all(
      groups.map(async ({ clusterID, members }) => {
        const hostID = this.#random.pick([...members.keys()]);
        await this.#cluster.call(hostID, 'snapshot', { clusterID }, CALL_TIMEOUT_MS).catch(() => undefined);
      }),
    );
    return `snapshots asked for in ${groups.length} groups`;
  }

  async #move(): Promise<string> {
    const movable = this.#groups.filter(({ members }) => members.size < this.#cluster.hosts.length);
    if (movable.length === 0) return await this.#replace();
    const group = this.#random.pick(movable);
    const from = this.#random.pick([...group.members.keys()]);
    const spares = this.#cluster.hosts.filter(({ hostID }) => !group.members.has(hostID));
    const to = this.#random.pick(spares).hostID;
    await this.#members.move(group, from, to);
    return `group ${group.clusterID} moved from host ${from} to host ${to}`;
  }

  async #replace(): Promise<string> {
    const group = this.#random.pick(this.#groups);
    const hostID = this.#random.pick([...group.members.keys()]);
    await this.#members.replace(group, hostID);
    return `node of group ${group.clusterID} on host ${hostID} replaced by another`;
  }
}
