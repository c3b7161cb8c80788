import { CommittedEntries } from './committed-entries.js';
import type { Handlers, Invariant, Observations } from './observation.js';
import type { Shadows } from './shadows.js';

/** An entry that is committed in a term is in the logs of the leaders of all later terms (paper, figure 3). */
export class LeaderCompleteness implements Invariant {
  readonly name = 'leader completeness';
  readonly #shadows: Shadows;
  readonly #committed = new CommittedEntries();

  constructor(shadows: Shadows) {
    this.#shadows = shadows;
  }

  readonly handlers: Handlers = {
    elected: (seen) => this.#elected(seen),
    committed: (seen) => this.#newlyCommitted(seen),
  };

  #elected(seen: Observations['elected']): void {
    const { clusterID, nodeID, term } = seen;
    const { log } = this.#shadows.of(seen);
    // Logs match, so one that has the last of them has all.
    for (let index = this.#committed.last(clusterID); index > log.base; index--) {
      const entry = this.#committed.of(clusterID).get(index);
      if (entry === undefined || entry.inTerm >= term) continue;
      if (!log.holds(index, entry.term)) {
        throw new Error(
          `node ${nodeID} of group ${clusterID} leads in term ${term} without entry ${index}, committed by term ${entry.inTerm}`,
        );
      }
      return;
    }
  }

  #newlyCommitted({ clusterID, entries, term }: Observations['committed']): void {
    for (const entry of entries) {
      if (this.#committed.note(clusterID, entry, term) !== undefined) continue;
      for (const [nodeID, { leads, log }] of this.#shadows.ofGroup(clusterID)) {
        if (leads <= term || log.holds(entry.index, entry.term)) continue;
        throw new Error(
          `entry ${entry.index} of group ${clusterID} is committed by term ${term}, but node ${nodeID}, which leads in term ${leads}, lacks it`,
        );
      }
    }
  }
}
