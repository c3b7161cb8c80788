import { ErrSnapshotNotSent, ErrSnapshotStopped } from '../../errors/snapshot.js';
import type { IClock } from '../../runtime/clock.js';
import { onAbort } from '../../runtime/on-abort.js';

export interface Limits {
  clock: IClock;
  signal: AbortSignal;
  timeoutMs: number;
  /** What is waited for, for the error. */
  what: string;
}

/**
 * Waits for `promise` no longer than `timeoutMs`, and not after `signal` has aborted. What it settles with later is
 * given to `late`, or dropped.
 *
 * @throws ErrSnapshotStopped, ErrSnapshotNotSent, what the promise rejects with
 */
export function within<T>(promise: Promise<T>, limits: Limits, late?: (value: T) => void): Promise<T> {
  const { clock, signal, timeoutMs, what } = limits;
  return new Promise<T>((resolve, reject) => {
    let isOver = false;
    let endWait = (): void => undefined;
    const end = (settle: () => void): void => {
      if (isOver) return;
      isOver = true;
      timer.cancel();
      endWait();
      settle();
    };
    const stop = (): void => {
      end(() => reject(new ErrSnapshotStopped(`${what} was called off`, { cause: signal.reason })));
    };
    const timer = clock.setTimeout(() => {
      end(() => reject(new ErrSnapshotNotSent(`${what} took more than ${timeoutMs} ms`)));
    }, timeoutMs);
    promise.then(
      (value) => {
        if (isOver) late?.(value);
        else end(() => resolve(value));
      },
      (error: Error) => end(() => reject(error)),
    );
    endWait = onAbort(signal, stop);
  });
}

/** Resolves after `delayMs`. Rejects with ErrSnapshotStopped when `signal` aborts before. */
export function pause(clock: IClock, delayMs: number, signal: AbortSignal, what: string): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const timer = clock.setTimeout(() => {
      endWait();
      resolve();
    }, delayMs);
    const endWait = onAbort(signal, () => {
      timer.cancel();
      reject(new ErrSnapshotStopped(`${what} was called off`, { cause: signal.reason }));
    });
  });
}
