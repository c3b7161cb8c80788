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

  resolve(clusterID: number, nodeID: number): string | undefined {
    const group = this.#groups.get(clusterID);
    return group?.members.get(nodeID) ?? group?.learnt.get(nodeID);
  }

  /** Records what the membership says; it outweighs what was learnt from messages. */
  set(clusterID: number, nodeID: number, address: string): void {
    const { members, learnt } = this.#group(clusterID);
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
    this.#groups.delete(clusterID);
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
