import type { Core } from './core.js';

/*
 * A state machine that hangs, or stands still for long. Its replica goes on as a member, for its log is sound, but a
 * leader that applies nothing answers nothing: it leaves office when another voting member has applied more. When
 * nobody has, it stays, so that a group whose state machines all hang at the same entry does not change leaders for
 * nothing. A replica that stands still does not campaign until it applies again; only when nobody else has won for
 * several election timeouts does it, for its log may be the only one that can win. It then brings the others up to date.
 */

/** Election timeouts without an entry applied, while there are some to apply, that make a stall. */
export const STALL_ELECTION_TIMEOUTS = 5;
/** Between two reports, at most, in units of the time that makes a stall. */
const MAX_PAUSES = 64;
/** Campaigns that a replica with a stalled state machine leaves to others. */
const CAMPAIGNS_LEFT_TO_OTHERS = 8;

/** What the engine says of a long piece of work, and `applied` at its end. */
export function noteApplied(core: Core, index: number): void {
  const { applying } = core;
  if (index <= applying.index) return;
  applying.index = index;
  applying.sinceTick = core.ticks;
  applying.isReported = false;
  applying.campaignsLeft = CAMPAIGNS_LEFT_TO_OTHERS;
}

/**
 * Each tick: with nothing to apply, time does not count; the first tick of a stall reports it. A state machine that is
 * slow with every entry stalls with each of them: pauses between reports double.
 */
export function tickApplying(core: Core): void {
  const { applying, log, ticks, config } = core;
  if (log.applied >= log.applyHanded) {
    applying.sinceTick = core.ticks;
    applying.isReported = false;
    applying.campaignsLeft = CAMPAIGNS_LEFT_TO_OTHERS;
  }
  if (applying.isReported || ticks < applying.nextReportTick || !isApplyingStalled(core)) return;
  applying.isReported = true;
  const isSoonAgain = ticks - applying.nextReportTick < applying.pauseTicks;
  const pauseTicks = STALL_ELECTION_TIMEOUTS * config.electionTimeoutTicks;
  applying.pauseTicks = isSoonAgain ? Math.min(2 * applying.pauseTicks, MAX_PAUSES * pauseTicks) : pauseTicks;
  applying.nextReportTick = ticks + applying.pauseTicks;
  core.outbox.reports.push({ type: 'stateMachineStalled', applied: applying.index, commit: log.commit });
}

export function isApplyingStalled(core: Core): boolean {
  const { applying, log, ticks, config } = core;
  const limit = STALL_ELECTION_TIMEOUTS * config.electionTimeoutTicks;
  return log.applied < log.applyHanded && ticks - applying.sinceTick >= limit;
}

/** Leader: whether to leave office to a voting member that has applied more, and whose log can win. */
export function hasFitterMember(core: Core): boolean {
  return core.remotes.some(
    ({ isObserver, active, wasActive, match, applied }) =>
      !isObserver &&
      (active || wasActive) &&
      match >= core.log.commit &&
      applied !== undefined &&
      // Dragonboat and 0.1 do not say how far they are.
      (applied === 0 || applied > core.applying.index),
  );
}

/** Whether a campaign is to be left to others. A snapshot that is being recovered is no stall: the log is newer. */
export function leavesCampaign(core: Core): boolean {
  if (!isApplyingStalled(core) || core.log.isRecovering) return false;
  core.applying.campaignsLeft -= 1;
  if (core.applying.campaignsLeft >= 0) return true;
  core.applying.campaignsLeft = CAMPAIGNS_LEFT_TO_OTHERS;
  return false;
}
