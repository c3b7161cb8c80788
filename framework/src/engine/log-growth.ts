import type { DiskLevel } from '../fs/log-disk.js';

/** So much log since the last snapshot is worth one where room is short. */
const UNCOMPACTED_BYTES = 1024 * 1024;
/** Intervals between snapshots without one that make it overdue. */
const OVERDUE_INTERVALS = 2;
const RETRY_MIN_MS = 2_000;
const RETRY_MAX_MS = 64_000;
/** By this part pauses differ between replicas. */
const JITTER = 0.25;
/** With each refusal the room that the last attempt found too small counts less: the state may have shrunk. */
const FORGOTTEN_PART = 0.25;

/**
 * Whether a log grows and can't be compacted, since its snapshots have no room or do not come, and when a snapshot is
 * tried again for that. The pause between attempts grows, as it does over the entries between two snapshots; this one is
 * for a group that takes no entries meanwhile.
 */
export class LogGrowth {
  readonly #intervalEntries: number;
  /** From 0 to 1; differs between replicas. */
  readonly #spread: number;
  #lacksRoom = false;
  /** What was free beside the reserve when an attempt used it up: the next needs more. */
  #tooSmallBytes = 0;
  #pauseMs = 0;
  #retryAtMs = 0;

  /** @param intervalEntries between two automatic snapshots; 0 = none */
  constructor(intervalEntries: number, spread: number) {
    this.#intervalEntries = intervalEntries;
    this.#spread = spread;
  }

  /** Whether the log is to grow no further on such a disk. */
  isStuck(level: DiskLevel, behind: { entries: number; sizeBytes: number }): boolean {
    if (level === 'ample') return false;
    if (this.#lacksRoom) return true;
    if (level === 'short' && behind.sizeBytes > UNCOMPACTED_BYTES) return true;
    return this.#intervalEntries > 0 && behind.entries > OVERDUE_INTERVALS * this.#intervalEntries;
  }

  /** A snapshot of that many bytes at least is to be expected. */
  get tooSmallBytes(): number {
    return this.#tooSmallBytes;
  }

  /** A snapshot has failed: not again at once. Others that fail during the pause, for entries had come, say nothing new. */
  paused(nowMs: number): void {
    if (nowMs < this.#retryAtMs) return;
    this.#pauseMs = Math.min(RETRY_MAX_MS, Math.max(RETRY_MIN_MS, 2 * this.#pauseMs));
    this.#retryAtMs = nowMs + this.#pauseMs * (1 - JITTER * this.#spread);
  }

  /** There was no room. @param roomBytes what there was when it began; undefined: it was not begun */
  failed(roomBytes: number | undefined): void {
    this.#lacksRoom = true;
    this.#tooSmallBytes =
      roomBytes === undefined ? Math.floor(this.#tooSmallBytes * (1 - FORGOTTEN_PART)) : roomBytes;
  }

  succeeded(): void {
    this.#lacksRoom = false;
    this.#tooSmallBytes = 0;
    this.#pauseMs = 0;
  }

  /** Whether it is time for another attempt. */
  isRetryDue(nowMs: number): boolean {
    return this.#lacksRoom && nowMs >= this.#retryAtMs;
  }
}
