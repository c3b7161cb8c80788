import { setTimeout as delay } from 'node:timers/promises';

const POLL_INTERVAL_MS = 20;

/** Asks until there is an answer. Rejects with `problem` when the time is over. */
export async function pollUntil<T>(
  timeoutMs: number,
  problem: string,
  ask: () => Promise<T | undefined>,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) throw new Error(`${problem} after ${timeoutMs} ms`);
    await delay(POLL_INTERVAL_MS);
  }
}
