import type { Message } from '@drakkar/raftio';
import type { Core } from './core.js';

/*
 * A leader counts on entries that this replica acknowledged and does not have: its disk was wiped, or an old copy was
 * put back. What has forgotten entries has forgotten votes, too. With its vote a candidate that lacks what is committed
 * could win, so it votes for nobody who may lack it, and does not campaign, until its log has come as far as is
 * claimed. Since a message may claim anything, the leader must claim it in two ticks, or the doubt ends by itself; and
 * whatever a leader says later that can not be true together with the claim ends it, too.
 */

/** For how long a claim holds that is not repeated. */
const SINGLE_CLAIM_ELECTION_TIMEOUTS = 10;

/** What a leader has claimed that this replica had acknowledged. */
export class LostEntries {
  /** 0: nothing is claimed. */
  index = 0;
  /** Of the leader that claims it. */
  term = 0;
  sinceTick = 0;
  isRepeated = false;
}

/** A leader's message names a commit index that is not there. Only the leader that is followed here is believed. */
export function noteLostEntries(core: Core, { from, term, commit }: Message): boolean {
  if (core.role === 'leader' || (core.hasLease && from !== core.leaderID)) return false;
  const { lost } = core;
  if (lost.index === 0 || term !== lost.term) {
    core.lost = Object.assign(new LostEntries(), { index: commit, term, sinceTick: core.ticks });
    return true;
  }
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

/** Whether a candidate must not have this replica's vote. One that has all that is claimed does no harm. */
export function mustNotVoteFor(core: Core, { term, logTerm, logIndex }: Message): boolean {
  const { lost } = core;
  const hasAll = term > lost.term && logTerm >= lost.term && logIndex >= lost.index;
  return isDistrusted(core) && !hasAll;
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
