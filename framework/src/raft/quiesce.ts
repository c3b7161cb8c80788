import { type Message, MessageType } from '@drakkar/raftio';
import type { Core } from './core.js';
import { broadcastHeartbeat, sendHeartbeat } from './heartbeat.js';
import type { Remote } from './remote.js';

/*
 * Quiesce (as in Dragonboat): a group that nobody uses stops its heartbeats and its timers.
 *
 * The leader decides, when it was idle for ten election timeouts and nothing that it could do for a member is undone; it
 * sends Quiesce, and a follower that has nothing open stops too. Whatever concerns the group wakes a replica: a
 * proposal, a read, any message but Quiesce. A wakened leader tells the others by a heartbeat.
 *
 * No state that only use would end: who is awake without hearing of a leader asks for it, again and again, by a NoOP
 * with term 0, which wakes any receiver, of version 0.1 and Dragonboat too. A follower that was woken so asks its
 * leader in turn, and campaigns if that stays silent. A leader that sleeps though a member that is away lacks entries
 * goes on looking for it (`membersToSeek`, a heartbeat to it alone), because that member may sleep as well, or may know
 * nobody. The group goes to sleep again ten election timeouts later: there is no loop that is faster.
 */

const IDLE_ELECTION_TIMEOUTS = 10;

/** Something happened here that makes the group not idle. */
export function recordActivity(core: Core): void {
  core.idleTicks = 0;
  wake(core);
}

/** A message of another replica came in. Heartbeats, and questions for the leader, wake, but are no activity. */
export function recordMessage(core: Core, message: Message): void {
  if (!core.config.quiesce) return;
  switch (message.type) {
    case MessageType.Quiesce:
    case MessageType.NotMember:
      return;
    case MessageType.HeartbeatResp:
      if (core.isQuiesced && isSought(core, core.remote(message.from))) wake(core);
      return;
    case MessageType.Heartbeat:
      if (message.hint !== 0) core.idleTicks = 0;
      wake(core);
      return;
    case MessageType.Replicate:
    case MessageType.InstallSnapshot:
      recordActivity(core);
      return;
    default:
      if (core.isQuiesced && core.role !== 'leader') askForLeader(core);
      if (isQuestion(message)) wake(core);
      else recordActivity(core);
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
  core.periodsAlone = 0;
  core.listeningSinceTick = core.ticks;
  for (const remote of core.remotes) {
    remote.active = true;
    remote.heardTick = -1;
  }
  broadcastHeartbeat(core);
}

/** After each tick of a replica that is awake. */
export function tickQuiesce(core: Core): void {
  if (!core.config.quiesce) return;
  core.idleTicks += 1;
  if (core.role === 'leader') fallAsleep(core);
  else if (core.electionElapsed === silenceTicks(core) && isFollowing(core)) askForLeader(core);
}

/** Leader: falls asleep when it was idle for long enough and can do nothing for anybody. */
function fallAsleep(core: Core): void {
  const threshold = IDLE_ELECTION_TIMEOUTS * core.config.electionTimeoutTicks;
  if (core.idleTicks <= threshold || !isSettled(core) || core.transferTarget !== 0) return;
  if (core.reads.confirming.length + core.reads.gathering.length > 0) return;
  if (core.remotes.some((remote) => isServed(core, remote))) return;
  core.isQuiesced = true;
  for (const remote of core.remotes) {
    core.send({ type: MessageType.Quiesce, to: remote.nodeID, commit: core.log.commit });
  }
}

/**
 * Whether the leader works for that remote. `active` alone does not say that it lives: the quorum check, which may have
 * been in this very tick, begins a new period.
 */
function isServed(core: Core, remote: Remote): boolean {
  const isStreaming = remote.status === 'snapshot' || core.streams.to(remote.nodeID) !== undefined;
  if (isStreaming || remote.logRead !== undefined) return true;
  const isAlive = remote.active || remote.wasActive;
  return isAlive && (remote.status !== 'replicate' || remote.match < core.log.lastIndex);
}

/** A Go leader sends it with term and commit 0. Refused, it is answered: the leader must not sleep alone. */
export function handleQuiesce(core: Core, message: Message): void {
  if (core.role === 'leader' || message.from !== core.leaderID) return;
  if (message.term !== 0 && message.term !== core.term) return;
  if (mayFallAsleep(core, message)) core.isQuiesced = true;
  else askForLeader(core);
}

function mayFallAsleep(core: Core, message: Message): boolean {
  if (!core.config.quiesce || core.idleTicks < core.config.electionTimeoutTicks) return false;
  if (core.reads.forwarded.length + core.forwards.length > 0) return false;
  return isSettled(core) && core.log.commit >= message.commit;
}

/** Whether everything in the log is committed, applied and durable here. */
function isSettled(core: Core): boolean {
  const { log } = core;
  return log.commit === log.lastIndex && log.applied === log.commit && log.saves.length === 0;
}

function isFollowing(core: Core): boolean {
  return core.role === 'follower' || core.role === 'observer';
}

/** A silence of the leader that is worth a question: half a timeout, so that the answer comes before it is over. */
function silenceTicks(core: Core): number {
  const { electionTimeoutTicks, heartbeatTicks } = core.config;
  return Math.max(heartbeatTicks + 1, Math.ceil(electionTimeoutTicks / 2));
}

/** Asks the leader for a sign of life, or whom we know for a leader. */
export function askForLeader(core: Core): void {
  if (core.leaderID !== 0) {
    ask(core, core.leaderID);
    return;
  }
  for (const remote of core.remotes) ask(core, remote.nodeID);
}

function ask(core: Core, to: number): void {
  core.send({ type: MessageType.NoOP, to, term: 0 });
}

/** A NoOP with a term tells of that term; without, it asks for the leader. */
export function isQuestion(message: Message): boolean {
  return message.type === MessageType.NoOP && message.term === 0;
}

/** It does not hear of a leader; one that was woken by this has sent its heartbeats already, the second does no harm. */
export function handleQuestion(core: Core, message: Message): void {
  const remote = core.role === 'leader' ? core.remote(message.from) : undefined;
  if (remote !== undefined) sendHeartbeat(core, remote);
}

function isSought(core: Core, remote: Remote | undefined): boolean {
  return remote !== undefined && core.role === 'leader' && remote.match < core.log.lastIndex;
}

/** Members that this replica has work with, and does not hear: as the leader while it sleeps, and without a leader. */
export function membersToSeek(core: Core): number[] {
  const isLost = isFollowing(core) && core.leaderID === 0;
  const isAsleep = core.role === 'leader' && core.isQuiesced;
  if (!isLost && !isAsleep) return [];
  return core.remotes.filter((remote) => isLost || isSought(core, remote)).map(({ nodeID }) => nodeID);
}

/** There may be a way to that member. Nobody else is woken until it answers. */
export function seek(core: Core, nodeID: number): void {
  const remote = core.remote(nodeID);
  if (remote === undefined || !membersToSeek(core).includes(nodeID)) return;
  if (core.role === 'leader') sendHeartbeat(core, remote);
  else ask(core, nodeID);
}
