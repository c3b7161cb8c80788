import type { Core } from './core.js';

/** Reused by all cores, which run one at a time; grows to the largest membership seen. */
const scratch: number[] = [];

/** Leader: the highest index that a quorum of the voting members has made durable. */
export function quorumMatch(core: Core): number {
  let count = 0;
  if (core.isVoter) scratch[count++] = core.log.stable;
  for (const remote of core.remotes) if (!remote.isObserver) scratch[count++] = remote.match;
  if (count < core.quorum) return 0;
  // Insertion sort, descending: there are three or five of them.
  for (let i = 1; i < count; i++) {
    const value = scratch[i] as number;
    let slot = i;
    while (slot > 0 && (scratch[slot - 1] as number) < value) {
      scratch[slot] = scratch[slot - 1] as number;
      slot -= 1;
    }
    scratch[slot] = value;
  }
  return scratch[core.quorum - 1] as number;
}

/** Leader: whether a quorum of the voting members, itself included, was heard of since the last check. */
export function isQuorumActive(core: Core): boolean {
  let count = core.isVoter ? 1 : 0;
  for (const remote of core.remotes) if (!remote.isObserver && remote.active) count += 1;
  return count >= core.quorum;
}

/** Leader: begins a new period of the quorum check. */
export function resetActivity(core: Core): void {
  for (const remote of core.remotes) {
    if (!remote.active && !remote.wasActive) remote.catchUpFrom = 0;
    remote.wasActive = remote.active;
    remote.active = false;
  }
}

/** The lowest index that every remote heard of lately has; anything when there are none to care for. */
export function matchedByActive(core: Core): number {
  let lowest = core.log.lastIndex;
  if (core.role !== 'leader') return lowest;
  for (const remote of core.remotes) {
    if ((remote.active || remote.wasActive) && remote.match < lowest) lowest = remote.match;
  }
  return lowest;
}
