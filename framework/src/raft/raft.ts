import {
  type Entry,
  type LostLog,
  type Membership,
  type Message,
  MessageType,
  type Snapshot,
} from '@drakkar/raftio';
import { additionInLog, faultOf, isFromLeader, isRequest } from './claims.js';
import { applyConfigChange, rejectConfigChange } from './config-change.js';
import { Core } from './core.js';
import {
  handleRequestPreVote,
  handleRequestVote,
  handleTimeoutNow,
  handleVoteResp,
  isHeldUpByLease,
  noteArrival,
  refuseLateVote,
  tickElection,
} from './election.js';
import { handleHeartbeat, resumeRemote } from './heartbeat.js';
import { continueTransfer, handleLeaderTransfer, requestTransfer } from './leader-transfer.js';
import { tickLeader } from './leader.js';
import { noteLostEntries } from './lost-entries.js';
import { setMembership } from './membership.js';
import { expireHeld, handleProposalDropped, handlePropose, propose } from './proposal.js';
import {
  handleQuestion,
  handleQuiesce,
  membersToSeek,
  recordActivity,
  recordMessage,
  seek,
  tickQuiesce,
} from './quiesce.js';
import { matchedByActive } from './quorum.js';
import {
  confirmRead,
  expireForwardedReads,
  handleReadIndex,
  handleReadIndexResp,
  requestRead,
} from './read-index.js';
import { handleLogRead, handleReplicate, handleReplicateResp } from './replication.js';
import { becomeFollower, setLeader } from './roles.js';
import {
  handleInstallSnapshot,
  handleReceivedSnapshot,
  handleSnapshotReceived,
  handleStreamEnd,
  heldFrom,
} from './snapshot.js';
import { answerRemoved, forgetRemovalWords, handleNotMember } from './removal.js';
import type { SnapshotStreamReport } from './snapshot-streams.js';
import { noteApplied, tickApplying } from './stall.js';
import { statusOf } from './status.js';
import { approachedTerm, spendTermCredit, tickTermCredit } from './term-bound.js';
import type {
  ClaimFault,
  IRaft,
  LogReadRequest,
  RaftConfig,
  RaftInit,
  RaftStatus,
  RaftUpdate,
  ReadContext,
} from './types.js';
import { setUnfit } from './unfit.js';
import { getUpdate, hasUpdate, noteSnapshot, saved } from './update.js';

/** The core of one replica, as it was when the host went down, or new. See `IRaft`. */
export function createRaft(config: RaftConfig, init: RaftInit): IRaft {
  return new Raft(config, init);
}

class Raft implements IRaft {
  private readonly core: Core;

  constructor(config: RaftConfig, init: RaftInit) {
    const core = new Core(config, init);
    const { nodeID } = config;
    const isObserver = config.isObserver || init.membership.observers.has(nodeID);
    core.role = isObserver && !init.membership.addresses.has(nodeID) ? 'observer' : 'follower';
    setMembership(core, init.membership);
    this.core = core;
  }

  get isLeader(): boolean {
    return this.core.role === 'leader';
  }

  get leaderID(): number {
    return this.core.leaderID;
  }

  get term(): number {
    return this.core.term;
  }

  get isBusy(): boolean {
    return this.core.log.isOverCap || this.core.log.isStuck;
  }

  get isQuiesced(): boolean {
    return this.core.isQuiesced;
  }

  get membersToSeek(): readonly number[] {
    return membersToSeek(this.core);
  }

  get heldFrom(): number {
    return heldFrom(this.core);
  }

  get lost(): LostLog | undefined {
    const { lost } = this.core;
    return lost.isRepeated ? lost : undefined;
  }

  get appliedIndex(): number {
    return this.core.log.applied;
  }

  addressInLog(nodeID: number): string | undefined {
    return additionInLog(this.core, nodeID)?.address;
  }

  tick(): void {
    const { core } = this;
    core.ticks += 1;
    tickTermCredit(core);
    if (core.isQuiesced) return;
    tickApplying(core);
    if (core.role === 'leader') tickLeader(core);
    else tickElection(core);
    expireForwardedReads(core);
    expireHeld(core);
    tickQuiesce(core);
  }

