import { MessageType } from '@drakkar/raftio';
import { type Handlers, type Invariant, type Observations, nameOfReplica } from './observation.js';
import type { Shadows } from './shadows.js';

/** What a follower acknowledges to a leader is, durably, that leader's entry: it may be counted for it. */
export class AcknowledgedEntries implements Invariant {
  readonly name = 'acknowledged entries';
  readonly #shadows: Shadows;
  /** Term that a replica leads. */
  readonly #leading = new Map<string, number>();

  constructor(shadows: Shadows) {
    this.#shadows = shadows;
  }

  readonly handlers: Handlers = {
    started: (seen) => void this.#leading.delete(nameOfReplica(seen)),
    commitKnown: (seen) => {
      if (seen.isLeader) this.#leading.set(nameOfReplica(seen), seen.term);
      else this.#leading.delete(nameOfReplica(seen));
    },
    sent: (seen) => this.#sent(seen),
  };

  #sent(seen: Observations['sent']): void {
    const { clusterID, nodeID, message } = seen;
    const { type, reject, term, to, logIndex } = message;
    if (type !== MessageType.ReplicateResp || reject) return;
    const leader = { clusterID, nodeID: to };
    if (this.#leading.get(nameOfReplica(leader)) !== term) return;
    const wanted = this.#shadows.of(leader).log.term(logIndex);
    const { log } = this.#shadows.of(seen).disk;
    if (wanted === undefined || log.holds(logIndex, wanted)) return;
    throw new Error(
      `node ${nodeID} of group ${clusterID} acknowledges entry ${logIndex} to leader ${to} of term ${term}, which has one of term ${wanted} there; durable is ${log.term(logIndex) ?? 'none'}`,
    );
  }
}
