import { type Message, MessageType } from '@drakkar/raftio';
import type { Core } from './core.js';
import { broadcastHeartbeat } from './replication.js';

/*
 * Quiesce (as in Dragonboat): a group that nobody uses stops its heartbeats and its timers.
 *
 * The leader decides, when it was idle for ten election timeouts and every active remote has and knows everything; it
 * sends Quiesce, and a follower that has nothing open stops too. Whatever concerns the group wakes a replica: a
 * proposal, a read, any message but Quiesce. A wakened leader tells the others by a heartbeat. A follower that did
 * not get the Quiesce message misses the heartbeats, asks for pre-votes and so wakes the group, which goes to sleep
 * again ten election timeouts later: there is no loop that is faster.
 */

const IDLE_ELECTION_TIMEOUTS = 10;

/** Something happened that makes the group not idle. */
export function recordActivity(core: Core): void {
  core.idleTicks = 0;
  wake(core);
}

/** A message of another replica came in. Heartbeats wake, but are no activity. */
export function recordMessage(core: Core, message: Message): void {
  if (!core.config.quiesce) return;
  switch (message.type) {
    case MessageType.Quiesce:
    case MessageType.HeartbeatResp:
      return;
    case MessageType.Heartbeat:
      if (message.hint !== 0) core.idleTicks = 0;
      wake(core);
      return;
    default:
      recordActivity(core);
  }
}

/**
 * The timers start from zero: a leader must not find its quorum gone, nor a follower its leader, for a silence that
 * was agreed upon.
 */
function wake(core: Core): void {
  if (!core.isQuiesced) return;
  core.isQuiesced = false;
  core.idleTicks = 0;
  core.resetElectionTimer();
  if (core.role !== 'leader') return;
  for (const remote of core.remotes) remote.active = true;
  broadcastHeartbeat(core);
}

/** After each tick of a replica that is awake. */
export function tickQuiesce(core: Core): void {
  if (!core.config.quiesce) return;
  core.idleTicks += 1;
  const threshold = IDLE_ELECTION_TIMEOUTS * core.config.electionTimeoutTicks;
  if (core.role !== 'leader' || core.idleTicks <= threshold || !isSettled(core)) return;
  if (core.transferTarget !== 0 || core.reads.confirming.length + core.reads.gathering.length > 0) return;
  for (const remote of core.remotes) {
    if (remote.active && (remote.status !== 'replicate' || remote.match < core.log.lastIndex)) return;
  }
  core.isQuiesced = true;
  for (const remote of core.remotes) {
    core.send({ type: MessageType.Quiesce, to: remote.nodeID, commit: core.log.commit });
  }
}

/** A Go leader sends it with term and commit 0. */
export function handleQuiesce(core: Core, message: Message): void {
  if (!core.config.quiesce || core.role === 'leader' || message.from !== core.leaderID) return;
  if (message.term !== 0 && message.term !== core.term) return;
  const isIdle = core.idleTicks >= core.config.electionTimeoutTicks && core.reads.forwarded.length === 0;
  if (isIdle && isSettled(core) && core.forwards.length === 0 && core.log.commit >= message.commit) {
    core.isQuiesced = true;
  }
}

/** Whether everything in the log is committed, applied and durable here. */
function isSettled(core: Core): boolean {
  const { log } = core;
  return log.commit === log.lastIndex && log.applied === log.commit && log.saves.length === 0;
}
