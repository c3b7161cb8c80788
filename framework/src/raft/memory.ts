/** Of the whole, what is kept for replicas that use little. */
const KEPT_PART = 0.25;

/**
 * What the entries of all replicas of a host take in memory, in logs and queues, and what they may take together.
 */
export class MemoryBudget {
  readonly maxBytes: number;
  /** Entries that can't be released: they wait, or are not yet both durable and applied. */
  pinnedBytes = 0;
  /** The others in logs, for members that are behind. */
  retainedBytes = 0;
  /** A replica that has pinned more than its share is full as soon as all of them have pinned more than this. */
  readonly commonBytes: number;
  shareBytes: number;
  #accounts = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
    this.commonBytes = maxBytes * (1 - KEPT_PART);
    this.shareBytes = maxBytes * KEPT_PART;
  }

  open(): MemoryAccount {
    this.#count(1);
    return new MemoryAccount(this);
  }

  /** @param account that is not used any more */
  closed({ pinnedBytes, retainedBytes }: MemoryAccount): void {
    this.pinnedBytes -= pinnedBytes;
    this.retainedBytes -= retainedBytes;
    this.#count(-1);
  }

  /** Whether entries that can be released must go, wherever they are. */
  get isOver(): boolean {
    return this.excessBytes > 0;
  }

  /** How much of what could go has to. */
  get excessBytes(): number {
    return Math.min(this.retainedBytes, this.pinnedBytes + this.retainedBytes - this.maxBytes);
  }

  #count(change: number): void {
    this.#accounts += change;
    this.shareBytes = (this.maxBytes * KEPT_PART) / Math.max(1, this.#accounts);
  }
}

/** The part of one replica. */
export class MemoryAccount {
  pinnedBytes = 0;
  retainedBytes = 0;
  #budget: MemoryBudget;
  #isClosed = false;

  constructor(budget: MemoryBudget) {
    this.#budget = budget;
  }

  pin(sizeBytes: number): void {
    this.pinnedBytes += sizeBytes;
    this.#budget.pinnedBytes += sizeBytes;
  }

  /** They are gone. */
  unpin(sizeBytes: number): void {
    this.pinnedBytes -= sizeBytes;
    this.#budget.pinnedBytes -= sizeBytes;
  }

  /** By how much has changed what is pinned, and what is kept and could go. */
  add(pinnedBytes: number, retainedBytes: number): void {
    this.pin(pinnedBytes);
    this.retainedBytes += retainedBytes;
    this.#budget.retainedBytes += retainedBytes;
  }

  /** Whether no more is to be taken: the host is short of room, and this replica has more than its share of it. */
  get isFull(): boolean {
    return this.#budget.pinnedBytes > this.#budget.commonBytes && this.pinnedBytes > this.#budget.shareBytes;
  }

  /** Of all replicas of the host. */
  get hostExcessBytes(): number {
    return this.#budget.excessBytes;
  }

  /** What it holds counts no more, nor what it takes from now on. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#budget.closed(this);
    this.#budget = new MemoryBudget(Infinity);
    this.#isClosed = true;
  }
}

/** Of a replica whose host has no bound. */
export function unbounded(): MemoryAccount {
  return new MemoryBudget(Infinity).open();
}
