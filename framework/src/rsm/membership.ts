import {
  type ConfigChange,
  ConfigChangeType,
  type Membership,
  type Uint64,
  emptyMembership,
  isSameAddress,
  normalAddress,
} from '@drakkar/raftio';
import { hash64 } from './hash.js';

/**
 * Which changes a group accepts. All replicas of a group must go by the same rules, for each decides for itself.
 *
 * - `strict`: one node id, one address, in both directions and permanently; the last voting member stays.
 * - `dragonboat`: exactly those of Dragonboat v2.1.7, for a group that a Go NodeHost is a member of. The address of an
 *   added observer is compared with those of observers only, that of an added voting member with those of voting
 *   members only. So it also accepts another address for a member, the address of an observer for a voting member and
 *   the other way round, another address (not used) when an observer is promoted, and the removal of the last voting
 *   member.
 */
export type MembershipRules = 'strict' | 'dragonboat';

export interface MembershipOptions {
  /** OrderedConfigChange: a change must name the membership that it was made for. */
  ordered: boolean;
  rules: MembershipRules;
}

/** The members of a group as its applied log says. Changed by log entries only, so it is the same on all replicas. */
export class MembershipTracker {
  readonly #options: MembershipOptions;
  #members: Membership = emptyMembership();

  constructor(options: MembershipOptions) {
    this.#options = { ...options };
  }

  /** Whether a change must name the membership that it was made for, from now on. */
  setOrdered(ordered: boolean): void {
    this.#options.ordered = ordered;
  }

  /** A copy. */
  get(): Membership {
    return copyMembership(this.#members);
  }

  set(membership: Membership): void {
    this.#members = copyMembership(membership);
  }

  /**
   * Makes a change, unless it is against the rules.
   *
   * @param index log index of the change, the new configChangeID
   * @param level feature level of the group: from 1 on, strict rules know an address however it is spelled
   * @returns why the change is refused; `undefined` when it was made
   */
  handle(change: ConfigChange, index: number, level: number): string | undefined {
    const refusal = this.#refusal(change, level > 0 ? isSpelledOrSame : isSpelledSame);
    if (refusal === undefined) this.#apply(change, index);
    return refusal;
  }

  /**
   * Equal on replicas with equal members, addresses, observers, removed nodes and configChangeID.
   *
   * @param others what is hashed with them
   */
  getHash(...others: readonly (number | boolean)[]): Uint64 {
    return hashOf(this.#members, others);
  }

  /** As `getHash`, and equal too where the same addresses are spelled otherwise. */
  getNormalHash(...rest: readonly (number | boolean)[]): Uint64 {
    const { addresses, observers, ...others } = this.#members;
    const normal = (nodes: ReadonlyMap<number, string>): Map<number, string> =>
      new Map([...nodes].map(([nodeID, address]) => [nodeID, normalAddress(address)]));
    return hashOf({ ...others, addresses: normal(addresses), observers: normal(observers) }, rest);
  }

  #refusal(change: ConfigChange, isSame: Comparison): string | undefined {
    const { configChangeID, removed } = this.#members;
    if (change.type === ConfigChangeType.RaiseLevel || change.type === ConfigChangeType.SetSettings)
      return 'it does not concern the members';
    if (this.#options.ordered && !change.initialize && change.configChangeID !== configChangeID) {
      return `it was made for configChangeID ${change.configChangeID}, but the membership is of ${configChangeID}`;
    }
    if (change.type !== ConfigChangeType.RemoveNode && removed.has(change.nodeID)) {
      return `node ${change.nodeID} was removed; a node id is never used again`;
    }
    return this.#options.rules === 'strict'
      ? this.#strictRefusal(change, isSame)
      : this.#dragonboatRefusal(change);
  }

  #strictRefusal(change: ConfigChange, isSame: Comparison): string | undefined {
    const { type, nodeID, address } = change;
    const { addresses, observers } = this.#members;
    if (type === ConfigChangeType.RemoveNode) {
      const isLast = addresses.size === 1 && addresses.has(nodeID);
      return isLast ? `node ${nodeID} is the last voting member` : undefined;
    }
    if (nodeID === 0 || address.trim() === '') return 'a node needs a node id above 0 and an address';
    if (addresses.has(nodeID)) return `node ${nodeID} is a voting member already`;
    const observerAddress = observers.get(nodeID);
    if (observerAddress !== undefined) {
      if (type === ConfigChangeType.AddObserver) return `node ${nodeID} is an observer already`;
      return isSame(address, observerAddress)
        ? undefined
        : `observer ${nodeID} has the address ${observerAddress}, it can't be promoted under ${address}`;
    }
    const holder = holderOf(address, addresses, isSame) ?? holderOf(address, observers, isSame);
    return holder === undefined ? undefined : addressTaken(address, holder);
  }

  #dragonboatRefusal({ type, nodeID, address }: ConfigChange): string | undefined {
    const { addresses, observers } = this.#members;
    if (type === ConfigChangeType.RemoveNode) return undefined;
    const isObserver = type === ConfigChangeType.AddObserver;
    if (isObserver && addresses.has(nodeID)) return `node ${nodeID} is a voting member already`;
    const holder = holderOf(address, isObserver ? observers : addresses, isSpelledSame);
    return holder === undefined ? undefined : addressTaken(address, holder);
  }

  #apply({ type, nodeID, address }: ConfigChange, index: number): void {
    const { addresses, observers, removed } = this.#members;
    this.#members.configChangeID = index;
    switch (type) {
      case ConfigChangeType.AddNode:
        addresses.set(nodeID, observers.get(nodeID) ?? address);
        observers.delete(nodeID);
        break;
      case ConfigChangeType.AddObserver:
        observers.set(nodeID, address);
        break;
      case ConfigChangeType.RemoveNode:
        addresses.delete(nodeID);
        observers.delete(nodeID);
        removed.set(nodeID, true);
        break;
      case ConfigChangeType.RaiseLevel:
      case ConfigChangeType.SetSettings:
        break; // refused before
    }
  }
}

function copyMembership({ configChangeID, addresses, removed, observers }: Membership): Membership {
  return {
    configChangeID,
    addresses: new Map(addresses),
    removed: new Map(removed),
    observers: new Map(observers),
  };
}

function hashOf(
  { configChangeID, addresses, observers, removed }: Membership,
  others: readonly (number | boolean)[],
): Uint64 {
  const parts = [addresses, observers].map((nodes) => [...nodes].sort(([a], [b]) => a - b));
  const gone = [...removed.keys()].sort((a, b) => a - b);
  return hash64(JSON.stringify([configChangeID, ...parts, gone, ...others]));
}

type Comparison = (a: string, b: string) => boolean;

/** As Dragonboat compares addresses, and this project at level 0. */
function isSpelledSame(a: string, b: string): boolean {
  return a.trim().toLowerCase() === b.trim().toLowerCase();
}

/** Each host has spelled the first members in its own way, and must not come to another answer for that. */
function isSpelledOrSame(a: string, b: string): boolean {
  return isSpelledSame(a, b) || isSameAddress(a, b);
}

function addressTaken(address: string, holder: number): string {
  return `${address} is the address of node ${holder}; remove that node first, or use another address`;
}

function holderOf(
  address: string,
  nodes: ReadonlyMap<number, string>,
  isSame: Comparison,
): number | undefined {
  for (const [nodeID, held] of nodes) {
    if (isSame(address, held)) return nodeID;
  }
  return undefined;
}
