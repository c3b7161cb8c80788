import { fail } from '../suite/assert.js';
import { patient, sleep } from '../suite/wait.js';
import type { Host } from './harness.js';

const PATIENCE_MS = 8000;
const POLL_MS = 5;

/** Waits for so many batches in all; a machine that is busy may be slow, so that only a standstill is a failure. */
export async function allArrive({ batches }: Host, count: number, what: string): Promise<void> {
  const patienceMs = patient(PATIENCE_MS);
  let arrived = batches.length;
  let end = performance.now() + patienceMs;
  while (batches.length < count) {
    if (batches.length > arrived) end = performance.now() + patienceMs;
    arrived = batches.length;
    if (performance.now() > end) {
      fail(
        `${what}: of ${count} that were taken ${arrived} arrived, and no further one within ${patienceMs} ms`,
      );
    }
    await sleep(POLL_MS);
  }
}
