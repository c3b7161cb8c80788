import type { Membership } from '@drakkar/raftio';
import type { Change } from '../cluster/membership-view.js';
import { isVisible } from '../cluster/membership-view.js';
import type { Claim, Handlers, Invariant } from './observation.js';

interface ClaimedNone {
  claim: Claim;
  change: Change | undefined;
}

/**
 * What errors claim: an operation of which one says that it had no effect has none, before or after, until it is
 * attempted again; a read never may have one; and nobody is sent back to a replica that was removed.
 */
export class Claims implements Invariant {
  readonly name = 'claims of errors';
  readonly #effects = new Set<string>();
  readonly #claimed = new Map<string, ClaimedNone>();
  readonly #memberships = new Map<number, Membership>();

  readonly handlers: Handlers = {
    attempted: ({ clusterID, what }) => {
      this.#claimed.delete(`${clusterID}/${what}`);
    },
    claimed: (claim) => {
      const { clusterID, what, operation, effect, retry, isRemoved, change } = claim;
      if (operation === 'read' && effect !== 'none')
        throw new Error(`${nameOf(claim)} may have had an effect`);
      if (isRemoved && retry === 'here') {
        throw new Error(`${nameOf(claim)} is to be retried at a replica that was removed`);
      }
      if (effect !== 'none') return;
      const key = `${clusterID}/${what}`;
      if (this.#effects.has(key)) throw new Error(`${nameOf(claim)} had no effect, but it had`);
      this.#claimed.set(key, { claim, change });
      this.#checkChange({ claim, change });
    },
    updated: ({ clusterID, command }) => this.#happened(`${clusterID}/${command}`),
    committed: ({ clusterID, entries }) => {
      for (const { registers } of entries) {
        if (registers !== undefined) this.#happened(`${clusterID}/session ${registers}`);
      }
    },
    configured: ({ clusterID, membership }) => {
      const newest = this.#memberships.get(clusterID);
      if (newest !== undefined && newest.configChangeID >= membership.configChangeID) return;
      this.#memberships.set(clusterID, membership);
      for (const claimed of this.#claimed.values()) this.#checkChange(claimed);
    },
  };

  #happened(key: string): void {
    this.#effects.add(key);
    const claimed = this.#claimed.get(key);
    if (claimed !== undefined) throw new Error(`${nameOf(claimed.claim)} had no effect, but it has`);
  }

  #checkChange({ claim, change }: ClaimedNone): void {
    const membership = this.#memberships.get(claim.clusterID);
    if (change === undefined || membership === undefined || !isVisible(change, membership)) return;
    throw new Error(`${nameOf(claim)} had no effect, but node ${change.nodeID} is changed so`);
  }
}

const nameOf = ({ clusterID, what, operation, code }: Claim): string =>
  `${code} says that the ${operation} ${what} of group ${clusterID}`;
