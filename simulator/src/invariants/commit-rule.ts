import { LeaderCommits } from './leader-commits.js';
import type { Handlers, Invariant } from './observation.js';
import type { Shadows } from './shadows.js';

/** A leader commits entries of its own term by counting, and others only along with them (paper, 5.4.2). */
export class CommitRule implements Invariant {
  readonly name = 'commit rule';
  readonly handlers: Handlers;

  constructor(shadows: Shadows) {
    const commits = new LeaderCommits(shadows, ({ clusterID, nodeID }, term, entry) => {
      if (entry.term === term) return;
      throw new Error(
        `node ${nodeID} of group ${clusterID} leads in term ${term} and commits entry ${entry.index} of term ${entry.term} by itself`,
      );
    });
    this.handlers = commits.handlers;
  }
}
