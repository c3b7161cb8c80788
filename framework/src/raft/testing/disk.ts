import { type Entry, type Snapshot, type State, emptyMembership, entrySizeBytes } from '@drakkar/raftio';
import type { LogReadRequest, RaftInit, RaftUpdate, TermRun } from '../types.js';
import { copyMembership } from './codec.js';

/** A replica's LogDB as the contract describes it: what is in here survives a crash. */
export class TestDisk {
  state: State = { term: 0, vote: 0, commit: 0 };
  snapshot: Snapshot | undefined = undefined;
  private readonly entries = new Map<number, Entry>();
  private last = 0;
  private removedTo = 0;

  /**
   * A new replica. The initial members of a group all begin with the same committed config changes in the log, so
   * that one who joins later learns of them like of any other; one who joins begins with nothing.
   */
  constructor(bootstrap: readonly Entry[]) {
    if (bootstrap.length === 0) return;
    for (const entry of bootstrap) this.entries.set(entry.index, entry);
    this.last = bootstrap.length;
    this.state = { term: 1, vote: 0, commit: this.last };
  }

  save(update: RaftUpdate): void {
    if (update.state !== undefined) this.state = { ...update.state };
    if (update.snapshot !== undefined) this.saveSnapshot(update.snapshot);
    const end = update.entriesToSave.at(-1)?.index;
    if (end === undefined) return;
    for (const entry of update.entriesToSave) this.entries.set(entry.index, entry);
    for (let index = end + 1; index <= this.last; index++) this.entries.delete(index);
    this.last = end;
  }

  saveSnapshot(snapshot: Snapshot): void {
    if (this.snapshot === undefined || snapshot.index > this.snapshot.index) this.snapshot = snapshot;
  }

  removeEntriesTo(index: number): void {
    for (let i = this.removedTo + 1; i <= index; i++) this.entries.delete(i);
    this.removedTo = Math.max(this.removedTo, index);
  }

  entry(index: number): Entry | undefined {
    return this.entries.get(index);
  }

  /** Whether a log that has (index, term) would survive a crash now. */
  holds(index: number, term: number): boolean {
    return index <= (this.snapshot?.index ?? 0) || this.entries.get(index)?.term === term;
  }

  get lastIndex(): number {
    return Math.max(this.snapshot?.index ?? 0, this.last);
  }

  read(request: LogReadRequest): Entry[] {
    const found: Entry[] = [];
    let sizeBytes = 0;
    for (let index = request.low; index < request.high; index++) {
      const entry = this.entries.get(index);
      if (entry === undefined) break;
      sizeBytes += entrySizeBytes(entry);
      if (sizeBytes > request.maxSizeBytes && found.length > 0) break;
      found.push(entry);
    }
    return found;
  }

  /** What the engine would find after a crash; entries older than memory needs are left out of the tail. */
  load(): RaftInit {
    const snapshotIndex = this.snapshot?.index ?? 0;
    let first = this.last + 1;
    while (this.entries.has(first - 1)) first -= 1;
    const isLogUsable = this.last > 0 && first <= this.last && first <= snapshotIndex + 1;
    const firstIndex = isLogUsable ? first : snapshotIndex + 1;
    const lastIndex = isLogUsable ? this.last : snapshotIndex;
    const termRuns: TermRun[] = [];
    const tail: Entry[] = [];
    for (let index = firstIndex; index <= lastIndex; index++) {
      const entry = this.entries.get(index) as Entry;
      if (termRuns.at(-1)?.term !== entry.term) termRuns.push({ index, term: entry.term });
      if (index > snapshotIndex) tail.push(entry);
    }
    return {
      state: { ...this.state },
      snapshotIndex,
      snapshotTerm: this.snapshot?.term ?? 0,
      firstIndex,
      lastIndex,
      termRuns,
      tail,
      applied: snapshotIndex,
      membership: copyMembership(this.snapshot?.membership ?? emptyMembership()),
    };
  }
}
