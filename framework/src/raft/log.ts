import { type Entry, EntryType, type Snapshot } from '@drakkar/raftio';
import { violated } from './errors.js';
import { InMemLog } from './in-mem-log.js';
import { type MemoryAccount, unbounded } from './memory.js';
import { TermRuns } from './term-runs.js';
import type { RaftInit, RaftUpdate } from './types.js';

/** Recent entries that stay in memory although everybody has them: a little, since a host has many groups. */
const RETAINED_BYTES = 64 * 1024;

/** A save that the engine has under way. */
export interface SaveRecord {
  update: RaftUpdate;
  /** The log is durable up to here once it is done; lowered when entries that it holds are overwritten. */
  stableTo: number;
  /** Tick at which it was handed out. */
  sinceTick: number;
}

/**
 * The replicated log (paper, section 5.3), and how far each of its entries has come:
 * handed out for saving, stable (durable here), committed, handed out for applying, applied.
 *
 *     applied <= applyHanded <= min(commit, stable);  stable <= saveHanded <= lastIndex;  commit <= lastIndex
 */
export class RaftLog {
  readonly mem: InMemLog;
  readonly runs: TermRuns;
  /** First entry of the stored log. */
  firstIndex: number;
  lastIndex: number;
  commit: number;
  applied: number;
  applyHanded: number;
  saveHanded: number;
  stable: number;
  /** Saves under way, oldest first. */
  readonly saves: SaveRecord[] = [];
  /** Indexes of the config changes that are not yet applied, ascending. At most one or two. */
  readonly unappliedConfigChanges: number[] = [];
  /** Config changes that were handed out for applying and then overtaken by a snapshot; see `restore`. */
  overtakenConfigChanges = 0;
  /** Index of the last snapshot from a leader. */
  private restoredIndex = 0;
  /** It must not grow: its disk is all but full, and it can't be compacted. */
  isStuck = false;
  private readonly capBytes: number;
  private readonly retainedBytes: number;
  private readonly memory: MemoryAccount;

  constructor(init: RaftInit, maxInMemLogBytes: number, memory: MemoryAccount = unbounded()) {
    this.memory = memory;
    this.capBytes = maxInMemLogBytes;
    this.retainedBytes = Math.min(RETAINED_BYTES, maxInMemLogBytes >> 2);
    checkInit(init);
    const stored = usablePart(init);
    this.firstIndex = stored.firstIndex;
    this.lastIndex = stored.lastIndex;
    this.runs = stored.runs;
    this.saveHanded = this.lastIndex;
    this.stable = this.lastIndex;
    // The commit index is saved only in company, so the snapshot may know of a later one.
    this.commit = Math.max(init.state.commit, init.snapshotIndex);
    this.applied = init.applied;
    this.applyHanded = init.applied;
    if (this.commit > this.lastIndex) {
      violated('the stored log ends before the commit index', {
        commit: this.commit,
        lastIndex: this.lastIndex,
      });
    }
    if (init.applied > this.commit || init.applied < init.snapshotIndex) {
      violated('applied index out of range', { applied: init.applied, commit: this.commit });
    }
    const tail = init.tail.filter((entry) => entry.index <= this.lastIndex && entry.index >= this.firstIndex);
    this.mem = new InMemLog(tail[0]?.index ?? this.lastIndex + 1, memory);
    for (const entry of tail) this.hold(entry);
    if (this.mem.first > this.applied + 1 || this.mem.first + this.mem.length !== this.lastIndex + 1) {
      violated('the tail does not hold the entries to apply', {
        first: this.mem.first,
        applied: this.applied,
      });
    }
    this.evict(this.lastIndex);
  }

  get lastTerm(): number {
    return this.runs.lastTerm;
  }

  /** Term of the entry at `index`; -1 when it is not in the log or no longer known. */
  term(index: number): number {
    return index > this.lastIndex ? -1 : this.runs.termAt(index);
  }