  step(message: Message): ClaimFault | undefined {
    const { core } = this;
    if (!isForUs(core, message)) return undefined;
    if (core.membership.removed.has(message.from)) {
      answerRemoved(core, message);
      return undefined;
    }
    const fault = faultOf(core, message);
    if (fault !== undefined) {
      handleFault(core, message, fault);
      return fault;
    }
    recordMessage(core, message);
    if (isRequest(message)) handleRequest(core, message);
    else if (message.type === MessageType.InstallSnapshot && message.term === 0)
      handleReceivedSnapshot(core, message);
    else if (settleTerm(core, message)) handleMessage(core, message);
    return undefined;
  }

  propose(entries: Entry[]): void {
    if (entries.length === 0) return;
    recordActivity(this.core);
    propose(this.core, entries);
  }

  proposeConfigChange(entry: Entry): void {
    recordActivity(this.core);
    propose(this.core, [entry]);
  }

  readIndex(context: ReadContext): void {
    recordActivity(this.core);
    requestRead(this.core, context);
  }

  requestLeaderTransfer(target: number): void {
    recordActivity(this.core);
    requestTransfer(this.core, target);
  }

  applyConfigChange(membership: Membership): void {
    recordActivity(this.core);
    applyConfigChange(this.core, membership);
  }

  rejectConfigChange(): void {
    rejectConfigChange(this.core);
  }

  setUnfit(isUnfit: boolean): void {
    setUnfit(this.core, isUnfit);
  }

  setLogStuck(isStuck: boolean): void {
    this.core.log.isStuck = isStuck;
  }

  setLevel(level: number): void {
    this.core.level = level;
  }

  reportArrival(term: number): void {
    noteArrival(this.core, term);
  }

  reportUnreachable(nodeID: number, term: number): void {
    const isOurs = this.core.role === 'leader' && this.core.term === term;
    const remote = isOurs ? this.core.remote(nodeID) : undefined;
    if (remote?.status !== 'replicate') return;
    remote.toProbe(remote.match + 1);
    remote.probeSent = true;
  }

  reportReachable(nodeID: number): void {
    seek(this.core, nodeID);
  }

  reportSnapshotStatus(report: SnapshotStreamReport): void {
    handleStreamEnd(this.core, report);
  }

  stepLogRead(request: LogReadRequest, entries: Entry[]): void {
    handleLogRead(this.core, request, entries);
  }

  hasUpdate(): boolean {
    return hasUpdate(this.core);
  }

  getUpdate(): RaftUpdate {
    return getUpdate(this.core);
  }

  saved(update: RaftUpdate): void {
    saved(this.core, update);
  }

  applying(index: number): void {
    noteApplied(this.core, index);
  }

  applied(index: number): void {
    noteApplied(this.core, index);
    this.core.log.appliedTo(index);
    this.core.log.evict(matchedByActive(this.core));
  }

  snapshotCreated(snapshot: Snapshot): void {
    noteSnapshot(this.core, snapshot);
  }

  shedMemory(): void {
    this.core.log.shed();
  }

  compacted(index: number): void {
    this.core.log.compactTo(index);
  }

  status(): RaftStatus {
    return statusOf(this.core);
  }
}

/** Whether a message concerns this replica at all. */
function isForUs(core: Core, message: Message): boolean {
  if (message.clusterID !== core.clusterID || message.to !== core.nodeID) return false;
  // One that says it is from ourselves is misaddressed or forged: nothing that the network brings may stop a replica.
  if (message.from === core.nodeID) return false;
  return message.from !== 0;
}

/** What is left of a message that was dropped. */
function handleFault(core: Core, message: Message, fault: ClaimFault): void {
  switch (fault) {
    case 'unlistedSender':
      // It may lead the group by now: one that sleeps must find out that its own leader is gone.
      recordMessage(core, message);
      return;
    case 'lostEntries':
      // One that sleeps asks its leader, which may know nothing of it.
      if (!noteLostEntries(core, message)) return;
      recordMessage(core, message);
      // What is promised from now on is promised in that term, and not to an earlier leader.
      if (message.term === core.term) return;
      spendTermCredit(core, message.term);
      becomeFollower(core, message.term, 0);
      return;
    case 'termOutOfReach': {
      const term = approachedTerm(core, message);
      if (term === core.term) return;
      spendTermCredit(core, term);
      becomeFollower(core, term, 0);
      return;
    }
    default:
  }
}

