import {
  type Entry,
  type Feature,
  type Membership,
  type Message,
  MessageType,
  type Snapshot,
  hasFeature,
  makeMessage,
} from '@drakkar/raftio';
import { violated } from './errors.js';
import { RaftLog } from './log.js';
import type { Remote } from './remote.js';
import { SnapshotStreams } from './snapshot-streams.js';
import {
  type DistantMember,
  type LostEntries,
  MAX_TERM_CREDIT,
  Outbox,
  Progress,
  ReadState,
  type RemovalWord,
  recordedLoss,
} from './state.js';
import type { RaftConfig, RaftInit, Role } from './types.js';

type MessageFields = Partial<Message> & Pick<Message, 'type' | 'to'>;

/**
 * The state of one replica (paper, figure 2), shared by the handlers; each file of handlers changes the part that it
 * is about. Nothing here decides anything.
 */
export class Core {
  readonly config: RaftConfig;
  readonly clusterID: number;
  readonly nodeID: number;
  readonly log: RaftLog;

  role: Role = 'follower';
  term: number;
  /** Voted for in `term`; 0 = none. */
  vote: number;
  /** Leader as known now; 0 = unknown. */
  leaderID = 0;
  /** Who led in `term`, for the invariant that there is at most one; outlasts `leaderID`. */
  termLeader = 0;
  /** Leader: since when it could hear the others: its election, or its last awakening. */
  listeningSinceTick = 0;
  /** Leader: a membership change that waits until it is known who is there; see change-guard.ts. */
  waitingChange: { entry: Entry; from: number } | undefined = undefined;
  /** See term-bound.ts. */
  termCredit = MAX_TERM_CREDIT;
  distant: DistantMember | undefined = undefined;
  /** What this replica is said to have acknowledged, and does not have; see lost-entries.ts. */
  lost: LostEntries;
  /** Members that say that this replica was removed, since a leader was heard last; see removal.ts. */
  readonly removalWords = new Map<number, RemovalWord>();
  /** Whether they are believed. */
  isRemoved = false;
  /** Index of the empty entry that this leader began its term with. */
  termStart = 0;

  /** Hard state as last handed out for saving, and as durable. */
  readonly handedState = { term: 0, vote: 0, commit: 0 };
  readonly durableState = { term: 0, vote: 0, commit: 0 };
  reportedLeaderID = 0;
  reportedTerm: number;

  /** The group's feature level as applied here; see level.ts. */
  level: number;
  /** Where this replica, as leader, has put the entry that raises it; 0: nowhere. */
  raiseIndex = 0;

  membership: Membership;
  isVoter = false;
  quorum = 1;
  /** Everybody else, in the order of ids. */
  remotes: Remote[] = [];

  ticks = 0;
  electionElapsed = 0;
  electionDeadline = 0;
  /** Ticks since the leader was heard that were forgiven since a message of it was on its way; see `noteArrival`. */
  forgivenTicks = 0;
  heartbeatElapsed = 0;
  idleTicks = 0;
  isQuiesced = false;
  /** Leader: consecutive election timeouts in which no quorum was heard. */
  periodsAlone = 0;

  /** Responses to a campaign: granted or not, by voter. */
  readonly votes = new Map<number, boolean>();
  /** Whether the campaign was ordered by the leader (thesis 3.10). */
  isTransferCampaign = false;
  transferTarget = 0;
  transferElapsed = 0;
  /** Attempts to hand over in this term that are over, as leader, or as its leader says; see leader-transfer.ts. */
  transfersOver = 0;

  /** How far the state machine is in what it was given, and since when; see stall.ts. */
  readonly applying = {
    index: 0,
    sinceTick: 0,
    isReported: false,
    campaignsLeft: 0,
    pauseTicks: 0,
    nextReportTick: 0,
  };
  /** How far this replica has come as leader; see progress.ts. */
  readonly progress = new Progress();
  /** Whether its state is known to be wrong, and campaigns that it leaves to others for that; see unfit.ts. */
  readonly unfit = { isUnfit: false, campaignsLeft: 0 };
  readonly reads: ReadState;
  /** Newest snapshot of this replica. */
  snapshot: Snapshot | undefined = undefined;
  /** Snapshots on their way from here to others. */
  readonly streams: SnapshotStreams;
  /** Proposals for the leader, gathered until the next update. */
  forwards: Entry[] = [];
  /** Proposals of other members that came while leadership was on its way to another; see proposal.ts. */
  held: { entry: Entry; from: number }[] = [];
  heldBytes = 0;
  /** Forwarded proposals that were dropped, by the member that hears of it with the next update. */
  readonly refused = new Map<number, { dropped: Entry[]; withoutRoom: Entry[] }>();
  heldSinceTick = 0;
  /** Who forwarded what was held and then passed on to the next leader, by `idOf`, for as long as an answer may come. */
  readonly passedOn = new Map<string, number>();
  passedOnTick = 0;
  /** The index behind which entries were refused last because the log must not grow, and in which term. */
  readonly stuckAt = { index: 0, term: 0 };
  /** Whether some remote may have something to be sent. */
  replicationDue = false;
  /** Whether a remote is to be told that more is committed: `held` until the next update was taken, `due` after it. */
  commitNotice: 'none' | 'held' | 'due' = 'none';
  outbox = new Outbox();

