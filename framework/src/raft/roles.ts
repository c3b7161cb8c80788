import { MessageType, makeEntry } from '@drakkar/raftio';
import type { Core } from './core.js';
import { violated } from './errors.js';
import { beginProgress } from './progress.js';
import { dropReads } from './read-index.js';
import { Remote } from './remote.js';

/*
 * Changes of role and term (paper, figures 2 and 4).
 */

/**
 * Takes over a later term: the vote of the old one says nothing about it.
 *
 * Acknowledgements that are not handed out yet are withdrawn. The new leader may overwrite what they speak of in this
 * same turn, before it was ever saved, and the old leader would commit with them what is nowhere.
 */
function enterTerm(core: Core, term: number): void {
  if (term < core.term) violated('the term would go back', { term, current: core.term });
  if (term === core.term) return;
  const { outbox } = core;
  outbox.messagesAfterSave = outbox.messagesAfterSave.filter(
    ({ type }) => type !== MessageType.ReplicateResp,
  );
  core.term = term;
  core.vote = 0;
  core.termLeader = 0;
  core.transfersOver = 0;
}

/** Makes `leaderID` the leader as known; 0 = unknown. There is at most one in a term (paper, section 5.2). */
export function setLeader(core: Core, leaderID: number): void {
  if (leaderID !== 0) {
    if (core.termLeader !== 0 && core.termLeader !== leaderID) {
      violated('two leaders in one term', { term: core.term, leaders: `${core.termLeader} and ${leaderID}` });
    }
    core.termLeader = leaderID;
  }
  if (core.leaderID === leaderID) return;
  if (core.leaderID !== 0) dropReads(core);
  core.leaderID = leaderID;
}

/**
 * Becomes a follower, or stays an observer. The election timer goes on if it ran for a follower: only a live leader
 * and a vote granted put it back (paper, section 5.2), or one with a stale log could hold up all others indefinitely.
 */
export function becomeFollower(core: Core, term: number, leaderID: number): void {
  enterTerm(core, term);
  setLeader(core, leaderID);
  if (core.role !== 'follower' && core.role !== 'observer') {
    core.role = 'follower';
    core.resetElectionTimer();
  }
  core.votes.clear();
  core.transferTarget = 0;
  core.isTransferCampaign = false;
}

/** Thesis 9.6: asks whether a campaign could succeed, and changes neither term nor vote for that. */
export function becomePreCandidate(core: Core): void {
  setLeader(core, 0);
  core.role = 'preCandidate';
  core.isTransferCampaign = false;
  core.resetElectionTimer();
  core.votes.clear();
  core.votes.set(core.nodeID, true);
}

/** The vote for itself counts as granted once it is durable: see `countVotes`. */
export function becomeCandidate(core: Core, isTransfer: boolean): void {
  enterTerm(core, core.term + 1);
  core.vote = core.nodeID;
  setLeader(core, 0);
  core.role = 'candidate';
  core.isTransferCampaign = isTransfer;
  core.resetElectionTimer();
  core.votes.clear();
  core.votes.set(core.nodeID, true);
}

/** Begins the term with an empty entry, which commits all earlier ones along with itself (paper, section 8). */
export function becomeLeader(core: Core): void {
  if (!core.isHardStateDurable) violated('leader of a term that is not durable', { term: core.term });
  core.role = 'leader';
  setLeader(core, core.nodeID);
  core.resetElectionTimer();
  core.heartbeatElapsed = 0;
  core.periodsAlone = 0;
  core.transferTarget = 0;
  core.isTransferCampaign = false;
  core.votes.clear();
  const next = core.log.lastIndex + 1;
  core.remotes = core.remotes.map(({ nodeID, isObserver }) => new Remote(nodeID, isObserver, next, false));
  core.listeningSinceTick = core.ticks;
  core.termStart = next;
  core.raiseIndex = 0;
  core.log.push(makeEntry({ term: core.term, index: next }));
  core.replicationDue = true;
  beginProgress(core);
}
