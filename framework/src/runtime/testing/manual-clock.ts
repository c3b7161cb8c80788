import type { IClock, Timer } from '../clock.js';

interface Due {
  atMs: number;
  order: number;
  periodMs: number | undefined;
  callback: () => void;
}

/** A clock that a test moves. Deferred callbacks run when `runDeferred` or `advance` is called. */
export class ManualClock implements IClock {
  #nowMs = 0;
  #order = 0;
  readonly #timers = new Set<Due>();
  #deferred: (() => void)[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  wallTimeMs(): number {
    return this.#nowMs;
  }

  setTimeout(callback: () => void, delayMs: number): Timer {
    return this.#add(callback, delayMs, undefined);
  }

  setInterval(callback: () => void, periodMs: number): Timer {
    return this.#add(callback, periodMs, periodMs);
  }

  defer(callback: () => void): void {
    this.#deferred.push(callback);
  }

  get timerCount(): number {
    return this.#timers.size;
  }

  /** Runs what was deferred, and what that defers, until nothing is left. */
  runDeferred(): void {
    while (this.#deferred.length > 0) {
      const callbacks = this.#deferred;
      this.#deferred = [];
      for (const callback of callbacks) callback();
    }
  }

  /** Lets time pass: every timer that falls due fires at its time, in order. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    for (;;) {
      this.runDeferred();
      const next = [...this.#timers]
        .filter((timer) => timer.atMs <= untilMs)
        .sort((a, b) => a.atMs - b.atMs || a.order - b.order)[0];
      if (next === undefined) break;
      this.#nowMs = next.atMs;
      if (next.periodMs === undefined) this.#timers.delete(next);
      else next.atMs += next.periodMs;
      next.callback();
    }
    this.#nowMs = untilMs;
    this.runDeferred();
  }

  #add(callback: () => void, delayMs: number, periodMs: number | undefined): Timer {
    const due: Due = { atMs: this.#nowMs + delayMs, order: this.#order++, periodMs, callback };
    this.#timers.add(due);
    return { cancel: () => void this.#timers.delete(due) };
  }
}
