import type { Handlers, Invariant, Observations, SeenEntry } from './observation.js';
import type { Shadows } from './shadows.js';

interface Known {
  digest: number;
  /** Term of the entry before it, where that is known. */
  before: number | undefined;
}

/**
 * If two logs have an entry of the same index and term, they are the same up to there (paper, figure 3). It is enough
 * that such entries are equal and follow on entries of the same term: the rest follows by induction.
 */
export class LogMatching implements Invariant {
  readonly name = 'log matching';
  readonly #shadows: Shadows;
  readonly #known = new Map<string, Known>();

  constructor(shadows: Shadows) {
    this.#shadows = shadows;
  }

  readonly handlers: Handlers = { appended: (seen) => this.#appended(seen) };

  #appended(seen: Observations['appended']): void {
    const { snapshot, entries } = seen;
    const first = entries[0];
    if (first === undefined) return;
    let before =
      snapshot?.index === first.index - 1 ? snapshot.term : this.#shadows.of(seen).log.term(first.index - 1);
    for (const entry of entries) {
      this.#compare(seen, entry, before);
      before = entry.term;
    }
  }

  #compare(
    { clusterID, nodeID }: Observations['appended'],
    entry: SeenEntry,
    before: number | undefined,
  ): void {
    const { index, term, digest } = entry;
    if (before !== undefined && before > term) {
      throw new Error(
        `node ${nodeID} of group ${clusterID}: entry ${index} is of term ${term}, after one of ${before}`,
      );
    }
    const key = `${clusterID}/${index}/${term}`;
    const known = this.#known.get(key);
    if (known === undefined) {
      this.#known.set(key, { digest, before });
      return;
    }
    if (known.digest !== digest) {
      throw new Error(
        `node ${nodeID} of group ${clusterID} has another entry ${index} of term ${term} than others`,
      );
    }
    if (known.before !== undefined && before !== undefined && known.before !== before) {
      throw new Error(
        `node ${nodeID} of group ${clusterID}: entry ${index} of term ${term} follows on term ${before}, elsewhere on ${known.before}`,
      );
    }
    known.before ??= before;
  }
}