  /** Whether a log that ends with (index, term) is at least as up to date as this one (paper, section 5.4.1). */
  isUpToDate(index: number, term: number): boolean {
    return term > this.lastTerm || (term === this.lastTerm && index >= this.lastIndex);
  }

  /** Whether memory, or the stored log, still has the entry at `index`, and the term of the one before is known. */
  has(index: number): boolean {
    return index >= Math.min(this.firstIndex, this.mem.first) && index > this.runs.base;
  }

  /** Whether it takes no more: it holds more than it may, or the host does, and this replica more than its share. */
  get isOverCap(): boolean {
    return this.isOverOwnCap || this.memory.isFull;
  }

  get isOverOwnCap(): boolean {
    return this.mem.pinnedBytes > this.capBytes;
  }

  /** Whether the state machine has yet to recover from the last snapshot that came. */
  get isRecovering(): boolean {
    return this.applied < this.restoredIndex;
  }

  /** Appends one entry at the end. */
  push(entry: Entry): void {
    if (entry.index !== this.lastIndex + 1) {
      violated('a gap in the log', { index: entry.index, lastIndex: this.lastIndex });
    }
    this.runs.append(entry.index, entry.term);
    this.lastIndex = entry.index;
    this.hold(entry);
  }

  /** Takes entries from the leader that follow an entry known to match; overwrites what conflicts. */
  merge(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (entry.index <= this.lastIndex) {
        if (this.runs.termAt(entry.index) === entry.term) continue;
        this.truncateFrom(entry.index);
      }
      this.push(entry);
    }
  }

  /**
   * Removes entries from `index` on. A save of such entries may be under way: when it is done, it must not make the
   * entries that take their place look stable, not even if they are the same again. So the claim is lowered here,
   * rather than checked by term there.
   */
  private truncateFrom(index: number): void {
    if (index <= this.commit) violated('a committed entry would change', { index, commit: this.commit });
    this.runs.truncateFrom(index);
    this.mem.truncateFrom(index);
    this.lastIndex = index - 1;
    this.saveHanded = Math.min(this.saveHanded, index - 1);
    this.stable = Math.min(this.stable, index - 1);
    for (const save of this.saves) save.stableTo = Math.min(save.stableTo, index - 1);
    const pending = this.unappliedConfigChanges;
    while (pending.length > 0 && (pending[pending.length - 1] as number) >= index) pending.pop();
  }

  commitTo(index: number): boolean {
    if (index <= this.commit) return false;
    if (index > this.lastIndex)
      violated('commit above the end of the log', { index, lastIndex: this.lastIndex });
    this.commit = index;
    return true;
  }

  /** The engine has applied up to `index`. */
  appliedTo(index: number): void {
    if (index < this.applied || index > this.applyHanded) {
      violated('applied index out of range', { index, applied: this.applied, handed: this.applyHanded });
    }
    const first = this.unappliedConfigChanges[0];
    if (first !== undefined && first <= index) {
      violated('applied past a config change that was neither applied nor rejected', {
        index,
        configChange: first,
      });
    }
    this.applied = index;
    if (index >= this.restoredIndex) this.overtakenConfigChanges = 0;
  }

  /**
   * Puts the state of `snapshot` in place of the whole log. Everything below counts as stable: what follows is saved
   * after the snapshot, and nothing is acknowledged before that save.
   */
  restore(snapshot: Snapshot): void {
    if (snapshot.index <= this.commit) {
      violated('a snapshot would take the log back', { index: snapshot.index, commit: this.commit });
    }
    for (const index of this.unappliedConfigChanges) {
      if (index <= this.applyHanded) this.overtakenConfigChanges += 1;
    }
    this.unappliedConfigChanges.length = 0;
    this.restoredIndex = snapshot.index;
    this.runs.reset(snapshot.index, snapshot.term);
    this.mem.reset(snapshot.index + 1);
    for (const save of this.saves) save.stableTo = 0;
    this.firstIndex = snapshot.index + 1;
    this.lastIndex = snapshot.index;
    this.commit = snapshot.index;
    this.applyHanded = snapshot.index;
    this.saveHanded = snapshot.index;
    this.stable = snapshot.index;
  }

  /** The stored log now begins after `index`. */
  compactTo(index: number): void {
    if (index < this.firstIndex) return;
    if (index > this.applied) violated('entries were removed before they were applied', { index });
    this.firstIndex = index + 1;
    this.runs.trimTo(Math.min(index, this.mem.first - 1));
  }

  /**
   * Lets entries go that are durable and applied: above the cap, or where the host holds too much, any, and otherwise
   * those that every active remote has (`matchedByAll`), but for a short tail.
   */
  evict(matchedByAll: number): void {
    const mem = this.mem;
    mem.unpinTo(Math.min(this.stable, this.applied));
    mem.account();
    const { capBytes, retainedBytes, memory } = this;
    const excessBytes = Math.max(0, memory.hostExcessBytes);
    if (mem.evict({ capBytes, retainedBytes, freeTo: matchedByAll, excessBytes })) mem.account();
  }

  /** Whatever is durable and applied leaves memory, as far as the host holds too much. */
  shed(): void {
    this.evict(0);
  }

  private hold(entry: Entry): void {
    this.mem.push(entry);
    if (entry.type === EntryType.ConfigChangeEntry && entry.index > this.applied) {
      this.unappliedConfigChanges.push(entry.index);
    }
  }
}

