import { availableParallelism, loadavg } from 'node:os';
import { ConformanceFailure, describeError, fail } from './assert.js';

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** One turn of the event loop: whatever is ready to happen has happened. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The longest that anything may take, as a multiple of what it may take on an idle machine. */
export const MAX_SLOWNESS = 10;

let leastSlowness = 1;

/** From now on limits are so many times as long at least: a machine can be slow without any load that it shows. */
export function assumeSlowness(factor: number): void {
  leastSlowness = factor;
}

/** A limit for an idle machine, as it is on this one with what runs on it now: its load decides no case. */
export function patient(limitMs: number, load = loadavg()[0] ?? 0, cores = availableParallelism()): number {
  const slowness = Math.max(leastSlowness, load / cores);
  return Math.round(limitMs * Math.min(MAX_SLOWNESS, slowness));
}

/**
 * `promise`, or a failure when it does not settle within `limitMs` on an idle machine.
 *
 * @param what a function is asked when the time is over
 */
export async function within<T>(
  promise: Promise<T>,
  limitMs: number,
  what: string | (() => string),
): Promise<T> {
  const timeoutMs = patient(limitMs);
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const late = typeof what === 'string' ? what : what();
      reject(new ConformanceFailure(`${late}: not within ${timeoutMs} ms`));
    }, timeoutMs);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

const POLL_MS = 5;

/** Waits until `check` holds; fails with `what` when it does not within `limitMs` on an idle machine. */
export async function eventually(check: () => boolean, what: string, limitMs = 5000): Promise<void> {
  const timeoutMs = patient(limitMs);
  const end = performance.now() + timeoutMs;
  while (!check()) {
    if (performance.now() > end) fail(`${what}: not within ${timeoutMs} ms`);
    await sleep(POLL_MS);
  }
}

/** Follows a promise without waiting for it, and without leaving a rejection unhandled. */
export class Watched<T> {
  state: 'pending' | 'resolved' | 'rejected' = 'pending';
  value: T | undefined = undefined;
  error: unknown = undefined;

  constructor(readonly promise: Promise<T>) {
    promise.then(
      (value) => {
        this.state = 'resolved';
        this.value = value;
      },
      (error: unknown) => {
        this.state = 'rejected';
        this.error = error;
      },
    );
  }

  get settled(): boolean {
    return this.state !== 'pending';
  }

  /** Fails if it settles before `durationMs` have passed; what was due by then has its turn, however late that comes. */
  async staysPending(durationMs: number, what: string): Promise<void> {
    const end = performance.now() + durationMs;
    for (let isOver = false; !isOver;) {
      isOver = performance.now() >= end;
      await sleep(POLL_MS);
      await turn();
      if (this.settled) {
        fail(`${what}: expected it to stay pending, but it ${this.state} ${describeError(this.error ?? '')}`);
      }
    }
  }
}
