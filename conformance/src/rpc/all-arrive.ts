import { fail } from '../suite/assert.js';
import { sleep } from '../suite/wait.js';
import type { Host } from './harness.js';

const PATIENCE_MS = 8000;
const POLL_MS = 5;

/** Waits for so many batches in all; a machine that is busy may be slow, so that only a standstill is a failure. */
export async function allArrive({ batches }: Host, count: number, what: string): Promise<void> {
  let arrived = batches.length;
  let end = performance.now() + PATIENCE_MS;
  while (batches.length < count) {
    if (batches.length > arrived) end = performance.now() + PATIENCE_MS;
    arrived = batches.length;
    if (performance.now() > end) {
      fail(
        `${what}: of ${count} that were taken ${arrived} arrived, and no further one within ${PATIENCE_MS} ms`,
      );
    }
    await sleep(POLL_MS);
  }
}
