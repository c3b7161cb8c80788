import type { Handlers, Invariant } from './observation.js';
import type { Shadows } from './shadows.js';

/**
 * A replica applies only entries that are durable in its own log. Else it would answer reads from what a crash may
 * take from it, and, since it is the same index that says what of its log it may count when it leads, commit by
 * entries that it does not have.
 */
export class AppliedWhenDurable implements Invariant {
  readonly name = 'applied only when durable';
  readonly #shadows: Shadows;

  constructor(shadows: Shadows) {
    this.#shadows = shadows;
  }

  readonly handlers: Handlers = {
    committed: (seen) => {
      const { log } = this.#shadows.of(seen).disk;
      const missing = seen.entries.find(({ index, term }) => !log.holds(index, term));
      if (missing === undefined) return;
      throw new Error(
        `node ${seen.nodeID} of group ${seen.clusterID} applies entry ${missing.index} of term ${missing.term}; durable there is ${
          log.last < missing.index ? `the log up to ${log.last}` : `one of term ${log.term(missing.index)}`
        }`,
      );
    },
  };
}
