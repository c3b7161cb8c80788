import { type Entry, entriesSizeBytes, entrySizeBytes } from '@drakkar/raftio';
import { violated } from './errors.js';
import { type MemoryAccount, unbounded } from './memory.js';

/** Slots given up at the front before the array is copied down; keeps eviction O(1) amortised. */
const COMPACT_SLOTS = 1024;

/** What may go, and what has to; see `InMemLog.evict`. */
export interface Eviction {
  capBytes: number;
  retainedBytes: number;
  freeTo: number;
  excessBytes: number;
}

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
    const { slots } = this;
    const expected = this.firstIndex + slots.length - this.head;
    if (entry.index !== expected) violated('a gap in the log', { index: entry.index, expected });
    slots.push(entry);
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
    if (low >= high) return high;
    // Where these are, all are.
    this.at(low);
    this.at(high - 1);
    const { slots } = this;
    const offset = this.head - this.firstIndex;
    let sizeBytes = 0;
    for (let index = low; index < high; index++) {
      sizeBytes += entrySizeBytes(slots[offset + index] as Entry);
      if (sizeBytes > maxSizeBytes && index > low) return index;
    }
    return high;
  }

  truncateFrom(index: number): void {
    if (index < this.firstPinned) {
      violated('truncation of an entry that was applied', { index, firstPinned: this.firstPinned });
    }
    const keep = Math.max(0, index - this.firstIndex);
    this.totalBytes -= entriesSizeBytes(this.slots as readonly Entry[], this.head + keep);
    this.slots.length = this.head + keep;
  }

  /** Entries up to `index` are durable and applied. */
  unpinTo(index: number): void {
    const end = Math.min(index, this.firstIndex + this.length - 1);
    if (end < this.firstPinned) return;
    const offset = this.head - this.firstIndex;
    const entries = this.slots as readonly Entry[]; // those that are held are all there
    this.unpinnedBytes += entriesSizeBytes(entries, offset + this.firstPinned, offset + end + 1);
    this.firstPinned = end + 1;
  }

  /**
   * Releases entries at the front that are not pinned: until no more than `capBytes` are held and `excessBytes` are
   * gone, and beyond that those up to `freeTo`, until no more than `retainedBytes` are held.
   *
   * @returns whether any went
   */
  evict({ capBytes, retainedBytes, freeTo, excessBytes }: Eviction): boolean {
    const { slots, firstPinned, totalBytes } = this;
    let { head, firstIndex } = this;
    let heldBytes = totalBytes;
    const boundBytes = Math.min(capBytes, totalBytes - excessBytes);
    while (
      firstIndex < firstPinned &&
      (heldBytes > boundBytes || (heldBytes > retainedBytes && firstIndex <= freeTo))
    ) {
      heldBytes -= entrySizeBytes(slots[head] as Entry);
      slots[head] = undefined;
      head++;
      firstIndex++;
    }
    if (heldBytes === totalBytes) return false;
    this.head = head;
    this.firstIndex = firstIndex;
    this.totalBytes = heldBytes;
    this.unpinnedBytes -= totalBytes - heldBytes;
    if (head >= COMPACT_SLOTS && head * 2 >= slots.length) {
      this.slots = slots.slice(head);
      this.head = 0;
    }
    return true;
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
