import { type Entry, entrySizeBytes } from '@drakkar/raftio';
import { violated } from './errors.js';
import { type MemoryAccount, unbounded } from './memory.js';

/** Slots given up at the front before the array is copied down; keeps eviction O(1) amortised. */
const COMPACT_SLOTS = 1024;

/**
 * The recent end of the log. Entries leave it at the front, when they are no longer pinned, and at the back, when a
 * new leader overwrites them. Pinned are the entries that are not yet both durable and applied.
 */
export class InMemLog {
  private slots: (Entry | undefined)[] = [];
  private head = 0;
  private firstIndex: number;
  private firstPinned: number;
  private totalBytes = 0;
  private unpinnedBytes = 0;
  private accountedPinned = 0;
  private accountedUnpinned = 0;

  constructor(
    firstIndex: number,
    private readonly memory: MemoryAccount = unbounded(),
  ) {
    this.firstIndex = firstIndex;
    this.firstPinned = firstIndex;
  }

  /** Index of the first entry held; the end of the log plus one when none is. */
  get first(): number {
    return this.firstIndex;
  }

  get length(): number {
    return this.slots.length - this.head;
  }

  get sizeBytes(): number {
    return this.totalBytes;
  }

  get pinnedBytes(): number {
    return this.totalBytes - this.unpinnedBytes;
  }

  push(entry: Entry): void {
    if (entry.index !== this.firstIndex + this.length) {
      violated('a gap in the log', { index: entry.index, expected: this.firstIndex + this.length });
    }
    this.slots.push(entry);
    this.totalBytes += entrySizeBytes(entry);
  }

  at(index: number): Entry {
    const entry = index < this.firstIndex ? undefined : this.slots[this.head + index - this.firstIndex];
    if (entry === undefined) {
      return violated('an entry that is not in memory', {
        index,
        first: this.firstIndex,
        length: this.length,
      });
    }
    return entry;
  }

  /** Entries [low, high). */
  slice(low: number, high: number): Entry[] {
    if (low >= high) return [];
    if (low < this.firstIndex || high > this.firstIndex + this.length) {
      violated('entries that are not in memory', { low, high, first: this.firstIndex, length: this.length });
    }
    const from = this.head + low - this.firstIndex;
    return this.slots.slice(from, from + high - low) as Entry[];
  }

  /** End of the longest run from `low` of at most `maxSizeBytes`, and at least one entry; [low, end). */
  endWithin(low: number, high: number, maxSizeBytes: number): number {
    let sizeBytes = 0;
    for (let index = low; index < high; index++) {
      sizeBytes += entrySizeBytes(this.at(index));
      if (sizeBytes > maxSizeBytes && index > low) return index;
    }
    return high;
  }

  truncateFrom(index: number): void {
    if (index < this.firstPinned) {
      violated('truncation of an entry that was applied', { index, firstPinned: this.firstPinned });
    }
    const keep = Math.max(0, index - this.firstIndex);
    let sizeBytes = 0;
    for (let slot = this.slots.length - 1; slot >= this.head + keep; slot--) {
      sizeBytes += entrySizeBytes(this.slots[slot] as Entry);
    }
    this.totalBytes -= sizeBytes;
    this.slots.length = this.head + keep;
  }

  /** Entries up to `index` are durable and applied. */
  unpinTo(index: number): void {
    const end = Math.min(index, this.firstIndex + this.length - 1);
    if (end < this.firstPinned) return;
    let sizeBytes = 0;
    for (let i = this.firstPinned; i <= end; i++) sizeBytes += entrySizeBytes(this.at(i));
    this.unpinnedBytes += sizeBytes;
    this.firstPinned = end + 1;
  }

  /** Lets go of the first entry if it is not pinned; returns its size, or 0. */
  evictFirst(): number {
    if (this.length === 0 || this.firstIndex >= this.firstPinned) return 0;
    const sizeBytes = entrySizeBytes(this.slots[this.head] as Entry);
    this.slots[this.head] = undefined;
    this.head += 1;
    this.firstIndex += 1;
    this.totalBytes -= sizeBytes;
    this.unpinnedBytes -= sizeBytes;
    if (this.head >= COMPACT_SLOTS && this.head * 2 >= this.slots.length) {
      this.slots = this.slots.slice(this.head);
      this.head = 0;
    }
    return sizeBytes;
  }

  /** Tells the host's account what has come and gone since the last call: once for many entries. */
  account(): void {
    const { pinnedBytes, unpinnedBytes } = this;
    this.memory.add(pinnedBytes - this.accountedPinned, unpinnedBytes - this.accountedUnpinned);
    this.accountedPinned = pinnedBytes;
    this.accountedUnpinned = unpinnedBytes;
  }

  reset(firstIndex: number): void {
    this.slots = [];
    this.head = 0;
    this.firstIndex = firstIndex;
    this.firstPinned = firstIndex;
    this.totalBytes = 0;
    this.unpinnedBytes = 0;
  }
}
