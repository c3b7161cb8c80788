import {
  type Handlers,
  type Invariant,
  type Observations,
  type ReplicaName,
  type SeenEntry,
  nameOfReplica,
} from './observation.js';
import type { Shadows } from './shadows.js';

/**
 * A leader appends a membership change only when every earlier one in its log is committed (thesis 4.1), and an entry
 * of its own term too: without that, one of an earlier leader may still be committed behind its back (the erratum to
 * the thesis).
 */
export class OneChangeAtATime implements Invariant {
  readonly name = 'one change at a time';
  readonly #shadows: Shadows;
  /** Changes that were seen in some log: the leader's is the first, but for those that a group is made with. */
  readonly #known = new Set<string>();
  /** Just appended, by replica; how far the log is committed is told next. */
  readonly #toJudge = new Map<string, SeenEntry[]>();

  constructor(shadows: Shadows) {
    this.#shadows = shadows;
  }

  readonly handlers: Handlers = {
    appended: (seen) => this.#appended(seen),
    // A group's first log is saved before there is a core.
    saving: (seen) => void this.#takeNew(seen.clusterID, seen.entries),
    commitKnown: (seen) => {
      const name = nameOfReplica(seen);
      const changes = this.#toJudge.get(name);
      if (changes === undefined) return;
      this.#toJudge.delete(name);
      for (const change of changes) this.#judge(seen, change, seen.index);
    },
  };

  #appended(seen: Observations['appended']): void {
    const changes = this.#takeNew(seen.clusterID, seen.entries);
    if (changes.length > 0) this.#toJudge.set(nameOfReplica(seen), changes);
  }

  #takeNew(clusterID: number, entries: readonly SeenEntry[]): SeenEntry[] {
    return entries.filter(({ index, term, isConfigChange }) => {
      const key = `${clusterID}/${index}/${term}`;
      if (isConfigChange !== true || this.#known.has(key)) return false;
      this.#known.add(key);
      return true;
    });
  }

  #judge(name: ReplicaName, { index, term }: SeenEntry, commit: number): void {
    const { log } = this.#shadows.of(name);
    const who = `node ${name.nodeID} of group ${name.clusterID}`;
    for (let earlier = commit + 1; earlier < index; earlier++) {
      if (log.entry(earlier)?.isConfigChange !== true) continue;
      throw new Error(
        `${who} appends a change at ${index}; one at ${earlier} is not committed, only ${commit} is`,
      );
    }
    const committedTerm = log.term(commit);
    if (committedTerm === undefined || committedTerm === term) return;
    throw new Error(
      `${who} appends a change of term ${term} at ${index}; committed is ${commit}, of term ${committedTerm}`,
    );
  }
}
