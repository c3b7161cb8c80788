import type { Handlers, ReplicaName, SeenEntry } from './observation.js';
import type { Shadows } from './shadows.js';

/** A leader is the first to know that the log is committed up to `entry`. */
export type OnLeaderCommit = (leader: ReplicaName, term: number, entry: SeenEntry) => void;

/** Tells what leaders commit from what they know to be committed since others did it. */
export class LeaderCommits {
  readonly #shadows: Shadows;
  readonly #onCommit: OnLeaderCommit;
  readonly #last = new Map<number, number>();

  constructor(shadows: Shadows, onCommit: OnLeaderCommit) {
    this.#shadows = shadows;
    this.#onCommit = onCommit;
  }

  readonly handlers: Handlers = {
    commitKnown: (seen) => {
      if (seen.index <= (this.#last.get(seen.clusterID) ?? 0)) return;
      this.#last.set(seen.clusterID, seen.index);
      const entry = this.#shadows.of(seen).log.entry(seen.index);
      // One that led until a moment ago may be the first to know.
      if (entry !== undefined && seen.isLeader) this.#onCommit(seen, seen.term, entry);
    },
    started: (seen) => {
      const known = Math.max(seen.state.commit, this.#last.get(seen.clusterID) ?? 0);
      this.#last.set(seen.clusterID, known);
    },
  };
}
