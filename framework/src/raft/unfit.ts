import type { Core } from './core.js';

/*
 * A replica whose state is known to differ from that of most members. As leader it would hand its state on, by
 * snapshots, to joining replicas: so it leaves office, once, and leaves the next campaigns to others. When nobody else has
 * won for long it stands all the same: its log is sound, and may be the only one that can win.
 */

const CAMPAIGNS_LEFT_TO_OTHERS = 8;

export function setUnfit(core: Core, isUnfit: boolean): void {
  const { unfit } = core;
  if (unfit.isUnfit === isUnfit) return;
  unfit.isUnfit = isUnfit;
  unfit.campaignsLeft = isUnfit ? CAMPAIGNS_LEFT_TO_OTHERS : 0;
}

/** Leader: whether it leaves office for that, to others that there are. */
export function isUnfitToLead({ unfit, quorum }: Core): boolean {
  return unfit.campaignsLeft > 0 && quorum > 1;
}

/** Whether a campaign is left to others. */
export function leavesAsUnfit({ unfit }: Core): boolean {
  if (unfit.campaignsLeft === 0) return false;
  unfit.campaignsLeft -= 1;
  return true;
}
