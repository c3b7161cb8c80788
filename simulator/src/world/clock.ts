import type { IClock, Timer } from '@drakkar/framework';
import type { Life } from './life.js';
import type { Happening, Scheduler } from './scheduler.js';

/** Time that a turn of the event loop takes. */
const TURN_MS = 0.01;
const EPOCH_MS = 1_700_000_000_000;

/** The clock of one life of a host; it may go faster or slower than others. */
export class VirtualClock implements IClock {
  readonly #scheduler: Scheduler;
  readonly #life: Life;
  readonly #bornMs: number;

  constructor(scheduler: Scheduler, life: Life) {
    this.#scheduler = scheduler;
    this.#life = life;
    this.#bornMs = scheduler.nowMs;
  }

  nowMs(): number {
    return (this.#scheduler.nowMs - this.#bornMs) * this.#life.clockRate;
  }

  wallTimeMs(): number {
    return EPOCH_MS + Math.floor(this.#scheduler.nowMs);
  }

  setTimeout(callback: () => void, delayMs: number): Timer {
    const happening = this.#after(delayMs / this.#life.clockRate, 'timer', callback);
    return { cancel: () => void (happening.isCancelled = true) };
  }

  setInterval(callback: () => void, periodMs: number): Timer {
    let next: Happening;
    let isCancelled = false;
    const arm = (): void => {
      next = this.#after(periodMs / this.#life.clockRate, 'tick', () => {
        callback();
        if (!isCancelled) arm();
      });
    };
    arm();
    return {
      cancel: () => {
        isCancelled = true;
        next.isCancelled = true;
      },
    };
  }

  defer(callback: () => void): void {
    this.#after(TURN_MS, 'turn', callback);
  }

  #after(delayMs: number, label: string, callback: () => void): Happening {
    return this.#scheduler.after(delayMs, this.#life, label, callback);
  }
}
