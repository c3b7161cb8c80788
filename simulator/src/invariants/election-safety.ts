import { MessageType } from '@drakkar/raftio';
import type { Handlers, Invariant } from './observation.js';

/** At most one leader in a term (paper, figure 3). */
export class ElectionSafety implements Invariant {
  readonly name = 'election safety';
  readonly #leaders = new Map<string, number>();

  readonly handlers: Handlers = {
    elected: ({ clusterID, nodeID, term }) => this.#leads(clusterID, nodeID, term),
    sent: ({ clusterID, nodeID, message: { type, term } }) => {
      // Only a leader says this.
      if (term > 0 && (type === MessageType.Replicate || type === MessageType.Heartbeat)) {
        this.#leads(clusterID, nodeID, term);
      }
    },
  };

  #leads(clusterID: number, nodeID: number, term: number): void {
    const key = `${clusterID}/${term}`;
    const other = this.#leaders.get(key);
    if (other === undefined) this.#leaders.set(key, nodeID);
    else if (other !== nodeID) {
      throw new Error(`nodes ${other} and ${nodeID} of group ${clusterID} both lead in term ${term}`);
    }
  }
}
