import { type Handlers, type Invariant, type Observations } from './observation.js';
import type { ShadowDisk } from './shadow-log.js';
import type { Shadows } from './shadows.js';

/**
 * A term, a vote and what else was durable is never forgotten: hard states only go forward, and a replica starts with
 * exactly what it had saved, whole saves and in their order; of those that a crash interrupted, some first ones. A save
 * is one piece of the log.
 */
export class DurablePromises implements Invariant {
  readonly name = 'term and vote never forgotten';
  readonly #shadows: Shadows;

  constructor(shadows: Shadows) {
    this.#shadows = shadows;
  }

  readonly handlers: Handlers = {
    saving: (seen) => this.#saving(seen),
    started: (seen) => {
      const { clusterID, nodeID } = seen;
      if (this.#shadows.matchStart(seen) !== undefined) return;
      const { state, lastIndex, snapshotIndex } = seen;
      throw new Error(
        `node ${nodeID} of group ${clusterID} starts with term ${state.term}, vote ${state.vote}, commit ${state.commit}, ` +
          `snapshot ${snapshotIndex}, log up to ${lastIndex}; durable were ${describe(this.#shadows.of(seen).disk)}`,
      );
    },
  };

  #saving(seen: Observations['saving']): void {
    const { clusterID, nodeID, state } = seen;
    checkEntries(seen);
    if (state === undefined) return;
    const shadow = this.#shadows.of(seen);
    const before = shadow.saving.findLast((saved) => saved.state !== undefined)?.state ?? shadow.disk.state;
    const isOtherVote = state.term === before.term && before.vote !== 0 && state.vote !== before.vote;
    if (state.term < before.term || isOtherVote) {
      throw new Error(
        `node ${nodeID} of group ${clusterID} saves term ${state.term}, vote ${state.vote} after term ${before.term}, vote ${before.vote}`,
      );
    }
    if (state.commit < before.commit) {
      throw new Error(
        `node ${nodeID} of group ${clusterID} saves commit ${state.commit} after ${before.commit}`,
      );
    }
  }
}

/** What is saved in one go is one piece: nothing of the log that a snapshot replaces goes along with it. */
function checkEntries({ clusterID, nodeID, snapshot, entries }: Observations['saving']): void {
  let before = snapshot?.index ?? (entries[0]?.index ?? 1) - 1;
  for (const { index } of entries) {
    if (index !== before + 1) {
      throw new Error(
        `node ${nodeID} of group ${clusterID} saves entry ${index} after ${before}${snapshot === undefined ? '' : ' along with a snapshot'}`,
      );
    }
    before = index;
  }
}

function describe({ state, log }: ShadowDisk): string {
  return `term ${state.term}, vote ${state.vote}, commit ${state.commit}, snapshot ${log.base}, log up to ${log.last}`;
}
