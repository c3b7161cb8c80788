import { MessageType } from '@drakkar/raftio';
import {
  type CoreChange,
  type Handlers,
  type Invariant,
  type Observations,
  type ReplicaName,
  nameOfReplica,
} from './observation.js';
import type { Shadows } from './shadows.js';

/**
 * A leader that hands over takes no proposals, or its successor would never catch up, and orders the campaign when that
 * one has, durably, everything that is in its own log (thesis 3.10).
 */
export class Transfers implements Invariant {
  readonly name = 'leadership transfer';
  readonly #shadows: Shadows;
  /** Where the log of a leader ends that hands over, or did last. */
  readonly #last = new Map<string, number>();

  constructor(shadows: Shadows) {
    this.#shadows = shadows;
  }

  readonly handlers: Handlers = {
    transferAsked: (seen) => this.#note(seen),
    ticked: (seen) => this.#note(seen),
    stepped: (seen) => {
      if (seen.message.type === MessageType.Propose) this.#judgeProposal(seen);
      this.#note(seen);
    },
    proposed: (seen) => this.#judgeProposal(seen),
    sent: (seen) => this.#sent(seen),
  };

  #note(seen: ReplicaName & CoreChange): void {
    const { before, after } = seen;
    if (after.role !== 'leader' || before.leaderTransferTarget + after.leaderTransferTarget === 0) return;
    this.#last.set(nameOfReplica(seen), after.lastIndex);
  }

  #judgeProposal({ clusterID, nodeID, before, after }: ReplicaName & CoreChange): void {
    if (before.role !== 'leader' || before.leaderTransferTarget === 0) return;
    if (after.lastIndex === before.lastIndex) return;
    throw new Error(
      `node ${nodeID} of group ${clusterID} takes proposals while it hands over to node ${before.leaderTransferTarget}`,
    );
  }

  #sent(seen: Observations['sent']): void {
    const { clusterID, nodeID, message } = seen;
    if (message.type !== MessageType.TimeoutNow) return;
    const last = this.#last.get(nameOfReplica(seen)) ?? 0;
    // A disk that was lost since does not make what was acknowledged before untrue.
    const held = this.#shadows.lastHeld({ clusterID, nodeID: message.to });
    if (held >= last) return;
    throw new Error(
      `node ${nodeID} of group ${clusterID} hands over to node ${message.to}, whose log ends at ${held}, its own at ${last}`,
    );
  }
}
