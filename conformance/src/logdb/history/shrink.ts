import type { Step } from './steps.js';

/**
 * A shorter history that still fails, as short as is found until the time is up. `fails` says with what it fails, and
 * gives undefined for one that passes.
 */
export async function shrink(
  steps: readonly Step[],
  fails: (steps: readonly Step[]) => Promise<string | undefined>,
  budgetMs: number,
): Promise<{ steps: readonly Step[]; failure: string | undefined }> {
  const end = performance.now() + budgetMs;
  let shortest = steps;
  let failure: string | undefined;
  for (let size = Math.ceil(steps.length / 2); size >= 1;) {
    let isShorter = false;
    for (let from = 0; from < shortest.length && performance.now() < end; from += size) {
      const candidate = [...shortest.slice(0, from), ...shortest.slice(from + size)];
      const found = await fails(candidate);
      if (found === undefined) continue;
      shortest = candidate;
      failure = found;
      isShorter = true;
      from -= size;
    }
    if (performance.now() >= end || (size === 1 && !isShorter)) break;
    if (!isShorter) size = Math.floor(size / 2);
    else size = Math.min(size, Math.max(1, Math.ceil(shortest.length / 2)));
  }
  return { steps: shortest, failure };
}
