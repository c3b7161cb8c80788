import type { IClock } from './clock.js';

/** Time servers move a clock that is a little wrong in smaller steps, and nothing goes by less. */
const MIN_JUMP_MS = 2_000;

/** Sees when the time of day was set, or when the machine has slept: the other clock of a host does not. */
export class ClockWatch {
  readonly #clock: IClock;
  #offsetMs: number;

  constructor(clock: IClock) {
    this.#clock = clock;
    this.#offsetMs = clock.wallTimeMs() - clock.nowMs();
  }

  /** By how much the time of day has jumped since the last look; undefined: it has not. */
  jumpMs(): number | undefined {
    const offsetMs = this.#clock.wallTimeMs() - this.#clock.nowMs();
    const byMs = Math.round(offsetMs - this.#offsetMs);
    this.#offsetMs = offsetMs;
    return Math.abs(byMs) < MIN_JUMP_MS ? undefined : byMs;
  }
}
