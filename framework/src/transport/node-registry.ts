/** Where each replica lives: (cluster id, node id) → raft address of its host. */
export class NodeRegistry {
  readonly #clusters = new Map<number, Map<number, string>>();

  resolve(clusterID: number, nodeID: number): string | undefined {
    return this.#clusters.get(clusterID)?.get(nodeID);
  }

  /** Records what the membership says; it outweighs what was learnt from messages. */
  set(clusterID: number, nodeID: number, address: string): void {
    let nodes = this.#clusters.get(clusterID);
    if (nodes === undefined) this.#clusters.set(clusterID, (nodes = new Map<number, string>()));
    nodes.set(nodeID, address);
  }

  /** Records the sender of a message, so that a node which joins can answer before it has a membership. */
  learn(clusterID: number, nodeID: number, address: string): void {
    if (this.resolve(clusterID, nodeID) === undefined) this.set(clusterID, nodeID, address);
  }

  remove(clusterID: number, nodeID: number): void {
    this.#clusters.get(clusterID)?.delete(nodeID);
  }

  removeCluster(clusterID: number): void {
    this.#clusters.delete(clusterID);
  }
}
