import type { Bootstrap, ILogDB, NodeInfo } from '@drakkar/raftio';

/** What the LogDB records of how a replica came to be on its host, of its group's identity, and of what it has lost. */
export class BootstrapRecord {
  readonly #logDB: ILogDB;
  readonly #who: NodeInfo;
  #current: Bootstrap;

  constructor(logDB: ILogDB, { clusterID, nodeID }: NodeInfo, current: Bootstrap) {
    this.#logDB = logDB;
    this.#who = { clusterID, nodeID };
    this.#current = current;
  }

  /** Resolves when the change is durable. Changes that overlap are saved in the order of the calls. */
  async change(fields: Partial<Bootstrap>): Promise<void> {
    this.#current = { ...this.#current, ...fields };
    await this.#logDB.saveBootstrapInfo(this.#who.clusterID, this.#who.nodeID, this.#current);
  }
}
