import { type Message, MessageType } from '@drakkar/raftio';
import type { Core } from './core.js';
import { isTransferOver } from './leader-transfer.js';
import { hearCandidate, isDistrusted, mustNotVoteFor } from './lost-entries.js';
import { leavesToOthers } from './progress.js';
import { askForLeader } from './quiesce.js';
import { becomeCandidate, becomeFollower, becomeLeader, becomePreCandidate, setLeader } from './roles.js';
import { leavesCampaign } from './stall.js';
import { MAX_TERM } from './term-bound.js';
import { leavesAsUnfit } from './unfit.js';

/*
 * Leader election (paper, section 5.2 and 5.4.1), pre-vote (thesis 9.6), the lease that goes with check quorum
 * (thesis 4.2.3) and campaigns ordered by the leader (thesis 3.10).
 */

type VoteRespType = typeof MessageType.RequestVoteResp | typeof MessageType.RequestPreVoteResp;

/** One tick of a replica that does not lead. Who may not campaign asks the members whom it knows for a leader. */
export function tickElection(core: Core): void {
  core.electionElapsed += 1;
  if (core.electionElapsed < core.electionDeadline) return;
  if (core.role === 'observer') {
    // It never campaigns, but it must not go on forwarding to a leader that is gone.
    core.resetElectionTimer();
    setLeader(core, 0);
    askForLeader(core);
    return;
  }
  campaign(core, false);
}

/** Without a whole message of the leader, though one is on its way all the time. */
const MAX_ARRIVAL_ELECTIONS = 4;

/**
 * Bytes of a message of the leader have come, so that it lives, and what it sends behind them, heartbeats too, has to
 * wait. They put the election timer back, but not indefinitely: what they belong to was not seen yet.
 */
export function noteArrival(core: Core, term: number): void {
  const { electionTimeoutTicks } = core.config;
  const isFollowing = core.leaderID !== 0 && core.role !== 'leader' && core.term === term;
  const ticks = core.forgivenTicks + core.electionElapsed;
  if (!isFollowing || ticks > MAX_ARRIVAL_ELECTIONS * electionTimeoutTicks) return;
  core.forgivenTicks = ticks;
  core.electionElapsed = 0;
}

/**
 * Stands for election if it may. It may not:
 *
 * - when it is not a voting member;
 * - while a committed config change is not applied: its membership could be two changes behind that of others, and
 *   quorums that far apart need not overlap (see update.ts for the other half of this);
 * - while a save is stuck: a leader with a stalled disk would be one in name only;
 * - while its state machine stands still, unless nobody else has won for long (stall.ts);
 * - while a leader finds that it has forgotten what it acknowledged, when it was removed, or when no term is left.
 */
export function campaign(core: Core, isTransfer: boolean): void {
  const change = core.log.unappliedConfigChanges[0];
  const hasChangeToApply = change !== undefined && change <= core.log.commit;
  const mayNotLead = core.isDiskStalled || isDistrusted(core) || core.isRemoved || core.term >= MAX_TERM;
  const isUnfit = mayNotLead || (!isTransfer && (leavesToOthers(core) || leavesAsUnfit(core)));
  if (!core.isVoter || core.role === 'leader' || hasChangeToApply || isUnfit || leavesCampaign(core)) {
    core.resetElectionTimer();
    if (core.role === 'leader' || isTransfer) return;
    setLeader(core, 0);
    askForLeader(core);
    return;
  }
  if (core.config.preVote && !isTransfer && core.quorum > 1) {
    becomePreCandidate(core);
    requestVotes(core, MessageType.RequestPreVote);
    return;
  }
  startElection(core, isTransfer);
}

function startElection(core: Core, isTransfer: boolean): void {
  becomeCandidate(core, isTransfer);
  requestVotes(core, MessageType.RequestVote);
}

function requestVotes(
  core: Core,
  type: typeof MessageType.RequestVote | typeof MessageType.RequestPreVote,
): void {
  for (const remote of core.remotes) {
    if (remote.isObserver) continue;
    core.send({
      type,
      to: remote.nodeID,
      term: type === MessageType.RequestPreVote ? core.term + 1 : core.term,
      logIndex: core.log.lastIndex,
      logTerm: core.log.lastTerm,
      // As Dragonboat marks a campaign ordered by the leader, which no lease holds up.
      hint: core.isTransferCampaign ? core.nodeID : 0,
    });
  }
}

/** Whether a RequestVote is to be ignored, its term included, since the leader lives (thesis 4.2.3). */
export function isHeldUpByLease(core: Core, message: Message): boolean {
  if (!core.config.checkQuorum || message.hint === message.from) return false;
  return hasLeaseAgainst(core, message.from);
}

