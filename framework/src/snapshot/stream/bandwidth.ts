import type { IClock } from '../../runtime/clock.js';
import { pause } from './waiting.js';

/**
 * Bounds the bytes that all streams of a host send in a second, in the order in which they ask. A stream that has
 * waited gets no more than its share afterwards: unused time is not saved up.
 */
export class BandwidthLimiter {
  readonly #clock: IClock;
  readonly #bytesPerSecond: number;
  /** When everything granted so far will have been sent at the allowed pace. */
  #freeAtMs = 0;

  /** @param bytesPerSecond 0 = unlimited */
  constructor(clock: IClock, bytesPerSecond: number) {
    this.#clock = clock;
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** Resolves when `sizeBytes` more may be sent. Rejects with ErrSnapshotStopped when `signal` aborts. */
  async take(sizeBytes: number, signal: AbortSignal): Promise<void> {
    if (this.#bytesPerSecond === 0) return;
    const nowMs = this.#clock.nowMs();
    const startMs = Math.max(nowMs, this.#freeAtMs);
    const costMs = (sizeBytes / this.#bytesPerSecond) * 1000;
    this.#freeAtMs = startMs + costMs;
    if (startMs <= nowMs) return;
    try {
      await pause(this.#clock, startMs - nowMs, signal, 'sending a snapshot');
    } catch (error) {
      this.#freeAtMs -= costMs;
      throw error;
    }
  }
}
