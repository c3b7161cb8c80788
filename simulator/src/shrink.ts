import type { Fault } from './cluster/fault-plan.js';

/** Resolves to whether the plan still makes the simulation fail in the same way. */
export type StillFails = (plan: readonly Fault[]) => Promise<boolean>;

/**
 * A smaller plan that fails too: long runs of faults are left out, then shorter ones, until nothing more can go or
 * `isLate` says that it is enough.
 */
export async function shrinkPlan(
  plan: readonly Fault[],
  stillFails: StillFails,
  isLate: () => boolean,
): Promise<readonly Fault[]> {
  let kept = plan;
  let hasChanged = true;
  while (hasChanged && !isLate()) {
    hasChanged = false;
    for (let runLength = Math.ceil(kept.length / 2); runLength >= 1; runLength = Math.floor(runLength / 2)) {
      for (let start = 0; start < kept.length && !isLate();) {
        const candidate = [...kept.slice(0, start), ...kept.slice(start + runLength)];
        if (await stillFails(candidate)) {
          kept = candidate;
          hasChanged = true;
        } else {
          start += runLength;
        }
      }
    }
  }
  return kept;
}
