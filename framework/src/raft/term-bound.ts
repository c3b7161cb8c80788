import { type Message, MessageType } from '@drakkar/raftio';
import type { Core } from './core.js';
import { MAX_TERM_CREDIT } from './state.js';

/*
 * How far a message may take this replica's term ahead. Terms grow by about one an election, so the group of a replica
 * that was away for years is within reach, and one message of a term near the largest integer, after which no leader
 * could ever be elected, is not.
 *
 * - A replica has a credit of 2^32 terms, which messages use up and which grows again by 1,024 a tick. At a thousand
 *   ticks a second, and a sender that uses up all of it, 2^53 is some three hundred years away.
 * - A member brought to the edge of that by a lie, and one term further by itself, must not be lost to the others. So a
 *   listed member that goes on claiming such a term for two election timeouts is approached, credit by credit. What is
 *   further than twice the credit no lie could have made of a member, and it is never taken.
 */

const TERM_CREDIT_PER_TICK = 1_024;
/** Nobody stands for election in a term beyond this: its successors could not be written down. */
export const MAX_TERM = Number.MAX_SAFE_INTEGER - 1;

export function tickTermCredit(core: Core): void {
  core.termCredit = Math.min(MAX_TERM_CREDIT, core.termCredit + TERM_CREDIT_PER_TICK);
}

/** The term that a message claims to be the group's. */
function claimedTerm({ type, term, snapshot }: Message): number {
  return type === MessageType.InstallSnapshot && term === 0 ? (snapshot?.term ?? 0) : term;
}

export function isTermOutOfReach(core: Core, message: Message): boolean {
  return claimedTerm(message) - core.term > core.termCredit;
}

/** The network has taken this replica to `term`. */
export function spendTermCredit(core: Core, term: number): void {
  if (term > core.term) core.termCredit -= term - core.term;
}

/**
 * A member claims a term out of reach. Returns the term to be taken over now: the present one, as a rule.
 */
export function approachedTerm(core: Core, message: Message): number {
  const claimed = claimedTerm(message);
  if (core.remote(message.from) === undefined || claimed - core.term > 2 * MAX_TERM_CREDIT) return core.term;
  const patience = 2 * core.config.electionTimeoutTicks;
  const { distant, ticks } = core;
  if (distant?.nodeID !== message.from || ticks - distant.lastTick > patience) {
    core.distant = { nodeID: message.from, sinceTick: ticks, lastTick: ticks };
    return core.term;
  }
  distant.lastTick = ticks;
  return ticks - distant.sinceTick < patience ? core.term : Math.min(claimed, core.term + core.termCredit);
}
