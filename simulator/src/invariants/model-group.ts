import {
  ConfigChangeType,
  EntryType,
  type GroupSettings,
  type Membership,
  NOOP_SERIES_ID,
  NOT_SESSION_MANAGED_CLIENT_ID,
  REGISTER_SERIES_ID,
  UNREGISTER_SERIES_ID,
  decodeConfigChange,
  isSameAddress,
  normalAddress,
} from '@drakkar/raftio';
import type { FullEntry } from './observation.js';

type Uint64 = number | bigint;

interface ModelSession {
  respondedTo: Uint64;
  readonly answered: Set<Uint64>;
}

export interface GroupRules {
  maxSessionCount: number;
  orderedConfigChange: boolean;
}

/**
 * A group as its log says that it is: which commands have had an effect, and who its members are. Written from the
 * documents, in the plainest way, to be compared with what replicas make of the same log.
 */
export class ModelGroup {
  /** Index of the last entry of the log that it has taken. */
  index: number;
  readonly #rules: GroupRules;
  #isRaised = false;
  /** Least recently used first. */
  readonly #sessions = new Map<Uint64, ModelSession>();
  #position = 0;
  /** By index, from `#first` on: commands that have had an effect. */
  readonly #positions: number[] = [];
  readonly #first: number;
  #membership: Membership;
  /** By the index of the change that made it. */
  readonly memberships = new Map<number, string>();

  constructor(rules: GroupRules, index: number, membership: Membership) {
    this.#rules = { ...rules };
    this.index = index;
    this.#first = index + 1;
    this.#membership = membership;
    this.memberships.set(membership.configChangeID, toText(membership));
  }

  /** Commands that have had an effect up to `index`; `undefined`: not known. */
  positionAt(index: number): number | undefined {
    return this.#positions[index - this.#first];
  }

  /** Takes the next entry. */
  take(entry: FullEntry): void {
    this.index = entry.index;
    if (entry.type === EntryType.ConfigChangeEntry) this.#change(entry);
    else if (this.#hasEffect(entry)) this.#position += 1;
    this.#positions.push(this.#position);
  }

  #hasEffect({ clientID, seriesID, respondedTo }: FullEntry): boolean {
    if (clientID === NOT_SESSION_MANAGED_CLIENT_ID) return false;
    if (seriesID === NOOP_SERIES_ID) return true;
    if (seriesID === UNREGISTER_SERIES_ID) {
      this.#sessions.delete(clientID);
      return false;
    }
    const known = this.#sessions.get(clientID);
    if (known === undefined && seriesID !== REGISTER_SERIES_ID) return false;
    const session = known ?? { respondedTo: 0, answered: new Set<Uint64>() };
    // The end of a Map is what was put there last: who is used last.
    this.#sessions.delete(clientID);
    this.#sessions.set(clientID, session);
    this.#evict();
    if (seriesID === REGISTER_SERIES_ID) return false;
    if (respondedTo > session.respondedTo) session.respondedTo = respondedTo;
    if (seriesID <= session.respondedTo || session.answered.has(seriesID)) return false;
    session.answered.add(seriesID);
    return true;
  }

  #evict(): void {
    for (const [clientID] of this.#sessions) {
      if (this.#sessions.size <= this.#rules.maxSessionCount) return;
      this.#sessions.delete(clientID);
    }
  }

  /** They begin with the entry that raises the level; what such an entry does not name stays as it is. */
  #set({ orderedConfigChange, lruMaxSessionCount }: Partial<GroupSettings>): void {
    this.#isRaised = true;
    this.#rules.orderedConfigChange = orderedConfigChange ?? this.#rules.orderedConfigChange;
    this.#rules.maxSessionCount = lruMaxSessionCount ?? this.#rules.maxSessionCount;
    this.#evict();
  }

  #change({ index, cmd }: FullEntry): void {
    if (cmd === undefined) return;
    const { type, nodeID, address, configChangeID, initialize, settings = {} } = decodeConfigChange(cmd);
    if (type === ConfigChangeType.RaiseLevel) {
      if (!this.#isRaised) this.#set(settings);
      return;
    }
    if (type === ConfigChangeType.SetSettings) {
      this.#set(settings);
      return;
    }
    const { addresses, observers, removed } = this.#membership;
    const isStale = configChangeID !== this.#membership.configChangeID;
    if (this.#rules.orderedConfigChange && initialize !== true && isStale) return;
    const isRemoval = type === ConfigChangeType.RemoveNode;
    const isLastVoter = addresses.size === 1 && addresses.has(nodeID);
    if (isRemoval ? isLastVoter : removed.has(nodeID) || addresses.has(nodeID)) return;
    const now = {
      configChangeID: index,
      addresses: new Map(addresses),
      observers: new Map(observers),
      removed: new Map(removed),
    };
    if (!isRemoval) {
      const known = observers.get(nodeID);
      if (known === undefined ? this.#isTaken(address) : !this.#isSame(known, address)) return;
      if (known !== undefined && type === ConfigChangeType.AddObserver) return;
    }
    now.addresses.delete(nodeID);
    now.observers.delete(nodeID);
    if (isRemoval) now.removed.set(nodeID, true);
    else if (type === ConfigChangeType.AddObserver) now.observers.set(nodeID, address);
    else now.addresses.set(nodeID, address);
    this.#membership = now;
    this.memberships.set(index, toText(now));
  }

  #isTaken(address: string): boolean {
    const { addresses, observers } = this.#membership;
    return [...addresses.values(), ...observers.values()].some((each) => this.#isSame(each, address));
  }

  /** Before its level is raised, a group knows an address again only as it was written, but for case and blanks. */
  #isSame(one: string, other: string): boolean {
    return this.#isRaised ? isSameAddress(one, other) : plain(one) === plain(other);
  }
}

const plain = (address: string): string => address.trim().toLowerCase();

/** Equal for equal memberships, however their addresses are spelled. */
export function toText({ addresses, observers, removed }: Membership): string {
  const list = (members: ReadonlyMap<number, string>): string =>
    [...members]
      .sort(([a], [b]) => a - b)
      .map(([id, address]) => `${id}=${normalAddress(address)}`)
      .join(' ');
  const gone = [...removed.keys()].sort((a, b) => a - b).join(' ');
  return `[${list(addresses)} | ${list(observers)} | ${gone}]`;
}
