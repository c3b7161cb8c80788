import { type Entry, Feature, type Message, MessageType, entriesSizeBytes } from '@drakkar/raftio';
import type { Core } from './core.js';
import { growsLog } from './log.js';
import { regainTrust } from './lost-entries.js';
import { isOutdated } from './outdated.js';
import { quorumMatch } from './quorum.js';
import type { Remote } from './remote.js';
import { sendSnapshot } from './snapshot.js';
import type { LogReadRequest } from './types.js';

/** `hintHigh` of a ReplicateResp, to peers that know it: the sender has no room for entries now. */
export const BUSY_HINT = 0xffff_ffff;

/*
 * Log replication (paper, section 5.3; pipelining: thesis 10.2.1). The leader's side first, then the follower's.
 *
 * Sending is put off to the next update, so that all proposals of one turn share one Replicate for each remote.
 */

/**
 * Sends each remote what it may be sent now. That more is committed is no message of its own at once: the proposals
 * which the commit brings about, in the turn after it, tell it as well. Only what they leave untold is told then.
 */
export function flushReplication(core: Core, isNoticeDue = false): void {
  if (!core.replicationDue && !isNoticeDue) return;
  core.replicationDue = false;
  if (isNoticeDue) core.commitNotice = 'none';
  if (core.role !== 'leader') return;
  for (const remote of core.remotes) replicateTo(core, remote, isNoticeDue);
}

function isWindowFull(core: Core, { status, window, inflights }: Remote): boolean {
  if (status !== 'replicate') return false;
  const { maxInflightMessages, maxInflightBytes } = core.config;
  return inflights.count >= Math.min(maxInflightMessages, window) || inflights.sizeBytes >= maxInflightBytes;
}

/** Whether nothing may be sent, not even an empty message. */
function isPaused(core: Core, remote: Remote): boolean {
  if (remote.logRead !== undefined || isOutdated(core, remote)) return true;
  return remote.status === 'snapshot' || (remote.status === 'probe' && remote.probeSent);
}

/** Whether what was sent is to be answered before entries go again. */
function mustAsk(core: Core, remote: Remote): boolean {
  return remote.status === 'probe' && (remote.isBusy || remote.pace.isHeld(core.ticks));
}

/** In doubt about what the remote can take: one entry. */
function batchBytes(core: Core, remote: Remote): number {
  return remote.status === 'probe' && remote.pace.isCautious ? 1 : core.config.maxReplicateBytes;
}

function replicateTo(core: Core, remote: Remote, isNoticeDue: boolean): void {
  const { log } = core;
  let sent = false;
  while (remote.next <= log.lastIndex && !isPaused(core, remote)) {
    const isFull = isWindowFull(core, remote);
    if (isFull && !remote.nudge) break;
    if (!log.has(remote.next)) {
      sendSnapshot(core, remote);
      return;
    }
    if (isFull || mustAsk(core, remote)) break;
    if (remote.next < log.mem.first) {
      requestLogRead(core, remote);
      return;
    }
    const end = log.mem.endWithin(remote.next, log.lastIndex + 1, batchBytes(core, remote));
    sendEntries(core, remote, log.mem.slice(remote.next, end));
    sent = true;
  }
  const isBehind =
    remote.status === 'replicate' && remote.commitSent < log.commit && !isWindowFull(core, remote);
  if (sent || !(remote.nudge || isBehind) || isPaused(core, remote)) return;
  if (remote.nudge || isNoticeDue) sendEntries(core, remote, []);
  else if (core.commitNotice === 'none') core.commitNotice = 'held';
}

function sendEntries(core: Core, remote: Remote, entries: Entry[]): void {
  const { log } = core;
  const prev = remote.next - 1;
  core.send({
    type: MessageType.Replicate,
    to: remote.nodeID,
    logIndex: prev,
    logTerm: log.term(prev),
    commit: log.commit,
    entries,
  });
  remote.nudge = false;
  remote.commitSent = log.commit;
  if (remote.status === 'probe') {
    remote.probeSent = true;
    const { heartbeatTicks, electionTimeoutTicks } = core.config;
    if (entries.length > 0) remote.pace.sent(prev, core.ticks, heartbeatTicks, electionTimeoutTicks);
    return;
  }
  if (entries.length === 0) return;
  remote.next += entries.length;
  remote.inflights.add(remote.next - 1, entriesSizeBytes(entries));
}

