import type { Entry, State } from '@drakkar/raftio';
import type { Core } from './core.js';
import { countVotes } from './election.js';
import { violated } from './errors.js';
import { flushForwards, hasProposals } from './proposal.js';
import { matchedByActive } from './quorum.js';
import { startReadRound } from './read-index.js';
import { advanceCommit, flushReplication } from './replication.js';
import { Outbox } from './state.js';
import type { RaftUpdate } from './types.js';

/*
 * What the core wants done, and what becomes of it when it is durable.
 *
 * Updates are saved in order, several at a time. Each asks for the difference to the one before.
 *
 * The commit index alone is not worth a write: it may be learnt again. It is saved with whatever else is saved. One
 * exception: a config change is handed out for applying only when a commit index that covers it is durable. Else a
 * crash could make a replica forget that it had applied the change, and the one before it too: it would then take
 * part in elections by a membership that shares no quorum with the present one.
 */

/** Sends what was put off to the end of the turn. */
function settle(core: Core, isNoticeDue = false): void {
  if (hasProposals(core)) flushForwards(core);
  startReadRound(core);
  flushReplication(core, isNoticeDue);
}

export function hasUpdate(core: Core): boolean {
  settle(core);
  return (
    !core.outbox.isEmpty ||
    core.commitNotice !== 'none' ||
    core.log.saveHanded < core.log.lastIndex ||
    isVoteOrTermNew(core) ||
    core.log.applyHanded < applicableTo(core) ||
    isCommitSaveDue(core) ||
    core.leaderID !== core.reportedLeaderID ||
    core.term !== core.reportedTerm
  );
}

function isVoteOrTermNew(core: Core): boolean {
  return core.handedState.term !== core.term || core.handedState.vote !== core.vote;
}

/** The first config change that is next to be applied and not covered by the commit index `commit`. */
function configChangeAbove(core: Core, commit: number): number | undefined {
  const { log } = core;
  if (log.unappliedConfigChanges.length === 0) return undefined; // as nearly always
  const end = Math.min(log.commit, log.stable);
  return log.unappliedConfigChanges.find(
    (index) => index > log.applyHanded && index <= end && index > commit,
  );
}

function isCommitSaveDue(core: Core): boolean {
  return configChangeAbove(core, core.handedState.commit) !== undefined;
}

/** Entries up to here may be applied: committed, durable, and no config change without a durable commit index. */
function applicableTo(core: Core): number {
  const { log } = core;
  const end = Math.min(log.commit, log.stable);
  const change = configChangeAbove(core, core.durableState.commit);
  return change === undefined ? end : change - 1;
}

export function getUpdate(core: Core): RaftUpdate {
  settle(core, core.commitNotice === 'due');
  const { log, outbox } = core;
  core.outbox = new Outbox();
  log.mem.account();
  if (core.commitNotice === 'held') core.commitNotice = 'due';
  const entriesToSave = log.mem.slice(log.saveHanded + 1, log.lastIndex + 1);
  const isStateDue =
    entriesToSave.length > 0 ||
    outbox.snapshot !== undefined ||
    isVoteOrTermNew(core) ||
    isCommitSaveDue(core);
  const update: RaftUpdate = {
    clusterID: core.clusterID,
    nodeID: core.nodeID,
    state: isStateDue ? takeState(core) : undefined,
    entriesToSave,
    snapshot: outbox.snapshot,
    mustSave: false,
    messages: outbox.messages,
    messagesAfterSave: outbox.messagesAfterSave,
    entriesToApply: takeEntriesToApply(core),
    readyReads: outbox.readyReads,
    droppedReads: outbox.droppedReads,
    droppedProposals: outbox.droppedProposals,
    proposalsWithoutRoom: outbox.proposalsWithoutRoom,
    rejectedConfigChanges: outbox.rejectedConfigChanges,
    outdatedMembers: outbox.outdatedMembers,
    refusedConfigChanges: outbox.refusedConfigChanges,
    logReads: outbox.logReads,
    reports: outbox.reports,
    leader: takeLeader(core),
  };
  update.mustSave = update.state !== undefined || entriesToSave.length > 0 || update.snapshot !== undefined;
  if (update.mustSave) {
    log.saveHanded = log.lastIndex;
    log.saves.push({ update, stableTo: log.lastIndex, sinceTick: core.ticks });
  }
  return update;
}

/** The hard state, unless it was handed out just so already. */
function takeState(core: Core): State | undefined {
  const { handedState, term, vote } = core;
  const { commit } = core.log;
  if (handedState.term === term && handedState.vote === vote && handedState.commit === commit)
    return undefined;
  Object.assign(handedState, { term, vote, commit });
  return { term, vote, commit };
}

function takeEntriesToApply(core: Core): Entry[] {
  const { log } = core;
  const end = applicableTo(core);
  if (end <= log.applyHanded) return [];
  const entries = log.mem.slice(log.applyHanded + 1, end + 1);
  log.applyHanded = end;
  return entries;
}

function takeLeader(core: Core): RaftUpdate['leader'] {
  const { leaderID, term } = core;
  if (leaderID === core.reportedLeaderID && term === core.reportedTerm) return undefined;
  core.reportedLeaderID = leaderID;
  core.reportedTerm = term;
  return { leaderID, term };
}

export function saved(core: Core, update: RaftUpdate): void {
  const { log } = core;
  const save = log.saves.shift();
  if (save?.update !== update) {
    return violated('saves must be reported once each and in order', { inOrder: save !== undefined });
  }
  if (update.state !== undefined) Object.assign(core.durableState, update.state);
  if (update.snapshot !== undefined) noteSnapshot(core, update.snapshot);
  if (save.stableTo > log.stable) log.stable = save.stableTo;
  if (core.role === 'leader') advanceCommit(core);
  else countVotes(core);
  log.evict(matchedByActive(core));
}

/** A snapshot of this replica is durable: from now on the newest is the one to be sent. */
export function noteSnapshot(core: Core, snapshot: NonNullable<RaftUpdate['snapshot']>): void {
  if (snapshot.index > core.log.commit) {
    violated('a snapshot of what is not committed', { index: snapshot.index, commit: core.log.commit });
  }
  if (core.snapshot === undefined || snapshot.index >= core.snapshot.index) core.snapshot = snapshot;
}
