import type { Core } from './core.js';
import { broadcastHeartbeat } from './heartbeat.js';
import { tickTransfer } from './leader-transfer.js';
import { raiseLevel } from './level.js';
import { reportOutdated } from './outdated.js';
import { isFruitless } from './progress.js';
import { isQuorumActive, resetActivity } from './quorum.js';
import { expireReads } from './read-index.js';
import { becomeFollower } from './roles.js';
import { hasFitterMember, isApplyingStalled } from './stall.js';
import type { StepDownReason } from './types.js';
import { isUnfitToLead } from './unfit.js';

/**
 * Without check quorum a leader is patient, but not indefinitely. Those that hear it refuse their pre-vote, or never
 * campaign; if it can not hear a quorum, a majority that is connected would have no leader that can do anything.
 */
const PERIODS_WITHOUT_QUORUM = 4;

/** One tick of a leader: heartbeats (paper, 5.2), check quorum (thesis 6.2), the disk, and the transfer's patience. */
export function tickLeader(core: Core): void {
  if (core.isDiskStalled) {
    stepDown(core, 'diskStalled');
    return;
  }
  if (isApplyingStalled(core) && hasFitterMember(core)) {
    stepDown(core, 'stateMachineStalled');
    return;
  }
  if (isUnfitToLead(core)) {
    stepDown(core, 'stateDiverged');
    return;
  }
  if (isFruitless(core)) {
    stepDown(core, 'noProgress');
    return;
  }
  core.electionElapsed += 1;
  if (core.electionElapsed >= core.config.electionTimeoutTicks) {
    core.electionElapsed = 0;
    core.periodsAlone = isQuorumActive(core) ? 0 : core.periodsAlone + 1;
    if (core.periodsAlone >= (core.config.checkQuorum ? 1 : PERIODS_WITHOUT_QUORUM)) {
      stepDown(core, 'noQuorum');
      return;
    }
    reportOutdated(core);
    resetActivity(core);
  }
  tickTransfer(core);
  expireReads(core);
  raiseLevel(core);
  core.heartbeatElapsed += 1;
  if (core.heartbeatElapsed >= core.config.heartbeatTicks) broadcastHeartbeat(core);
}

function stepDown(core: Core, reason: StepDownReason): void {
  core.outbox.reports.push({ type: 'steppedDown', term: core.term, reason });
  becomeFollower(core, core.term, 0);
}
