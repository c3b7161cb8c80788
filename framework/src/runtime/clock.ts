import { performance } from 'node:perf_hooks';

/** A timer that was set; cancelling one that has fired, or was cancelled, does nothing. */
export interface Timer {
  cancel(): void;
}

/** Where all of the framework's time comes from, so that a simulator can replace it. */
export interface IClock {
  /** Milliseconds since an arbitrary instant, with fractions; never goes back. */
  nowMs(): number;
  /** Milliseconds since the Unix epoch; may jump. For records that people read, never for decisions. */
  wallTimeMs(): number;
  /** Calls `callback` once, not before `delayMs` have passed. Keeps the process alive until then. */
  setTimeout(callback: () => void, delayMs: number): Timer;
  /** Calls `callback` every `periodMs`; late calls are not made up for. Keeps the process alive until cancelled. */
  setInterval(callback: () => void, periodMs: number): Timer;
  /** Calls `callback` once, soon, after pending I/O has had its turn. */
  defer(callback: () => void): void;
}

export const ClockID = Symbol.for('@drakkar/framework/IClock');

/** A timer of Node.js that is to wait for longer fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export class SystemClock implements IClock {
  nowMs(): number {
    return performance.now();
  }

  wallTimeMs(): number {
    return Date.now();
  }

  setTimeout(callback: () => void, delayMs: number): Timer {
    if (delayMs > MAX_TIMER_MS) {
      let timer = this.setTimeout(() => {
        timer = this.setTimeout(callback, delayMs - MAX_TIMER_MS);
      }, MAX_TIMER_MS);
      return { cancel: () => timer.cancel() };
    }
    const handle = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(handle) };
  }

  setInterval(callback: () => void, periodMs: number): Timer {
    const handle = setInterval(callback, periodMs);
    return { cancel: () => clearInterval(handle) };
  }

  defer(callback: () => void): void {
    setImmediate(callback);
  }
}
