import { type NormalAddress, normalAddress } from '@drakkar/raftio';

/** Senders remembered for a group beside its members: enough for any leader that adds a node, and a bound for others. */
const MAX_LEARNT_NODES = 64;

/** Where a replica lives. */
export interface Location {
  /** As it was spelled; this is what is dialled. */
  address: string;
  /** What stands for the host, however its address is spelled. */
  host: NormalAddress;
}

interface Group {
  /** What the membership says. */
  members: Map<number, Location>;
  /** What was learnt from messages, oldest first. */
  learnt: Map<number, Location>;
}

/** Where each replica lives: (cluster id, node id) → raft address of its host. */
export class NodeRegistry {
  readonly #groups = new Map<number, Group>();
  readonly #onRemoved: (clusterID: number) => void;
  /** How many members of groups live at a host, by how its address is spelled there. */
  readonly #listed = new Map<NormalAddress, Map<string, number>>();

  /** @param onRemoved told of each group that is removed */
  constructor(onRemoved: (clusterID: number) => void = () => undefined) {
    this.#onRemoved = onRemoved;
  }

  /** Whether a membership names the host; others are known from messages alone, which anybody can send. */
  isListed(host: NormalAddress): boolean {
    return this.#listed.has(host);
  }

  /** Hosts that memberships name. */
  listedHosts(): Iterable<NormalAddress> {
    return this.#listed.keys();
  }

  /** How memberships spell the address of the host. */
  spellingsOf(host: NormalAddress): string[] {
    return [...(this.#listed.get(host)?.keys() ?? [])];
  }

  locationOf(clusterID: number, nodeID: number): Location | undefined {
    const group = this.#groups.get(clusterID);
    return group?.members.get(nodeID) ?? group?.learnt.get(nodeID);
  }

  /** Where a member lives, as memberships say; of others nothing is known. */
  memberAt(clusterID: number, nodeID: number): Location | undefined {
    return this.#groups.get(clusterID)?.members.get(nodeID);
  }

  resolve(clusterID: number, nodeID: number): string | undefined {
    return this.locationOf(clusterID, nodeID)?.address;
  }

  /** Whether a replica lives at the host with that address. */
  livesAt(clusterID: number, nodeID: number, address: string): boolean {
    return this.locationOf(clusterID, nodeID)?.host === normalAddress(address);
  }

  /** Records what the membership says; it outweighs what was learnt from messages. */
  set(clusterID: number, nodeID: number, address: string): void {
    const { members, learnt } = this.#group(clusterID);
    const before = members.get(nodeID);
    learnt.delete(nodeID);
    if (before?.address === address) return;
    const location = locationAt(address);
    members.set(nodeID, location);
    this.#count(location, 1);
    if (before !== undefined) this.#count(before, -1);
  }

  /** Records the sender of a message, so that a node which joins can answer before it has a membership. */
  learn(clusterID: number, nodeID: number, address: string): void {
    const { members, learnt } = this.#group(clusterID);
    if (members.has(nodeID) || learnt.get(nodeID)?.address === address) return;
    learnt.delete(nodeID);
    learnt.set(nodeID, locationAt(address));
    const [oldest] = learnt.keys();
    if (learnt.size > MAX_LEARNT_NODES && oldest !== undefined) learnt.delete(oldest);
  }

  /** The node is no member any more. Where it lived is remembered among the senders: its last messages go there. */
  retire(clusterID: number, nodeID: number): void {
    const members = this.#groups.get(clusterID)?.members;
    const location = members?.get(nodeID);
    if (members === undefined || location === undefined) return;
    members.delete(nodeID);
    this.#count(location, -1);
    this.learn(clusterID, nodeID, location.address);
  }

  removeCluster(clusterID: number): void {
    for (const location of this.#groups.get(clusterID)?.members.values() ?? []) this.#count(location, -1);
    this.#groups.delete(clusterID);
    this.#onRemoved(clusterID);
  }

  #count({ address, host }: Location, change: number): void {
    const spellings = this.#listed.get(host) ?? new Map<string, number>();
    const count = (spellings.get(address) ?? 0) + change;
    if (count > 0) spellings.set(address, count);
    else spellings.delete(address);
    if (spellings.size > 0) this.#listed.set(host, spellings);
    else this.#listed.delete(host);
  }

  #group(clusterID: number): Group {
    let group = this.#groups.get(clusterID);
    if (group === undefined) {
      group = { members: new Map<number, Location>(), learnt: new Map<number, Location>() };
      this.#groups.set(clusterID, group);
    }
    return group;
  }
}

export function locationAt(address: string): Location {
  return { address, host: normalAddress(address) };
}
