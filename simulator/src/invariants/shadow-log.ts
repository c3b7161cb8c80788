import type { HardState, Saved, SeenEntry } from './observation.js';

/** A replica's log, as it was told to the invariants. */
export class ShadowLog {
  /** Everything up to here is in a snapshot. */
  base = 0;
  baseTerm = 0;
  last = 0;
  readonly #entries = new Map<number, SeenEntry>();

  /** The log begins again behind a snapshot, unless it has the snapshot's entry. */
  install(index: number, term: number): void {
    this.#entries.clear();
    this.base = index;
    this.baseTerm = term;
    this.last = index;
  }

  append(entries: readonly SeenEntry[]): void {
    const first = entries[0]?.index;
    if (first === undefined) return;
    for (let index = first; index <= this.last; index++) this.#entries.delete(index);
    for (const entry of entries) this.#entries.set(entry.index, entry);
    this.last = entries.at(-1)?.index ?? this.last;
  }

  entry(index: number): SeenEntry | undefined {
    return this.#entries.get(index);
  }

  term(index: number): number | undefined {
    return index === this.base ? this.baseTerm : this.#entries.get(index)?.term;
  }

  /** Whether it has that entry, or a snapshot that stands for it. */
  holds(index: number, term: number): boolean {
    return index <= this.base || this.#entries.get(index)?.term === term;
  }

  copy(): ShadowLog {
    const copy = new ShadowLog();
    copy.base = this.base;
    copy.baseTerm = this.baseTerm;
    copy.last = this.last;
    for (const [index, entry] of this.#entries) copy.#entries.set(index, entry);
    return copy;
  }
}

/** What a disk holds of a replica. */
export class ShadowDisk {
  state: HardState = { term: 0, vote: 0, commit: 0 };
  log = new ShadowLog();

  save({ state, snapshot, entries }: Saved): void {
    if (snapshot !== undefined) this.log.install(snapshot.index, snapshot.term);
    this.log.append(entries);
    if (state !== undefined) this.state = state;
  }

  copy(): ShadowDisk {
    const copy = new ShadowDisk();
    copy.state = this.state;
    copy.log = this.log.copy();
    return copy;
  }
}
