import type { Handlers, Invariant, Observations } from './observation.js';

interface Group {
  /** The greatest position that some client knows of. */
  known: number;
  /** `known` when a read was asked for. */
  readonly asked: Map<number, number>;
  /** By key: its writes, by ascending position. */
  readonly writes: Map<string, { position: number; value: string }[]>;
}

/** A read sees all that was answered before it was asked for, and what it sees is what was written last by then. */
export class ReadsNeverGoBack implements Invariant {
  readonly name = 'reads never go back';
  readonly #groups = new Map<number, Group>();

  readonly handlers: Handlers = {
    writeAnswered: ({ clusterID, position }) => {
      const group = this.#group(clusterID);
      group.known = Math.max(group.known, position);
    },
    written: (seen) => this.#written(seen),
    readAsked: ({ clusterID, readID }) => {
      const group = this.#group(clusterID);
      group.asked.set(readID, group.known);
    },
    readAnswered: (seen) => this.#answered(seen),
  };

  #written({ clusterID, position, key, value }: Observations['written']): void {
    const { writes } = this.#group(clusterID);
    const ofKey = writes.get(key) ?? [];
    writes.set(key, ofKey);
    if (position > (ofKey.at(-1)?.position ?? 0)) ofKey.push({ position, value });
  }

  #answered({ clusterID, readID, position, key, value }: Observations['readAnswered']): void {
    const group = this.#group(clusterID);
    const floor = group.asked.get(readID) ?? 0;
    group.asked.delete(readID);
    if (position < floor) {
      throw new Error(
        `a read of group ${clusterID} sees ${position} commands; ${floor} were known when it was asked for`,
      );
    }
    group.known = Math.max(group.known, position);
    const written = group.writes.get(key)?.findLast((write) => write.position <= position)?.value;
    if (written !== value) {
      throw new Error(
        `a read of ${key} in group ${clusterID} at ${position} sees ${String(value)} instead of ${String(written)}`,
      );
    }
  }

  #group(clusterID: number): Group {
    let group = this.#groups.get(clusterID);
    if (group === undefined) {
      group = { known: 0, asked: new Map(), writes: new Map() };
      this.#groups.set(clusterID, group);
    }
    return group;
  }
}
