import {
  type Entry,
  type Membership,
  type Message,
  MessageType,
  emptyMembership,
  makeMessage,
} from '@drakkar/raftio';
import { createRaft } from '../raft.js';
import type { CoreReport, IRaft, RaftConfig, RaftInit, RaftUpdate } from '../types.js';
import { SeededRandom } from './random.js';

export function membershipOf(voters: readonly number[], observers: readonly number[] = []): Membership {
  const membership = emptyMembership();
  for (const nodeID of voters) membership.addresses.set(nodeID, `a${nodeID}`);
  for (const nodeID of observers) membership.observers.set(nodeID, `a${nodeID}`);
  return membership;
}

export function emptyInit(
  voters: readonly number[] = [1, 2, 3],
  observers: readonly number[] = [],
): RaftInit {
  return {
    state: { term: 0, vote: 0, commit: 0 },
    snapshotIndex: 0,
    snapshotTerm: 0,
    firstIndex: 1,
    lastIndex: 0,
    termRuns: [],
    tail: [],
    applied: 0,
    membership: membershipOf(voters, observers),
  };
}

/** A log of entries with these terms, from index 1 on. */
export function initWithTerms(
  entries: readonly Entry[],
  state: RaftInit['state'],
  voters?: number[],
): RaftInit {
  const init = emptyInit(voters);
  init.state = state;
  init.tail = [...entries];
  init.lastIndex = entries.length;
  for (const { index, term } of entries) {
    if (init.termRuns.at(-1)?.term !== term) init.termRuns.push({ index, term });
  }
  return init;
}

export interface Outcome {
  updates: RaftUpdate[];
  /** In the order in which they may be sent. */
  messages: Message[];
}

/** A core that always has one more update never rests. */
const MAX_UPDATES = 1_000;

/** One core and nobody else: the test plays the others. Replica 1 unless told otherwise. */
export class Solo {
  readonly raft: IRaft;
  readonly nodeID: number;
  /** All reports that were drained. */
  readonly reports: CoreReport[] = [];
  /** Term of the last entry that was drained. */
  lastTerm: number;

  constructor(config: Partial<RaftConfig> = {}, init: RaftInit = emptyInit()) {
    this.nodeID = config.nodeID ?? 1;
    this.lastTerm = init.termRuns.at(-1)?.term ?? init.snapshotTerm;
    this.raft = createRaft(
      {
        clusterID: 1,
        nodeID: this.nodeID,
        electionTimeoutTicks: 10,
        heartbeatTicks: 2,
        checkQuorum: false,
        preVote: false,
        quiesce: false,
        isObserver: false,
        maxInMemLogBytes: 1 << 20,
        maxReplicateBytes: 1 << 16,
        maxInflightBytes: 1 << 20,
        maxInflightMessages: 64,
        random: new SeededRandom(7),
        ...config,
      },
      init,
    );
  }

  step(from: number, type: MessageType, fields: Partial<Message> = {}): ReturnType<IRaft['step']> {
    const term = fields.term ?? this.raft.term;
    return this.raft.step(makeMessage({ ...fields, type, from, to: this.nodeID, clusterID: 1, term }));
  }

  /** Takes all updates, has them saved at once and applied; config changes are rejected by the state machine. */
  drain(): Outcome {
    const outcome: Outcome = { updates: [], messages: [] };
    for (let rounds = 0; this.raft.hasUpdate(); rounds++) {
      if (rounds > MAX_UPDATES) throw new Error(`more than ${MAX_UPDATES} updates at a stretch`);
      const update = this.raft.getUpdate();
      outcome.updates.push(update);
      this.reports.push(...update.reports);
      this.lastTerm = update.entriesToSave.at(-1)?.term ?? update.snapshot?.term ?? this.lastTerm;
      outcome.messages.push(...update.messages);
      if (update.mustSave) this.raft.saved(update);
      outcome.messages.push(...update.messagesAfterSave);
      for (const entry of update.entriesToApply) if (entry.type === 1) this.raft.rejectConfigChange();
      const last = update.entriesToApply.at(-1)?.index ?? update.snapshot?.index;
      if (last !== undefined) this.raft.applied(last);
    }
    return outcome;
  }

  tick(ticks = 1): void {
    for (let i = 0; i < ticks; i++) this.raft.tick();
  }

  /** Ticks until it stands for election, and gives it the votes of `voters`. */
  elect(...voters: number[]): Outcome {
    const { term } = this.raft;
    while (this.raft.term === term) this.tick();
    this.drain();
    for (const voter of voters) this.step(voter, MessageType.RequestVoteResp);
    return this.drain();
  }

  /** Elected by 2, and its first entry acknowledged by 2 and 3. */
  lead(): Outcome {
    this.elect(2);
    for (const nodeID of [2, 3]) this.ack(nodeID);
    return this.drain();
  }

  ack(nodeID: number, logIndex = this.raft.status().lastIndex): void {
    this.step(nodeID, MessageType.ReplicateResp, { logIndex });
  }
}

export function ofType(messages: readonly Message[], type: MessageType): Message[] {
  return messages.filter((message) => message.type === type);
}
