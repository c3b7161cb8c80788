import type { Message } from '@drakkar/raftio';
import type { Core } from './core.js';
import { LostEntries } from './state.js';

/*
 * A leader counts on entries that this replica acknowledged and does not have: its disk was wiped, or an old copy was
 * put back. What has forgotten entries has forgotten votes, too, and may have acknowledged more than the leader knows to
 * be committed. With its vote a candidate that lacks what is committed could win, so it does not campaign, and votes for
 * nobody but the very leader that counts on it. Since a message may claim anything, the same leader must claim it in
 * two ticks, or the doubt ends by itself. A claim that was repeated is found true: the host records it, and a restart begins
 * with it. It ends when the log has come as far as is claimed, and with whatever a leader says later that can't be true
 * together with it.
 */

/** For how many election timeouts a claim holds that is not repeated. */
const SINGLE_CLAIM_ELECTION_TIMEOUTS = 10;

/**
 * A leader's message names a commit index that is not there. Only the leader that is followed here is believed, and
 * nobody by the only voting member of a group. Whether the claim is noted.
 */
export function noteLostEntries(core: Core, { from, term, commit }: Message): boolean {
  if (core.isVoter && core.quorum === 1) return false;
  if (core.role === 'leader' || (core.hasLease && from !== core.leaderID)) return false;
  const { lost } = core;
  // A term has one leader: where two claim it in one, each has said it once.
  const isAnother = term !== lost.term || from !== lost.leaderID;
  if (lost.index === 0 || (isAnother && !lost.isRepeated)) {
    const claim = { index: commit, term, leaderID: from, sinceTick: core.ticks };
    core.lost = Object.assign(new LostEntries(), claim);
    return true;
  }
  if (term > lost.term) Object.assign(lost, { term, leaderID: from });
  lost.index = Math.max(lost.index, commit);
  lost.isRepeated ||= core.ticks > lost.sinceTick;
  return true;
}

/** Whether what this replica remembers is in doubt. */
export function isDistrusted(core: Core): boolean {
  const { lost, ticks, config } = core;
  if (lost.index === 0) return false;
  return (
    lost.isRepeated || ticks - lost.sinceTick < SINGLE_CLAIM_ELECTION_TIMEOUTS * config.electionTimeoutTicks
  );
}

/** Whether a candidate must not have this replica's vote. The leader that counts on it has all that is committed. */
export function mustNotVoteFor(core: Core, { from, term, logTerm, logIndex }: Message): boolean {
  const { lost } = core;
  const hasAll = from === lost.leaderID && term > lost.term && logTerm >= lost.term && logIndex >= lost.index;
  return isDistrusted(core) && !hasAll;
}

/**
 * Somebody asks for a vote. The claim is over when that is the leader which is said to have made it, and its log does
 * not go as far: another has forged it. What that leader has asked for before it led may be late, and says nothing.
 */
export function hearCandidate(core: Core, { from, term, logIndex }: Message): void {
  const { lost } = core;
  const isOfClaimant = lost.index !== 0 && from === lost.leaderID && term > lost.term;
  if (isOfClaimant && logIndex < lost.index) core.lost = new LostEntries();
}

/**
 * Follower: a leader's message of the present term was taken. The claim is over when the log is the leader's up to
 * there; when the same leader knows of less now; and when a later leader has committed an entry of its own term: that
 * one stands behind everything that was committed before.
 *
 * @param matched up to where the log is the leader's
 * @param claimed what a heartbeat of the leader says that this replica has; undefined: no heartbeat
 */
export function regainTrust(core: Core, matched: number, claimed?: number): void {
  const { lost, log, term } = core;
  if (lost.index === 0 || term < lost.term) return;
  const isThere = Math.max(matched, log.commit) >= lost.index;
  const isTakenBack = term === lost.term && claimed !== undefined && claimed < lost.index;
  const isRefuted = term > lost.term && log.term(log.commit) === term;
  if (isThere || isTakenBack || isRefuted) core.lost = new LostEntries();
}
