import { CommittedEntries } from './committed-entries.js';
import type { Handlers, Invariant, Observations } from './observation.js';

/** What a replica has seen committed it never overwrites, nor takes a snapshot for, and still has after a restart. */
export class CommittedNeverChanges implements Invariant {
  readonly name = 'committed never changes';
  readonly #committed = new CommittedEntries();
  /** Greatest index that a replica has seen committed. */
  readonly #seen = new Map<string, number>();

  readonly handlers: Handlers = {
    committed: (seen) => {
      for (const entry of seen.entries) this.#committed.note(seen.clusterID, entry, seen.term);
      const last = seen.entries.at(-1)?.index ?? 0;
      this.#seen.set(keyOf(seen), Math.max(last, this.#seen.get(keyOf(seen)) ?? 0));
    },
    appended: (seen) => this.#appended(seen),
    started: (seen) => this.#started(seen),
    lost: (seen) => void this.#seen.delete(keyOf(seen)),
  };

  #appended(seen: Observations['appended']): void {
    const { clusterID, nodeID, entries, snapshot } = seen;
    const committed = this.#committed.of(clusterID);
    const upTo = this.#seen.get(keyOf(seen)) ?? 0;
    if (snapshot !== undefined && snapshot.index <= upTo) {
      throw new Error(
        `node ${nodeID} of group ${clusterID} goes back to a snapshot at ${snapshot.index}; it knows the log to be committed up to ${upTo}`,
      );
    }
    for (const { index, term, digest } of entries) {
      const known = committed.get(index);
      if (known === undefined || (index > upTo && term <= known.inTerm)) continue;
      if (known.term !== term || known.digest !== digest) {
        throw new Error(
          `node ${nodeID} of group ${clusterID} puts an entry of term ${term} in the place of committed entry ${index} of term ${known.term}`,
        );
      }
    }
  }

  #started({ clusterID, nodeID, termRuns, firstIndex, lastIndex, state }: Observations['started']): void {
    const committed = this.#committed.of(clusterID);
    let run = -1;
    for (let index = firstIndex; index <= Math.min(lastIndex, state.commit); index++) {
      while ((termRuns[run + 1]?.index ?? Infinity) <= index) run++;
      const known = committed.get(index);
      const term = termRuns[run]?.term;
      if (known === undefined || term === undefined || known.term === term) continue;
      throw new Error(
        `node ${nodeID} of group ${clusterID} starts with an entry of term ${term} in the place of committed entry ${index} of term ${known.term}`,
      );
    }
  }
}

const keyOf = ({ clusterID, nodeID }: { clusterID: number; nodeID: number }): string =>
  `${clusterID}/${nodeID}`;
