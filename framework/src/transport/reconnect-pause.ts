import { ExponentialBackoff, type IBackoff, type IBackoffFactory, noJitterGenerator } from 'cockatiel';
import type { IClock } from '../runtime/clock.js';
import type { IRandom } from '../runtime/random.js';

export interface ReconnectPauseOptions {
  reconnectBackoffMinMs: number;
  reconnectBackoffMaxMs: number;
}

/**
 * How long to wait before the next attempt at a host. The pause grows, up to the longest, with each attempt that fails
 * and each connection that ends sooner than the longest pause; a connection that lasts longer begins again.
 */
export class ReconnectPause {
  readonly #longestMs: number;
  readonly #backoffs: IBackoffFactory<unknown>;
  readonly #clock: IClock;
  readonly #random: IRandom;
  #backoff: IBackoff<unknown> | undefined;
  #connectedAtMs: number | undefined;
  #wasHeard = false;
  #wasCutShort = false;

  constructor(options: ReconnectPauseOptions, clock: IClock, random: IRandom) {
    this.#longestMs = options.reconnectBackoffMaxMs;
    this.#backoffs = new ExponentialBackoff({
      initialDelay: options.reconnectBackoffMinMs,
      maxDelay: options.reconnectBackoffMaxMs,
      generator: noJitterGenerator,
    });
    this.#clock = clock;
    this.#random = random;
  }

  connected(): void {
    this.#connectedAtMs = this.#clock.nowMs();
  }

  /** The attempt failed, or the connection ended: how long to wait. */
  begin(): number {
    const sinceMs = this.#connectedAtMs;
    this.#connectedAtMs = undefined;
    if (sinceMs !== undefined && this.#clock.nowMs() - sinceMs >= this.#longestMs) {
      this.#backoff = undefined;
      this.#wasCutShort = false;
    }
    this.#wasHeard = false;
    this.#backoff = (this.#backoff ?? this.#backoffs).next(undefined);
    const fullMs = this.#backoff.duration;
    // Jitter comes from our own random source, so that a simulator owns it.
    return fullMs - this.#random.nextInt(Math.max(1, Math.floor(fullMs / 4)));
  }

  /** The pause is over in its own time. */
  end(): void {
    if (!this.#wasHeard) this.#wasCutShort = false;
  }

  /**
   * The host was heard during the pause: returns whether that cuts it short. It does once, since the host is back
   * then; while we hear it and can't reach it, the pauses grow as they do.
   */
  heard(): boolean {
    this.#wasHeard = true;
    const isNews = !this.#wasCutShort;
    this.#wasCutShort = true;
    return isNews;
  }
}
