import { CommittedEntries } from './committed-entries.js';
import { type Handlers, type Invariant, type Observations, nameOfReplica } from './observation.js';

/**
 * No two state machines apply different entries at an index (paper, figure 3), and none leaves an entry out. The same
 * again one level higher: the n-th command that the user's state machine gets is the same everywhere.
 */
export class StateMachineSafety implements Invariant {
  readonly name = 'state machine safety';
  readonly #committed = new CommittedEntries();
  /** Index that a replica was given last in this life. */
  readonly #given = new Map<string, number>();
  readonly #commands = new Map<string, string>();

  readonly handlers: Handlers = {
    started: (seen) =>
      void this.#given.set(nameOfReplica(seen), Math.max(seen.state.commit, seen.snapshotIndex)),
    appended: (seen) => {
      if (seen.snapshot !== undefined) this.#given.set(nameOfReplica(seen), seen.snapshot.index);
    },
    committed: (seen) => this.#giveEntries(seen),
    updated: ({ clusterID, nodeID, position, command }) => {
      const key = `${clusterID}/${position}`;
      const known = this.#commands.get(key);
      if (known === undefined) this.#commands.set(key, command);
      else if (known !== command) {
        throw new Error(
          `node ${nodeID} of group ${clusterID} has command ${command} at ${position}, others have ${known}`,
        );
      }
    },
  };

  #giveEntries(seen: Observations['committed']): void {
    const { clusterID, nodeID, entries, term } = seen;
    const who = `node ${nodeID} of group ${clusterID}`;
    const name = nameOfReplica(seen);
    for (const entry of entries) {
      const before = this.#given.get(name);
      if (before !== undefined && entry.index !== before + 1) {
        throw new Error(`${who} is given entry ${entry.index} after ${before}`);
      }
      this.#given.set(name, entry.index);
      const known = this.#committed.note(clusterID, entry, term);
      if (known !== undefined && (known.term !== entry.term || known.digest !== entry.digest)) {
        throw new Error(
          `${who} applies another entry ${entry.index} than others: of term ${entry.term}, not ${known.term}`,
        );
      }
    }
  }
}
