import type { RaftStatus } from '@drakkar/framework';
import type { Handlers, Invariant } from './observation.js';

const SAME = [
  'role',
  'term',
  'vote',
  'leaderID',
  'commit',
  'lastIndex',
  'quiesced',
  'leaderTransferTarget',
] as const satisfies readonly (keyof RaftStatus)[];

/** A message of a node that was removed changes nothing: its id never comes back. */
export class RemovedNotHeard implements Invariant {
  readonly name = 'removed nodes are not heard';

  readonly handlers: Handlers = {
    stepped: ({ clusterID, nodeID, message, before, after }) => {
      if (!before.membership.removed.has(message.from)) return;
      const changed = SAME.find((field) => before[field] !== after[field]);
      if (changed === undefined) return;
      throw new Error(
        `node ${nodeID} of group ${clusterID} lets a message of removed node ${message.from} change its ${changed}: ${String(before[changed])} to ${String(after[changed])}`,
      );
    },
  };
}