function requestLogRead(core: Core, remote: Remote): void {
  const request: LogReadRequest = {
    nodeID: remote.nodeID,
    low: remote.next,
    high: core.log.mem.first,
    maxSizeBytes: batchBytes(core, remote),
  };
  remote.logRead = request;
  core.outbox.logReads.push(request);
}

/**
 * Entries from the stored log for a slow remote. Much may have changed since they were asked for, leadership and the
 * log itself included: they are used only if they are what is wanted now, and are entries of the log as it is now
 * (equal index and term means equal entry).
 */
export function handleLogRead(core: Core, request: LogReadRequest, entries: readonly Entry[]): void {
  const remote = core.role === 'leader' ? core.remote(request.nodeID) : undefined;
  const asked = remote?.logRead;
  if (remote === undefined || asked?.low !== request.low || asked.high !== request.high) return;
  remote.logRead = undefined;
  core.replicationDue = true;
  if (remote.next !== request.low || isPaused(core, remote)) return;
  if (isWindowFull(core, remote) || mustAsk(core, remote)) return;
  if (entries.length === 0) {
    sendSnapshot(core, remote);
    return;
  }
  const { log } = core;
  if (log.term(request.low - 1) < 0) return;
  for (const [offset, entry] of entries.entries()) {
    if (entry.index !== request.low + offset || entry.term !== log.term(entry.index)) return;
  }
  sendEntries(core, remote, [...entries]);
}

/** Leader: commits what a quorum has, but only entries of its own term by counting (paper, 5.4.2, figure 8). */
export function advanceCommit(core: Core): void {
  const match = quorumMatch(core);
  if (match < core.termStart) return;
  if (core.log.commitTo(match)) core.replicationDue = true;
}

/** Leader: response to Replicate or to InstallSnapshot. */
export function handleReplicateResp(core: Core, remote: Remote, message: Message): void {
  remote.active = true;
  remote.heardTick = core.ticks;
  core.replicationDue = true;
  if (message.hintHigh === BUSY_HINT) {
    noteBusy(core, remote, message);
    return;
  }
  if (message.reject) {
    handleRejection(core, remote, message);
    return;
  }
  const index = message.logIndex;
  if (remote.status !== 'replicate' && index < remote.match) return;
  remote.matched(index);
  switch (remote.status) {
    case 'probe':
      // Otherwise it is the answer to an empty message, or one that is late: nothing says that it takes entries.
      if (remote.pace.acknowledged(index)) remote.toReplicate();
      else remote.probeSent = remote.pace.isHeld(core.ticks);
      break;
    case 'snapshot':
      if (remote.match >= remote.snapshotIndex) {
        remote.catchUpFrom = remote.snapshotIndex;
        remote.toReplicate();
      }
      break;
    case 'replicate':
      remote.received(index);
      break;
  }
  core.streams.reached(remote.nodeID, remote.match);
  if (remote.match >= core.log.commit) remote.catchUpFrom = 0;
  advanceCommit(core);
}

/** It has no room for entries: none are sent until the answer to an empty Replicate, one a heartbeat, says otherwise. */
function noteBusy(core: Core, remote: Remote, message: Message): void {
  if (!message.reject) remote.matched(message.logIndex);
  advanceCommit(core);
  if (remote.status === 'snapshot') return;
  remote.toProbe(remote.match + 1);
  remote.pace.clear();
  remote.probeSent = true;
  remote.isBusy = true;
}

/**
 * The remote's log does not match at the index that it rejects: look for the place where the logs part. Dragonboat
 * tells only its last index (`hint`). Ours adds the largest index where its own log could match ours, plus one
 * (`hintHigh`), and its term there (`logTerm`): a whole term is passed over in one round (paper, end of 5.3).
 */
