import type { Entry, LostLog, Message, Snapshot } from '@drakkar/raftio';
import type { CoreReport, LogReadRequest, ReadContext, ReadyRead, RefusedChange } from './types.js';

/*
 * The parts of a core's state, each changed by the handlers that it names. Nothing here decides anything.
 */

/** A read on its way to being confirmed; `from` is 0 for a local one, else the replica that forwarded it. */
export interface PendingRead {
  context: ReadContext;
  from: number;
  sinceTick: number;
}

/** A local read that was forwarded to the leader. */
export interface ForwardedRead {
  context: ReadContext;
  sinceTick: number;
  /** When it was last sent to the leader. */
  sentTick: number;
}

/** See read-index.ts. */
export class ReadState {
  /** Names this core's confirmation rounds together with the round's number; never 0. */
  readonly instance: number;
  /** Number of the latest round; never reused, in no term. */
  round = 0;
  /** Reads of the round under way; empty: none is. */
  confirming: PendingRead[] = [];
  /** Commit index when the round under way began. */
  confirmingIndex = 0;
  /** Reads for the next round. */
  gathering: PendingRead[] = [];
  readonly forwarded: ForwardedRead[] = [];

  constructor(instance: number) {
    this.instance = instance;
  }
}

/** What the next update carries, beside what the log and the state tell by themselves. */
export class Outbox {
  messages: Message[] = [];
  messagesAfterSave: Message[] = [];
  readyReads: ReadyRead[] = [];
  droppedReads: ReadContext[] = [];
  droppedProposals: Entry[] = [];
  proposalsWithoutRoom: Entry[] = [];
  rejectedConfigChanges: Entry[] = [];
  outdatedMembers: number[] = [];
  refusedConfigChanges: RefusedChange[] = [];
  logReads: LogReadRequest[] = [];
  snapshot: Snapshot | undefined = undefined;
  reports: CoreReport[] = [];

  get isEmpty(): boolean {
    return (
      this.messages.length === 0 &&
      this.messagesAfterSave.length === 0 &&
      this.readyReads.length === 0 &&
      this.droppedReads.length === 0 &&
      this.droppedProposals.length === 0 &&
      this.proposalsWithoutRoom.length === 0 &&
      this.rejectedConfigChanges.length === 0 &&
      this.outdatedMembers.length === 0 &&
      this.refusedConfigChanges.length === 0 &&
      this.logReads.length === 0 &&
      this.snapshot === undefined &&
      this.reports.length === 0
    );
  }
}

/** How far a leader has come; see progress.ts. */
export class Progress {
  match = 0;
  sinceTick = 0;
  patience = 1;
  /** As it was when this replica left office for want of progress. */
  commitAtEnd = 0;
  campaignsLeft = 0;
}

/** What a leader has claimed that this replica had acknowledged; see lost-entries.ts. */
export class LostEntries implements LostLog {
  /** 0: nothing is claimed. */
  index = 0;
  /** Of the leader that claims it. */
  term = 0;
  leaderID = 0;
  sinceTick = 0;
  isRepeated = false;
}

/** As the host has recorded it, unless the stored log shows that it is over. */
export function recordedLoss(
  recorded: LostLog | undefined,
  { term, commit }: { term: number; commit: number },
): LostEntries {
  const isOver = recorded === undefined || (commit >= recorded.index && term >= recorded.term);
  return isOver ? new LostEntries() : Object.assign(new LostEntries(), recorded, { isRepeated: true });
}

/** What a replica may be taken ahead by at once; see term-bound.ts. */
export const MAX_TERM_CREDIT = 2 ** 32;

/** A listed member whose term is out of reach. */
export interface DistantMember {
  nodeID: number;
  sinceTick: number;
  lastTick: number;
}

/** Since when a member has been saying that this replica was removed; see removal.ts. */
export interface RemovalWord {
  sinceTick: number;
  lastTick: number;
}
