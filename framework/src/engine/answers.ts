import { type Entry, EntryType } from '@drakkar/raftio';
import { type RaftUpdate, refusalFrom } from '../raft/index.js';
import type { PendingConfigChange } from '../requests/pending-config-change.js';
import type { PendingProposals } from '../requests/pending-proposals.js';
import type { PendingReads } from '../requests/pending-reads.js';

const NO_ROOM_FOR_CHANGE = 'the log of the leader is full';
const NO_LEADER_FOR_CHANGE = 'no leader takes the change now';
const CHANGE_UNDER_WAY =
  'another membership change is under way, or the leader has not committed an entry of its own term yet';

/** The requests of a replica that wait. */
export interface Requests {
  proposals: PendingProposals;
  reads: PendingReads;
  configChange: PendingConfigChange;
}

/** Whether an update says anything of requests: seldom. */
export function hasAnswers(update: RaftUpdate): boolean {
  return (
    update.readyReads.length > 0 ||
    update.droppedReads.length > 0 ||
    update.droppedProposals.length > 0 ||
    update.proposalsWithoutRoom.length > 0 ||
    update.rejectedConfigChanges.length > 0 ||
    update.refusedConfigChanges.length > 0
  );
}

/** Ends requests by what the core says of them, but for those that are applied. */
export class Answers {
  readonly #requests: Requests;

  constructor({ proposals, reads, configChange }: Requests) {
    this.#requests = { proposals, reads, configChange };
  }

  give(update: RaftUpdate, lastApplied: number): void {
    const { reads, configChange } = this.#requests;
    for (const entry of update.droppedProposals) this.dropped(entry);
    for (const entry of update.proposalsWithoutRoom) this.#withoutRoom(entry);
    for (const { key } of update.rejectedConfigChanges) configChange.dropped(key, CHANGE_UNDER_WAY);
    for (const { entry, refusal } of update.refusedConfigChanges) configChange.refused(entry.key, refusal);
    for (const context of update.droppedReads) reads.dropped(context);
    for (const { context, index } of update.readyReads) reads.confirmed(context, index, lastApplied);
  }

  /** It was appended to no log. */
  dropped(entry: Entry): void {
    const { proposals, configChange } = this.#requests;
    if (entry.type === EntryType.ConfigChangeEntry) configChange.dropped(entry.key, NO_LEADER_FOR_CHANGE);
    else proposals.dropped(entry);
  }

  /** An entry was applied that stands in the place of a change which the leader refused. */
  refused({ key, seriesID, respondedTo }: Entry): void {
    const { configChange } = this.#requests;
    const refusal = refusalFrom(seriesID, respondedTo);
    if (refusal === undefined) configChange.dropped(key, CHANGE_UNDER_WAY);
    else configChange.refused(key, refusal);
  }

  #withoutRoom(entry: Entry): void {
    const { proposals, configChange } = this.#requests;
    if (entry.type === EntryType.ConfigChangeEntry) configChange.dropped(entry.key, NO_ROOM_FOR_CHANGE);
    else proposals.withoutRoom(entry);
  }
}
