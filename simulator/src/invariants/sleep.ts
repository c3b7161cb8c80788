import type { CoreChange, Handlers, Invariant, ReplicaName } from './observation.js';

/** Nobody goes to sleep with work left: what is in its log is committed and applied. */
export class Sleep implements Invariant {
  readonly name = 'sleep without work';

  readonly handlers: Handlers = {
    ticked: (seen) => this.#judge(seen),
    stepped: (seen) => this.#judge(seen),
  };

  #judge({ clusterID, nodeID, before, after }: ReplicaName & CoreChange): void {
    if (before.quiesced || !after.quiesced) return;
    const { applied, commit, lastIndex } = after;
    if (applied === lastIndex && commit === lastIndex) return;
    throw new Error(
      `node ${nodeID} of group ${clusterID} goes to sleep; its log ends at ${lastIndex}, committed is ${commit}, applied ${applied}`,
    );
  }
}
