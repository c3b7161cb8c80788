/** The fraction of the golden ratio: its multiples spread evenly, however many there are. */
const GOLDEN_FRACTION = 0.618033988749895;
/** By this part of the entries between two snapshots members may differ. */
const SPREAD = 0.25;
const MAX_DOUBLINGS = 4;

/** From 0 to 1, and not the same for members of a group; 0 for node 1. */
export function spreadOf(nodeID: number): number {
  return ((nodeID - 1) * GOLDEN_FRACTION) % 1;
}

/**
 * When a replica takes a snapshot by itself. Members apply the same entries at the same time: if all took theirs at
 * the same index, the disks and state machines of a whole group would be busy, and full, in the same moment. So each
 * has an interval of its own, up to a quarter shorter than configured. Failures make the pause grow.
 */
export class SnapshotSchedule {
  readonly #intervalEntries: number;
  /** Up to where one has failed, and how often in a row. */
  #triedIndex = 0;
  #failures = 0;

  /** @param snapshotEntries 0 = none by itself */
  constructor(snapshotEntries: number, nodeID: number) {
    this.#intervalEntries = snapshotEntries - Math.floor(snapshotEntries * SPREAD * spreadOf(nodeID));
  }

  isDue(index: number, newestIndex: number): boolean {
    if (this.#intervalEntries === 0) return false;
    if (index - newestIndex < this.#intervalEntries) return false;
    const pause = this.#intervalEntries * 2 ** Math.min(this.#failures - 1, MAX_DOUBLINGS);
    return this.#failures === 0 || index - this.#triedIndex >= pause;
  }

  /** Not again at once: a full disk would be written to all the time. */
  failed(index: number): void {
    this.#triedIndex = index;
    this.#failures += 1;
  }

  succeeded(): void {
    this.#failures = 0;
  }
}
