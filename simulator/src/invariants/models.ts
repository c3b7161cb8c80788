import type { FullEntry, Handlers, Observations } from './observation.js';
import { type GroupRules, ModelGroup } from './model-group.js';

/** A group's log as far as it is committed, and the model that follows it. */
interface Followed {
  /** `undefined`: the group began with a snapshot, so what was before is not known. */
  model: ModelGroup | undefined;
  /** By `index/term`: entries that somebody wanted to save. */
  readonly logged: Map<string, FullEntry>;
  /** Terms of committed entries that the model has not taken yet. */
  readonly committed: Map<number, number>;
}

/** A model of every group, which takes each entry of its log when it is known to be committed. */
export class Models {
  readonly #rulesOf: (clusterID: number) => GroupRules | undefined;
  readonly #groups = new Map<number, Followed>();

  /** @param rulesOf `undefined` for a group that is not to be looked at */
  constructor(rulesOf: (clusterID: number) => GroupRules | undefined) {
    this.#rulesOf = rulesOf;
  }

  of(clusterID: number): ModelGroup | undefined {
    return this.#groups.get(clusterID)?.model;
  }

  readonly handlers: Handlers = {
    started: (seen) => this.#started(seen),
    logged: ({ clusterID, entries }) => {
      const group = this.#groups.get(clusterID);
      for (const entry of entries) group?.logged.set(`${entry.index}/${entry.term}`, entry);
    },
    committed: ({ clusterID, entries }) => {
      for (const { index, term } of entries) this.#note(clusterID, index, term);
      this.#follow(clusterID);
    },
  };

  #started(seen: Observations['started']): void {
    const { clusterID, snapshotIndex, membership, state, firstIndex, lastIndex, termRuns } = seen;
    if (!this.#groups.has(clusterID)) {
      // One that joins knows nothing yet.
      if (membership.addresses.size === 0) return;
      const rules = snapshotIndex === 0 ? this.#rulesOf(clusterID) : undefined;
      const model = rules && new ModelGroup(rules, state.commit, membership);
      this.#groups.set(clusterID, { model, logged: new Map(), committed: new Map() });
      return;
    }
    // What is replayed at a start is not handed out by a core.
    let run = -1;
    for (let index = firstIndex; index <= Math.min(lastIndex, state.commit); index++) {
      while ((termRuns[run + 1]?.index ?? Infinity) <= index) run++;
      this.#note(clusterID, index, termRuns[run]?.term ?? 0);
    }
    this.#follow(clusterID);
  }

  #note(clusterID: number, index: number, term: number): void {
    const group = this.#groups.get(clusterID);
    if (group?.model !== undefined && index > group.model.index) group.committed.set(index, term);
  }

  #follow(clusterID: number): void {
    const group = this.#groups.get(clusterID);
    const { model } = group ?? {};
    if (group === undefined || model === undefined) return;
    for (;;) {
      const index = model.index + 1;
      const term = group.committed.get(index);
      const entry = group.logged.get(`${index}/${term}`);
      if (entry === undefined) return;
      model.take(entry);
      group.committed.delete(index);
      group.logged.delete(`${index}/${term}`);
    }
  }
}
