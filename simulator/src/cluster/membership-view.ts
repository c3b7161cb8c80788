import type { Membership } from '@drakkar/raftio';

export interface Change {
  kind: 'add' | 'addObserver' | 'promote' | 'remove';
  nodeID: number;
  address: string;
}

/** Whether `change` shows in the membership. */
export function isVisible({ kind, nodeID }: Change, membership: Membership): boolean {
  const { addresses, observers, removed } = membership;
  if (kind === 'remove') return removed.has(nodeID);
  return addresses.has(nodeID) || (kind === 'addObserver' && observers.has(nodeID));
}

/** What an operator knows of the members of a group: the newest membership seen, and the change under way, if any. */
export class MembershipView {
  #newest: Membership | undefined;
  /** Its outcome is not known yet. */
  underWay: Change | undefined;

  see(membership: Membership): void {
    if (this.#newest === undefined || membership.configChangeID > this.#newest.configChangeID) {
      this.#newest = membership;
    }
  }

  get newest(): Membership | undefined {
    return this.#newest;
  }

  isVoter(nodeID: number): boolean {
    return this.#newest?.addresses.has(nodeID) === true;
  }

  isMember(nodeID: number): boolean {
    return this.isVoter(nodeID) || this.#newest?.observers.has(nodeID) === true;
  }

  /** Whether `change` shows in the newest membership. */
  shows(change: Change): boolean {
    return this.#newest !== undefined && isVisible(change, this.#newest);
  }

  /**
   * Whether a quorum is left without those that `isLost` tells of, whatever becomes of the change under way, and of
   * `next` if that is begun too.
   */
  survives(isLost: (nodeID: number) => boolean, next?: Change): boolean {
    if (this.#newest === undefined) return false;
    let outcomes: ReadonlySet<number>[] = [new Set(this.#newest.addresses.keys())];
    for (const change of [this.underWay, next]) {
      if (change !== undefined) outcomes = outcomes.flatMap((voters) => [voters, after(voters, change)]);
    }
    return outcomes.every((voters) => {
      const present = [...voters].filter((nodeID) => !isLost(nodeID)).length;
      return present > voters.size / 2;
    });
  }
}

function after(voters: ReadonlySet<number>, { kind, nodeID }: Change): ReadonlySet<number> {
  if (kind === 'remove') return new Set([...voters].filter((voter) => voter !== nodeID));
  return kind === 'addObserver' ? voters : new Set([...voters, nodeID]);
}
