import type { Handlers, Invariant } from './observation.js';

/** State machines that have applied the same index are equal. */
export class EqualHashes implements Invariant {
  readonly name = 'equal hashes';
  readonly #hashes = new Map<string, { hash: string; nodeID: number }>();

  readonly handlers: Handlers = {
    applied: ({ clusterID, nodeID, index, hash }) => {
      const key = `${clusterID}/${index}`;
      const known = this.#hashes.get(key);
      if (known === undefined) this.#hashes.set(key, { hash, nodeID });
      else if (known.hash !== hash) {
        throw new Error(
          `state machines of group ${clusterID} differ at ${index}: node ${nodeID} has ${hash}, node ${known.nodeID} ${known.hash}`,
        );
      }
    },
  };
}
