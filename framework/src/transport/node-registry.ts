/** Senders remembered for a group beside its members: enough for any leader that adds a node, and a bound for others. */
const MAX_LEARNT_NODES = 64;

interface Group {
  /** What the membership says. */
  members: Map<number, string>;
  /** What was learnt from messages, oldest first. */
  learnt: Map<number, string>;
}

/** Where each replica lives: (cluster id, node id) → raft address of its host. */
export class NodeRegistry {
  readonly #groups = new Map<number, Group>();
  /** How many members of groups live at an address. */
  readonly #listed = new Map<string, number>();

  /** Whether a membership names the address; others are known from messages alone, which anybody can send. */
  isListed(address: string): boolean {
    return this.#listed.has(address);
  }

  resolve(clusterID: number, nodeID: number): string | undefined {
    const group = this.#groups.get(clusterID);
    return group?.members.get(nodeID) ?? group?.learnt.get(nodeID);
  }

  /** Records what the membership says; it outweighs what was learnt from messages. */
  set(clusterID: number, nodeID: number, address: string): void {
    const { members, learnt } = this.#group(clusterID);
    const before = members.get(nodeID);
    if (before !== address) {
      if (before !== undefined) this.#count(before, -1);
      this.#count(address, 1);
    }
    members.set(nodeID, address);
    learnt.delete(nodeID);
  }

  /** Records the sender of a message, so that a node which joins can answer before it has a membership. */
  learn(clusterID: number, nodeID: number, address: string): void {
    const { members, learnt } = this.#group(clusterID);
    if (members.has(nodeID) || learnt.get(nodeID) === address) return;
    learnt.delete(nodeID);
    learnt.set(nodeID, address);
    const [oldest] = learnt.keys();
    if (learnt.size > MAX_LEARNT_NODES && oldest !== undefined) learnt.delete(oldest);
  }

  removeCluster(clusterID: number): void {
    for (const address of this.#groups.get(clusterID)?.members.values() ?? []) this.#count(address, -1);
    this.#groups.delete(clusterID);
  }

  #count(address: string, change: number): void {
    const count = (this.#listed.get(address) ?? 0) + change;
    if (count > 0) this.#listed.set(address, count);
    else this.#listed.delete(address);
  }

  #group(clusterID: number): Group {
    let group = this.#groups.get(clusterID);
    if (group === undefined) {
      group = { members: new Map<number, string>(), learnt: new Map<number, string>() };
      this.#groups.set(clusterID, group);
    }
    return group;
  }
}
