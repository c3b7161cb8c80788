import type { Membership } from '@drakkar/raftio';
import type { Core } from './core.js';
import { countVotes } from './election.js';
import { violated } from './errors.js';
import { broadcastHeartbeat } from './heartbeat.js';
import { giveUpTransfer } from './leader-transfer.js';
import { setMembership } from './membership.js';
import { releaseConfirmed } from './read-index.js';
import { advanceCommit, flushReplication } from './replication.js';
import { becomeFollower } from './roles.js';

/*
 * Membership changes, one server at a time (thesis 4.1), in force when applied. Three rules make that safe:
 *
 * - one at a time: none is appended while another in the log is not applied here;
 * - none before the leader has committed an entry of its own term (the erratum to the thesis);
 * - a replica applies one only when its commit index is durable (update.ts) and does not campaign with one committed
 *   and not applied (election.ts), so two replicas that matter are never more than one change apart.
 */

/** Whether the leader may append a config change. */
export function mayChangeConfig(core: Core): boolean {
  return core.log.unappliedConfigChanges.length === 0 && core.log.commit >= core.termStart;
}

/** The oldest config change handed out is done; false when a snapshot has overtaken it since. */
function settleConfigChange(core: Core): boolean {
  const { log } = core;
  if (log.overtakenConfigChanges > 0) {
    log.overtakenConfigChanges -= 1;
    return false;
  }
  const index = log.unappliedConfigChanges[0];
  if (index === undefined || index > log.applyHanded) {
    return violated('a config change was applied that was not handed out', { index });
  }
  log.unappliedConfigChanges.shift();
  return true;
}

export function rejectConfigChange(core: Core): void {
  settleConfigChange(core);
}

export function applyConfigChange(core: Core, membership: Membership): void {
  if (!settleConfigChange(core)) return;
  const wasVoter = core.isVoter;
  if (core.role === 'leader') {
    // Those who are about to be removed, and those who stay when we are, get a last chance to learn the commit index.
    flushReplication(core);
    broadcastHeartbeat(core);
  }
  setMembership(core, membership);
  if (core.role === 'leader') {
    if (!core.isVoter) {
      becomeFollower(core, core.term, 0);
      return;
    }
    if (core.transferTarget !== 0) {
      const target = core.remote(core.transferTarget);
      if (target === undefined || target.isObserver) giveUpTransfer(core);
    }
    core.replicationDue = true;
    advanceCommit(core);
    releaseConfirmed(core);
  } else if (wasVoter && !core.isVoter) {
    becomeFollower(core, core.term, core.leaderID);
  } else {
    countVotes(core);
  }
}