  constructor(config: RaftConfig, init: RaftInit) {
    this.config = config;
    this.clusterID = config.clusterID;
    this.nodeID = config.nodeID;
    this.streams = new SnapshotStreams(config.clusterID);
    this.log = new RaftLog(init, config.maxInMemLogBytes, config.memory);
    this.applying.index = init.applied;
    this.term = init.state.term;
    this.vote = init.state.vote;
    this.reportedTerm = init.state.term;
    Object.assign(this.handedState, init.state);
    Object.assign(this.durableState, init.state);
    this.membership = init.membership;
    this.level = init.level ?? 0;
    this.lost = recordedLoss(init.lost, init.state);
    this.reads = new ReadState(1 + config.random.nextInt(0x7fff_fffe));
    if (this.log.lastTerm > this.term) {
      violated('the stored log is of a later term than the state', {
        term: this.term,
        logTerm: this.log.lastTerm,
      });
    }
    this.resetElectionTimer();
  }

  get isHardStateDurable(): boolean {
    return this.durableState.term === this.term && this.durableState.vote === this.vote;
  }

  /** Whether a save has been under way for a whole election timeout. */
  get isDiskStalled(): boolean {
    const oldest = this.log.saves[0];
    return oldest !== undefined && this.ticks - oldest.sinceTick >= this.config.electionTimeoutTicks;
  }

  /** Whether this replica heard from a live leader within the minimum election timeout (thesis 4.2.3). */
  get hasLease(): boolean {
    return this.leaderID !== 0 && this.electionElapsed < this.config.electionTimeoutTicks;
  }

  /**
   * Whether the host of that replica has announced the feature. Asked again whenever it matters: new message types and
   * fields go to nobody else.
   */
  peerKnows(nodeID: number, feature: Feature): boolean {
    return hasFeature(this.featuresOf(nodeID), feature);
  }

  featuresOf(nodeID: number): number {
    return this.config.featuresOf?.(nodeID) ?? 0;
  }

  remote(nodeID: number): Remote | undefined {
    for (const remote of this.remotes) if (remote.nodeID === nodeID) return remote;
    return undefined;
  }

  /** Draws a new timeout from [T, 2T) (paper, section 5.2), counted from now. */
  resetElectionTimer(): void {
    const timeout = this.config.electionTimeoutTicks;
    this.electionElapsed = 0;
    this.forgivenTicks = 0;
    this.electionDeadline = timeout + this.config.random.nextInt(timeout);
  }

  /**
   * Sends a message. It goes at once, or after the save that the update asks for:
   *
   * - promises wait: votes (a vote must be durable before the candidate counts it) and responses to Replicate and
   *   InstallSnapshot (what is acknowledged must be durable);
   * - what a leader sends goes at once: it became leader only when its term was durable;
   * - anything else tells our term, so it waits only if the term or the vote is not durable yet. Otherwise a crash
   *   could take back a term that others have seen us in. While the disk is stuck it is not sent at all, or such
   *   messages would pile up; any message may be lost;
   * - a request carries no term (0), so it promises nothing and goes at once.
   *
   * Without `term` in the fields it carries our own.
   */
  send(fields: MessageFields): void {
    const message = makeMessage(fields);
    message.from = this.nodeID;
    message.clusterID = this.clusterID;
    message.term = fields.term ?? this.term;
    if (isPromise(message.type)) this.outbox.messagesAfterSave.push(message);
    else if (this.isHardStateDurable || message.term === 0) this.outbox.messages.push(message);
    else if (!this.isDiskStalled) this.outbox.messagesAfterSave.push(message);
  }
}

function isPromise(type: MessageType): boolean {
  return (
    type === MessageType.RequestVote ||
    type === MessageType.RequestVoteResp ||
    type === MessageType.ReplicateResp
  );
}
