import type { SeenEntry } from './observation.js';

export interface CommittedEntry extends Omit<SeenEntry, 'isConfigChange'> {
  /** A term in which somebody knew it to be committed: that or an earlier one is when it was. */
  inTerm: number;
}

const NONE: ReadonlyMap<number, CommittedEntry> = new Map();

/** What has been seen to be committed, by group. */
export class CommittedEntries {
  readonly #groups = new Map<number, Map<number, CommittedEntry>>();
  readonly #last = new Map<number, number>();

  of(clusterID: number): ReadonlyMap<number, CommittedEntry> {
    return this.#groups.get(clusterID) ?? NONE;
  }

  /** Greatest index; 0 = none. */
  last(clusterID: number): number {
    return this.#last.get(clusterID) ?? 0;
  }

  /** Takes note of an entry; returns what was known of that index before. */
  note(clusterID: number, entry: SeenEntry, inTerm: number): CommittedEntry | undefined {
    let group = this.#groups.get(clusterID);
    if (group === undefined) {
      group = new Map();
      this.#groups.set(clusterID, group);
    }
    const known = group.get(entry.index);
    if (known === undefined) {
      const { index, term, digest } = entry;
      group.set(index, { index, term, digest, inTerm });
      if (index > this.last(clusterID)) this.#last.set(clusterID, index);
    } else if (inTerm < known.inTerm) {
      known.inTerm = inTerm;
    }
    return known;
  }
}