/** A leader that stands for election does not lead any more: it was restarted. */
function hasLeaseAgainst(core: Core, candidate: number): boolean {
  return core.hasLease && candidate !== core.leaderID;
}

/**
 * RequestVote of our own term (a later one has been taken over before).
 *
 * An observer is never asked, unless it was promoted and has not heard of it: then it must answer like any voting
 * member. Take a group of one voting member and an observer. The first promotes the second, commits that alone, and
 * restarts before it could tell: from now on it needs the other's vote, and the other learns only from a leader.
 */
export function handleRequestVote(core: Core, message: Message): void {
  hearCandidate(core, message);
  const isFree =
    !mustNotVoteFor(core, message) &&
    (core.vote === message.from || (core.vote === 0 && core.leaderID === 0));
  const isGranted = isFree && core.log.isUpToDate(message.logIndex, message.logTerm);
  if (isGranted) {
    core.vote = message.from;
    core.resetElectionTimer();
  }
  answerVote(core, MessageType.RequestVoteResp, message.from, core.term, !isGranted);
}

/**
 * Beside the answer it tells our commit index and the term there, which Dragonboat ignores. A candidate may stand
 * only because it does not know how far the log is committed: of a group of two, when the leader removed itself and
 * the news was lost, the one who stays would indefinitely ask the other for a vote that it can't have.
 */
function answerVote(core: Core, type: VoteRespType, to: number, term: number, reject: boolean): void {
  const { log } = core;
  core.send({ type, to, term, reject, commit: log.commit, logTerm: Math.max(0, log.term(log.commit)) });
}

/** An entry that is committed elsewhere is committed here, if it is the same: with it all before it (paper, 5.3). */
function learnCommit(core: Core, message: Message): void {
  const { commit, logTerm } = message;
  if (core.role !== 'leader' && logTerm > 0 && core.log.term(commit) === logTerm) core.log.commitTo(commit);
}

/**
 * Would we vote for it? A promise of nothing, so nothing is saved for it. A replica whose disk is stuck could not
 * keep its word and says nothing. The answer yes carries the term asked for, the answer no our own.
 */
export function handleRequestPreVote(core: Core, message: Message): void {
  if (core.isDiskStalled) return;
  hearCandidate(core, message);
  const isGranted =
    message.term > core.term &&
    !hasLeaseAgainst(core, message.from) &&
    !mustNotVoteFor(core, message) &&
    core.role !== 'leader' &&
    core.log.isUpToDate(message.logIndex, message.logTerm);
  const term = isGranted ? message.term : core.term;
  answerVote(core, MessageType.RequestPreVoteResp, message.from, term, !isGranted);
}

/** RequestVote of an earlier term: the candidate learns ours (paper, section 5.1). */
export function refuseLateVote(core: Core, message: Message): void {
  answerVote(core, MessageType.RequestVoteResp, message.from, core.term, true);
}

export function handleVoteResp(core: Core, message: Message): void {
  learnCommit(core, message);
  const wanted = core.role === 'candidate' ? MessageType.RequestVoteResp : MessageType.RequestPreVoteResp;
  if ((core.role !== 'candidate' && core.role !== 'preCandidate') || message.type !== wanted) return;
  // A yes to an earlier pre-vote says nothing about this one.
  if (core.role === 'preCandidate' && !message.reject && message.term !== core.term + 1) return;
  if (!core.membership.addresses.has(message.from) || core.votes.has(message.from)) return;
  core.votes.set(message.from, !message.reject);
  countVotes(core);
}

/** A candidate's own vote counts only when it is durable, so this is asked again after every save. */
export function countVotes(core: Core): void {
  if (core.role === 'candidate' ? !core.isHardStateDurable : core.role !== 'preCandidate') return;
  let granted = 0;
  let rejected = 0;
  for (const [nodeID, isGranted] of core.votes) {
    if (!core.membership.addresses.has(nodeID)) continue;
    if (isGranted) granted += 1;
    else rejected += 1;
  }
  if (granted >= core.quorum) {
    if (core.role === 'candidate') becomeLeader(core);
    else startElection(core, false);
  } else if (rejected >= core.quorum) {
    becomeFollower(core, core.term, 0);
  }
}

/** The leader that we follow asks us to campaign at once: no pre-vote, and no lease stands in the way (thesis 3.10). */
export function handleTimeoutNow(core: Core, message: Message): void {
  if (core.role !== 'follower' || core.leaderID !== message.from || isTransferOver(core, message)) return;
  campaign(core, true);
}
