import type { Membership } from '@drakkar/raftio';
import type { Handlers, Invariant, Observations } from './observation.js';
import type { Shadows } from './shadows.js';

interface Config {
  index: number;
  text: string;
  voters: ReadonlySet<number>;
}

/**
 * Replicas agree on each membership, and one follows on the other by one voter, so that their quorums overlap. None
 * goes back by more than one at a restart: a change is applied only when it is durable that it is committed.
 */
export class MembershipOverlap implements Invariant {
  readonly name = 'membership overlap';
  /** By group, ascending. */
  readonly #configs = new Map<number, Config[]>();
  /** Index of the group's initial membership. Those before are made while a member's first log is replayed. */
  readonly #initial = new Map<number, number>();

  readonly #shadows: Shadows;

  constructor(shadows: Shadows) {
    this.#shadows = shadows;
  }

  readonly handlers: Handlers = {
    configured: (seen) => this.#configured(seen),
    committed: (seen) => {
      const change = seen.entries.findLast((entry) => entry.isConfigChange === true);
      const { commit } = this.#shadows.of(seen).disk.state;
      if (change === undefined || change.index <= commit) return;
      throw new Error(
        `node ${seen.nodeID} of group ${seen.clusterID} applies the change at ${change.index}; its durable commit index is ${commit}`,
      );
    },
  };

  #configured({ clusterID, nodeID, membership }: Observations['configured']): void {
    const configs = this.#configs.get(clusterID) ?? [];
    this.#configs.set(clusterID, configs);
    const index = membership.configChangeID;
    const initial = this.#initial.get(clusterID) ?? index;
    this.#initial.set(clusterID, initial);
    const at = configs.findIndex((config) => config.index >= index);
    const known = at < 0 ? undefined : configs[at];
    const text = toText(membership);
    const who = `node ${nodeID} of group ${clusterID}`;
    if (known?.index === index) {
      if (known.text !== text) throw new Error(`${who} has ${text} at ${index}, others have ${known.text}`);
      return;
    }
    const config = { index, text, voters: new Set(membership.addresses.keys()) };
    configs.splice(at < 0 ? configs.length : at, 0, config);
    const position = configs.indexOf(config);
    for (const neighbour of [configs[position - 1], configs[position + 1]]) {
      if (neighbour === undefined || Math.min(index, neighbour.index) < initial) continue;
      if (difference(config.voters, neighbour.voters) <= 1) continue;
      throw new Error(`${who}: from ${neighbour.text} to ${text} more than one voter changes at once`);
    }
  }
}

function difference(a: ReadonlySet<number>, b: ReadonlySet<number>): number {
  return [...a].filter((id) => !b.has(id)).length + [...b].filter((id) => !a.has(id)).length;
}

function toText({ addresses, observers, removed }: Membership): string {
  const list = (members: ReadonlyMap<number, unknown>): string =>
    [...members]
      .sort(([a], [b]) => a - b)
      .map(([id, address]) => `${id}=${String(address)}`)
      .join(' ');
  return `[${list(addresses)} | ${list(observers)} | ${[...removed.keys()].sort((a, b) => a - b).join(' ')}]`;
}
