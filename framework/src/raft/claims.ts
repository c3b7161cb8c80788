import {
  type ConfigChange,
  ConfigChangeType,
  type Entry,
  EntryType,
  type Message,
  MessageType,
  type Snapshot,
  decodeConfigChange,
} from '@drakkar/raftio';
import type { Core } from './core.js';
import { isQuestion } from './quiesce.js';
import { isTermOutOfReach } from './term-bound.js';
import type { ClaimFault } from './types.js';

/*
 * What a message claims is looked at before it changes anything. An invariant of this process's own doing stops the
 * replica (errors.ts); a claim that can't be true is the sender's, so the message is dropped and the caller of `step`
 * counts it: nothing that the network brings may stop a replica, nor change what it saves to something that no
 * correct member could have sent.
 *
 * A sender that the membership does not list may be a member that was added later, while this replica was cut off. So
 * a follower that hears no listed leader goes on hearing it. Whether it belongs to the same group at all is not known
 * here. While a listed leader is heard, or leads here, such a sender is dropped: it can wait an election timeout.
 */

/** Log indexes above this leave no room for those that follow. */
const MAX_LOG_INDEX = 2 ** 52;

/** What is wrong with a message for this replica; `undefined`: it may be true. Changes nothing. */
export function faultOf(core: Core, message: Message): ClaimFault | undefined {
  if (!BETWEEN_REPLICAS.has(message.type)) return 'unknownType';
  if (!isListed(core, message.from) && !mayBeLaterMember(core, message)) return 'unlistedSender';
  if (isTermOutOfReach(core, message)) return 'termOutOfReach';
  switch (message.type) {
    case MessageType.Replicate:
      return leaderFault(core, message) ?? replicateFault(core, message);
    case MessageType.Heartbeat:
      return leaderFault(core, message) ?? heartbeatFault(core, message);
    case MessageType.InstallSnapshot:
      return leaderFault(core, message) ?? snapshotFault(core, message);
    case MessageType.RequestVote:
    case MessageType.RequestPreVote:
      return message.logTerm > message.term ? 'impossibleLog' : undefined;
    case MessageType.ReplicateResp:
      return responseFault(core, message);
    case MessageType.ReadIndexResp:
      // A refusal confirms nothing; it comes from a replica that has led just now, too, with its new term.
      return !message.reject &&
        core.leaderID !== 0 &&
        message.term === core.term &&
        message.from !== core.leaderID
        ? 'unaskedAnswer'
        : undefined;
    case MessageType.Propose:
      return entriesFault(message.entries) ?? proposalFault(message.entries);
    default:
      return undefined;
  }
}

/** Types that go between replicas. */
const BETWEEN_REPLICAS: ReadonlySet<MessageType> = new Set([
  MessageType.NoOP,
  MessageType.Propose,
  MessageType.Replicate,
  MessageType.ReplicateResp,
  MessageType.RequestVote,
  MessageType.RequestVoteResp,
  MessageType.InstallSnapshot,
  MessageType.Heartbeat,
  MessageType.HeartbeatResp,
  MessageType.ReadIndex,
  MessageType.ReadIndexResp,
  MessageType.Quiesce,
  MessageType.SnapshotReceived,
  MessageType.LeaderTransfer,
  MessageType.TimeoutNow,
  MessageType.RequestPreVote,
  MessageType.RequestPreVoteResp,
  MessageType.ProposalDropped,
  MessageType.NotMember,
]);

/** Those that carry no term. */
const REQUESTS: ReadonlySet<MessageType> = new Set([
  MessageType.Propose,
  MessageType.ReadIndex,
  MessageType.LeaderTransfer,
  MessageType.Quiesce,
  MessageType.SnapshotReceived,
  MessageType.ProposalDropped,
  MessageType.NotMember,
]);

/** Messages that carry no term: anyone may ask anything at any time. */
export function isRequest(message: Message): boolean {
  return REQUESTS.has(message.type) || isQuestion(message);
}

/** Whether the newest membership has that replica: the one in force, or a change in the log that is not applied yet. */
export function isListed(core: Core, nodeID: number): boolean {
  return core.remote(nodeID) !== undefined || additionInLog(core, nodeID) !== undefined;
}

/** The change in the log, not applied yet, that makes that replica a member, or gives it a vote. */
export function additionInLog(core: Core, nodeID: number): ConfigChange | undefined {
  for (const index of core.log.unappliedConfigChanges) {
    if (index < core.log.mem.first) continue;
    const change = changeOf(core.log.mem.at(index));
    if (change?.nodeID === nodeID && change.type !== ConfigChangeType.RemoveNode) return change;
  }
  return undefined;
}

/** The change that an entry holds; `undefined` when it does not decode. */
export function changeOf(entry: Entry): ConfigChange | undefined {
  try {
    return decodeConfigChange(entry.cmd);
  } catch {
    return undefined;
  }
}

/** Whether a sender that is not listed may be a member added later, and is heard now. */
function mayBeLaterMember(core: Core, message: Message): boolean {
  const { type, from } = message;
  if (from === core.leaderID) return true;
  const isUnprompted =
    isFromLeader(type) || type === MessageType.RequestVote || type === MessageType.RequestPreVote;
  if (!isUnprompted) return false;
  // With check quorum a leader that the others have left behind steps down by itself.
  if (core.role === 'leader') return !core.config.checkQuorum;
  return !core.hasLease || !isListed(core, core.leaderID);
}