/** Requests are taken from members only, observers included. */
function handleRequest(core: Core, message: Message): void {
  const remote = core.remote(message.from);
  if (message.type === MessageType.Quiesce) {
    handleQuiesce(core, message);
    return;
  }
  if (message.type === MessageType.NoOP) {
    handleQuestion(core, message);
    return;
  }
  if (message.type === MessageType.NotMember) {
    handleNotMember(core, message);
    return;
  }
  if (message.type === MessageType.Propose && remote !== undefined) {
    // Not back to where it came from: that one takes us for the leader, and we it.
    if (core.role === 'leader' || message.from !== core.leaderID) handlePropose(core, message);
    return;
  }
  if (message.type === MessageType.ProposalDropped) {
    if (remote !== undefined) handleProposalDropped(core, message);
    return;
  }
  if (core.role !== 'leader' || remote === undefined) return;
  switch (message.type) {
    case MessageType.ReadIndex:
      handleReadIndex(core, remote, message);
      return;
    case MessageType.LeaderTransfer:
      handleLeaderTransfer(core, message);
      return;
    default:
      handleSnapshotReceived(remote, message);
  }
}

/**
 * The rules about terms for all servers (paper, figure 2), with what check quorum and pre-vote add to them. Whether
 * the message is to be looked at further.
 */
function settleTerm(core: Core, message: Message): boolean {
  const { type, term, from } = message;
  if (term === core.term) return true;
  if (term < core.term) {
    if (term > 0) answerLowerTerm(core, message);
    return false;
  }
  // Neither a question about a term, nor a yes to it, makes that term ours.
  if (type === MessageType.RequestPreVote) return true;
  if (type === MessageType.RequestPreVoteResp && !message.reject) return true;
  if (type === MessageType.RequestVote && isHeldUpByLease(core, message)) return false;
  spendTermCredit(core, term);
  becomeFollower(core, term, isFromLeader(type) ? from : 0);
  return true;
}

/**
 * A leader of an earlier term learns that there is a later one (paper, figure 2: reply false). It may be that only one
 * of its followers is stuck there, which can't unseat it by a campaign, since it is an observer or since check quorum
 * or pre-vote stand in its way: it would never rejoin. The answer is a NoOP, as in Dragonboat, not a rejection.
 */
function answerLowerTerm(core: Core, message: Message): void {
  const { type, from } = message;
  if (type === MessageType.RequestPreVote) {
    handleRequestPreVote(core, message);
  } else if (type === MessageType.RequestVote) {
    refuseLateVote(core, message);
  } else if (isFromLeader(type)) {
    core.send({ type: MessageType.NoOP, to: from });
  }
}

/** The leader of our term speaks; `faultOf` has seen to it that it may be. */
function acceptLeader(core: Core, from: number): void {
  if (core.termLeader !== from) core.termLeader = 0;
  if (core.role === 'candidate' || core.role === 'preCandidate') becomeFollower(core, core.term, from);
  setLeader(core, from);
  core.resetElectionTimer();
  forgetRemovalWords(core);
}

/** A message of our own term, or about a later one. */
function handleMessage(core: Core, message: Message): void {
  switch (message.type) {
    case MessageType.Replicate:
      acceptLeader(core, message.from);
      handleReplicate(core, message);
      return;
    case MessageType.Heartbeat:
      acceptLeader(core, message.from);
      handleHeartbeat(core, message);
      return;
    case MessageType.InstallSnapshot:
      acceptLeader(core, message.from);
      handleInstallSnapshot(core, message);
      return;
    case MessageType.RequestVote:
      handleRequestVote(core, message);
      return;
    case MessageType.RequestPreVote:
      handleRequestPreVote(core, message);
      return;
    case MessageType.RequestVoteResp:
    case MessageType.RequestPreVoteResp:
      handleVoteResp(core, message);
      return;
    case MessageType.TimeoutNow:
      handleTimeoutNow(core, message);
      return;
    case MessageType.ReadIndexResp:
      handleReadIndexResp(core, message);
      return;
    default:
      handleResponse(core, message);
  }
}

/** Responses that only a leader waits for, and only from members. */
function handleResponse(core: Core, message: Message): void {
  const remote = core.role === 'leader' ? core.remote(message.from) : undefined;
  if (remote === undefined) return;
  if (message.type === MessageType.ReplicateResp) {
    handleReplicateResp(core, remote, message);
    continueTransfer(core, remote);
  } else if (message.type === MessageType.HeartbeatResp) {
    remote.applied = message.logIndex;
    resumeRemote(core, remote);
    confirmRead(core, remote, message);
    continueTransfer(core, remote);
  }
}
