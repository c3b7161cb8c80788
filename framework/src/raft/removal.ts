import { Feature, type Message, MessageType } from '@drakkar/raftio';
import type { Core } from './core.js';
import { isQuestion } from './quiesce.js';
import type { RemovalWord } from './state.js';

/*
 * A member that was removed while it was away does not learn that from its log, for nobody sends it any. When it asks
 * for votes or for a leader, members that have applied its removal say so by a NotMember message, which names the
 * index of the change that their membership is of. A removal that was applied is committed, and permanently.
 *
 * Nothing vouches for that word, so it counts only at a replica that hears no leader, from members that it lists, and
 * of a membership later than its own. One member that lies must not end a replica that is only without a leader for a
 * while, so most of the other voting members must say it, as far as this replica knows them, and say it again an election
 * timeout later: a healthy group has a leader by then. But those may be gone, too, or away and none the wiser: then the
 * word of any member counts when it was repeated for ten election timeouts, in which no leader was heard. Who lies for that long to a replica that is cut off from all others ends it until it is
 * started again: nothing is recorded.
 */

const PATIENCE_ELECTION_TIMEOUTS = 10;
/** A replica asks once in two election timeouts, at least; a word that is not repeated in twice that time is no more. */
const WORD_ELECTION_TIMEOUTS = 4;

/** The sender was removed; it may not know. */
export function answerRemoved(core: Core, message: Message): void {
  const { type, from } = message;
  const isAsking =
    type === MessageType.RequestVote || type === MessageType.RequestPreVote || isQuestion(message);
  if (!isAsking || !core.peerKnows(from, Feature.NotMember)) return;
  const { configChangeID } = core.membership;
  core.send({ type: MessageType.NotMember, to: from, term: 0, logIndex: configChangeID });
}

/** A member says that this replica was removed. */
export function handleNotMember(core: Core, { from, logIndex }: Message): void {
  const { config, membership, removalWords, ticks } = core;
  if (core.isRemoved || core.role === 'leader' || core.hasLease) return;
  if (core.remote(from) === undefined || logIndex <= membership.configChangeID) return;
  const { electionTimeoutTicks } = config;
  for (const [nodeID, { lastTick }] of removalWords) {
    if (ticks - lastTick > WORD_ELECTION_TIMEOUTS * electionTimeoutTicks) removalWords.delete(nodeID);
  }
  const word = removalWords.get(from) ?? { sinceTick: ticks, lastTick: ticks };
  word.lastTick = ticks;
  removalWords.set(from, word);
  const isInsisted = isRepeatedFor(core, word, PATIENCE_ELECTION_TIMEOUTS);
  if (!isInsisted && !isSaidByMost(core)) return;
  core.isRemoved = true;
  core.outbox.reports.push({ type: 'removed', saidBy: [...removalWords.keys()] });
}

function isRepeatedFor(
  { config }: Core,
  { sinceTick, lastTick }: RemovalWord,
  electionTimeouts: number,
): boolean {
  return lastTick - sinceTick >= electionTimeouts * config.electionTimeoutTicks;
}

/** By most of the other voting members, and again. */
function isSaidByMost(core: Core): boolean {
  let others = 0;
  let sayers = 0;
  for (const { nodeID, isObserver } of core.remotes) {
    if (isObserver) continue;
    others += 1;
    const word = core.removalWords.get(nodeID);
    if (word !== undefined && isRepeatedFor(core, word, 1)) sayers += 1;
  }
  return sayers > others / 2;
}

/** A leader is heard: it counts this replica as a member, whatever others say. */
export function forgetRemovalWords(core: Core): void {
  if (core.removalWords.size > 0) core.removalWords.clear();
}
