import { onAbort } from './on-abort.js';

/** Waits for `work`, or rejects with what `reason` gives as soon as `signal` aborts. The work itself goes on. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal, reason: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const endWait = onAbort(signal, () => reject(reason()));
    void work.then(resolve, reject).finally(endWait);
  });
}
