import type { ClusterConfigInput } from '@drakkar/framework';
import type { Dice } from '../world/dice.js';
import { type ReplicaPlan, clusterConfig } from './replica-plan.js';

/**
 * What the configuration of one host says of its replicas: now and then something else than their groups have in their
 * logs, where it means nothing. That is so once the replica has applied the entry that put it there, and for one that
 * joins such a group.
 */
export class OtherConfigurations {
  readonly #dice: Dice;
  /** Replicas that have applied that entry. */
  readonly #raised = new Set<string>();
  /** Others that were configured otherwise from the beginning. */
  readonly #joinedSo = new Map<string, boolean>();

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  raised(clusterID: number, nodeID: number): void {
    this.#raised.add(keyOf(clusterID, nodeID));
  }

  /** @param isGroupRaised some replica of the group has applied that entry */
  of(plan: ReplicaPlan, isGroupRaised: boolean): ClusterConfigInput {
    const config = clusterConfig(plan);
    return this.#isOther(plan, isGroupRaised)
      ? { ...config, orderedConfigChange: config.orderedConfigChange !== true }
      : config;
  }

  #isOther({ group, nodeID, initialMembers }: ReplicaPlan, isGroupRaised: boolean): boolean {
    const key = keyOf(group.clusterID, nodeID);
    if (this.#raised.has(key)) return this.#dice.chance(0.5);
    const before = this.#joinedSo.get(key);
    if (before !== undefined) return before;
    const isOther = initialMembers.size === 0 && isGroupRaised && this.#dice.chance(0.5);
    this.#joinedSo.set(key, isOther);
    return isOther;
  }
}

function keyOf(clusterID: number, nodeID: number): string {
  return `${clusterID}/${nodeID}`;
}