export function isFromLeader(type: MessageType): boolean {
  return (
    type === MessageType.Replicate || type === MessageType.Heartbeat || type === MessageType.InstallSnapshot
  );
}

/**
 * At most one leader in a term (paper, section 5.2). Of two that claim to be it a listed one is believed, and of two
 * that are not listed, since this replica knows no members yet, the second when the first is not heard any more.
 */
function leaderFault(core: Core, message: Message): ClaimFault | undefined {
  if (message.term !== core.term || message.term === 0) return undefined;
  if (core.role === 'leader') return 'secondLeader';
  const { termLeader } = core;
  if (termLeader === 0 || termLeader === message.from) return undefined;
  const isHeard = core.leaderID === termLeader && core.hasLease;
  const isMoreCredible = !isListed(core, termLeader) && (isListed(core, message.from) || !isHeard);
  return isMoreCredible ? undefined : 'secondLeader';
}

function replicateFault(core: Core, message: Message): ClaimFault | undefined {
  const { entries, term } = message;
  let index = message.logIndex;
  let lastTerm = message.logTerm;
  if (lastTerm > term) return 'malformedEntries';
  for (const entry of entries) {
    index += 1;
    if (entry.index !== index || entry.term < lastTerm || entry.term > term) return 'malformedEntries';
    lastTerm = entry.term;
  }
  const fault = entriesFault(entries);
  if (fault !== undefined || term < core.term) return fault;
  return contradictsCommitted(core, message) ? 'contradictsCommitted' : undefined;
}

function contradictsCommitted(core: Core, { logIndex, logTerm, entries }: Message): boolean {
  const { log } = core;
  if (logIndex > log.commit) return false;
  if (isOtherTerm(log.term(logIndex), logTerm)) return true;
  for (const { index, term } of entries) {
    if (index > log.commit) return false;
    if (isOtherTerm(log.term(index), term)) return true;
  }
  return false;
}

/** -1: no longer known. */
function isOtherTerm(known: number, claimed: number): boolean {
  return known >= 0 && known !== claimed;
}

function entriesFault(entries: readonly Entry[]): ClaimFault | undefined {
  for (const entry of entries) {
    if (entry.type === EntryType.ConfigChangeEntry) {
      if (changeOf(entry) === undefined) return 'undecodableChange';
    } else if (entry.type !== EntryType.ApplicationEntry && entry.type !== EntryType.EncodedEntry) {
      return 'malformedEntries';
    }
  }
  return undefined;
}

function proposalFault(entries: readonly Entry[]): ClaimFault | undefined {
  const isRaise = (entry: Entry): boolean =>
    entry.type === EntryType.ConfigChangeEntry && changeOf(entry)?.type === ConfigChangeType.RaiseLevel;
  return entries.some(isRaise) ? 'forwardedLevel' : undefined;
}

function heartbeatFault(core: Core, message: Message): ClaimFault | undefined {
  return message.term >= core.term && message.commit > core.log.lastIndex ? 'lostEntries' : undefined;
}

function responseFault(core: Core, message: Message): ClaimFault | undefined {
  const isTooFar = !message.reject && message.logIndex > core.log.lastIndex;
  return core.role === 'leader' && message.term === core.term && isTooFar ? 'unsentAcknowledged' : undefined;
}

/** A snapshot that would take effect here. With term 0 its data came in a stream; see snapshot.ts. */
function snapshotFault(core: Core, message: Message): ClaimFault | undefined {
  const { snapshot, term } = message;
  if (snapshot === undefined || (term > 0 && snapshot.term > term)) return 'unfitSnapshot';
  const { log } = core;
  // A leader takes no snapshot, but one of a later term makes it a follower that does.
  const isIgnored = term > 0 ? term < core.term : core.role === 'leader';
  if (isIgnored || snapshot.index <= log.commit) return undefined;
  if (snapshot.index > MAX_LOG_INDEX || snapshot.term === 0) return 'unfitSnapshot';
  if (snapshot.term < Math.max(0, log.term(log.commit))) return 'unfitSnapshot';
  return isLaterMembership(core, message.from, snapshot) ? undefined : 'unfitSnapshot';
}

/**
 * Whether the snapshot's membership can follow on the one in force here. It may be older than the change that added
 * this replica, or the sender: but then this replica knows neither itself as a member nor the sender's claim to lead.
 */
function isLaterMembership(core: Core, from: number, { membership }: Snapshot): boolean {
  const { addresses, observers, removed, configChangeID } = membership;
  const own = core.membership;
  const isMember = (nodeID: number): boolean => addresses.has(nodeID) || observers.has(nodeID);
  if (addresses.size === 0 || configChangeID < own.configChangeID) return false;
  for (const nodeID of own.removed.keys()) if (!removed.has(nodeID)) return false;
  for (const members of [own.addresses, own.observers]) {
    for (const nodeID of members.keys()) if (!isMember(nodeID) && !removed.has(nodeID)) return false;
  }
  const isNew = own.addresses.size === 0;
  return isNew || isMember(from) || isListed(core, from) || from === core.leaderID;
}