/** Whether the entry is one that a log which must not grow can do without. Membership changes may be what helps. */
export function growsLog({ type, cmdLength }: Entry): boolean {
  return type !== EntryType.ConfigChangeEntry && cmdLength > 0;
}

function checkInit(init: RaftInit): void {
  const { snapshotIndex, firstIndex, lastIndex, termRuns } = init;
  if (firstIndex > snapshotIndex + 1 || firstIndex < 1 || lastIndex < firstIndex - 1) {
    violated('a gap between the snapshot and the log', { snapshotIndex, firstIndex, lastIndex });
  }
  const first = termRuns[0];
  if (lastIndex >= firstIndex && (first === undefined || first.index > firstIndex)) {
    violated('the term runs do not cover the log', { firstIndex, lastIndex });
  }
}

/**
 * The part of the stored log that goes with the snapshot. After a snapshot from a leader was saved, the disk may
 * still hold entries of the log that it replaced: below its index, and above it until the next append deletes them.
 *
 * - Below, they are good only if the one at the snapshot's index has the snapshot's term.
 * - Above, terms below the snapshot's are surely stale. Others are taken as they are: appended since, as a rule. If
 *   they are stale after all, they are older than the term in which the snapshot's last entry was committed. So no
 *   leader will find them to match, and they win no election.
 */
function usablePart(init: RaftInit): { firstIndex: number; lastIndex: number; runs: TermRuns } {
  const { snapshotIndex, snapshotTerm } = init;
  const isPrefixGood = init.firstIndex <= snapshotIndex && storedTerm(init, snapshotIndex) === snapshotTerm;
  const isTailGood = (storedTerm(init, snapshotIndex + 1) ?? -1) >= snapshotTerm;
  const firstIndex = isPrefixGood ? init.firstIndex : snapshotIndex + 1;
  const lastIndex = isTailGood ? init.lastIndex : snapshotIndex;
  const runs = isPrefixGood
    ? new TermRuns(firstIndex, storedTerm(init, firstIndex) ?? 0)
    : new TermRuns(snapshotIndex, snapshotTerm);
  for (const [position, run] of init.termRuns.entries()) {
    const start = Math.max(run.index, firstIndex);
    const end = Math.min(init.termRuns[position + 1]?.index ?? init.lastIndex + 1, lastIndex + 1);
    if (start < end) runs.append(start, run.term);
  }
  return { firstIndex, lastIndex, runs };
}

function storedTerm(init: RaftInit, index: number): number | undefined {
  if (index < init.firstIndex || index > init.lastIndex) return undefined;
  return init.termRuns.findLast((run) => run.index <= index)?.term;
}
