import type { IClock, Timer } from './clock.js';

/**
 * Waits for `work`, `timeoutMs` at most; 0 = for as long as it takes. Whether it is done: if not, it goes on, and how
 * it ends is nobody's business any more. Throws what it throws.
 */
export async function finishesWithin(
  work: Promise<unknown>,
  timeoutMs: number,
  clock: IClock,
): Promise<boolean> {
  const done = work.then(() => true);
  if (timeoutMs === 0) return await done;
  let timer: Timer | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = clock.setTimeout(() => resolve(false), timeoutMs);
  });
  try {
    return await Promise.race([done, late]);
  } finally {
    timer?.cancel();
  }
}