function handleRejection(core: Core, remote: Remote, message: Message): void {
  const rejected = message.logIndex;
  // Late, or of a replica that lost what it acknowledged; that one will find out by the commit index in a heartbeat.
  if (rejected <= remote.match || rejected >= remote.next) return;
  if (remote.status === 'replicate') {
    remote.toProbe(remote.match + 1);
    return;
  }
  if (remote.status !== 'probe' || rejected !== remote.next - 1) return;
  const { hint, hintHigh } = message;
  let next = Math.min(rejected, Number(hint) + 1);
  if (typeof hintHigh === 'number' && hintHigh > 0) {
    const candidate = Math.min(hintHigh - 1, core.log.lastIndex);
    next = Math.min(next, core.log.runs.lastAtOrBelow(candidate, message.logTerm) + 1);
  }
  remote.toProbe(Math.max(next, 1));
  remote.pace.clear();
  remote.nudge = true;
}

/** Follower: the receiver's rules of AppendEntries (paper, figure 2). */
export function handleReplicate(core: Core, message: Message): void {
  const { log } = core;
  const { from, logIndex, logTerm, entries } = message;
  if (logIndex < log.commit) {
    core.send({ type: MessageType.ReplicateResp, to: from, logIndex: log.commit });
    return;
  }
  // The applying of committed entries lags behind too far: take no more until it has caught up. The leader will ask
  // again. With nothing left to apply, entries are always taken, or a new leader could not commit its first one.
  const isRefusing = (log.isOverCap && log.applied < log.commit) || isStuckAt(core, message);
  const isFull = isRefusing && core.peerKnows(from, Feature.BusyResponses);
  if (isRefusing && entries.length > 0) {
    const fields = { type: MessageType.ReplicateResp, to: from, logIndex, hint: log.lastIndex };
    if (isFull) core.send({ ...fields, reject: true, hintHigh: BUSY_HINT });
    return;
  }
  if (log.term(logIndex) !== logTerm) {
    reject(core, message);
    return;
  }
  log.merge(entries);
  const last = logIndex + entries.length;
  log.commitTo(Math.min(message.commit, last));
  regainTrust(core, last);
  acknowledge(core, from, last, isFull);
}

/**
 * Follower whose log must not grow: whether the leader has commands for it that it does not have yet. What follows an
 * index is remembered, so that an empty message about it is answered alike, and the entries do not come again and again.
 */
function isStuckAt(core: Core, { entries, logIndex }: Message): boolean {
  const { log, term, stuckAt } = core;
  if (!log.isStuck) return false;
  if (entries.length === 0) return stuckAt.index === logIndex && stuckAt.term === term;
  if (!entries.some((entry) => entry.index > log.lastIndex && growsLog(entry))) return false;
  stuckAt.index = logIndex;
  stuckAt.term = term;
  return true;
}

/** One response for all Replicates of one update: the highest index says it all. */
function acknowledge(core: Core, to: number, logIndex: number, isFull: boolean): void {
  const earlier = core.outbox.messagesAfterSave.at(-1);
  if (
    earlier?.type === MessageType.ReplicateResp &&
    earlier.to === to &&
    earlier.term === core.term &&
    !earlier.reject
  ) {
    earlier.logIndex = Math.max(earlier.logIndex, logIndex);
    earlier.hintHigh = isFull ? BUSY_HINT : 0;
    return;
  }
  core.send({ type: MessageType.ReplicateResp, to, logIndex, hintHigh: isFull ? BUSY_HINT : 0 });
}

function reject(core: Core, message: Message): void {
  const { log } = core;
  // Where our log could match the leader's: not above the index asked for, nor of a later term than the leader's
  // entry there; and up to our commit index it does match.
  const end = Math.min(message.logIndex, log.lastIndex);
  const candidate = Math.max(log.runs.lastAtOrBelow(end, message.logTerm), log.commit);
  core.send({
    type: MessageType.ReplicateResp,
    to: message.from,
    reject: true,
    logIndex: message.logIndex,
    logTerm: log.term(candidate),
    hint: log.lastIndex,
    hintHigh: candidate + 1,
  });
}
