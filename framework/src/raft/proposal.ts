import {
  type ConfigChange,
  type Entry,
  EntryType,
  MessageType,
  encodeConfigChange,
  entrySizeBytes,
  makeEntry,
} from '@drakkar/raftio';
import { isStillListening, refusalFields, refusalOf } from './change-guard.js';
import { changeOf } from './claims.js';
import { mayChangeConfig } from './config-change.js';
import type { Core } from './core.js';

/*
 * Proposals (paper, section 5.3; forwarding: thesis 6.2).
 *
 * A proposal that was forwarded and then refused by the leader is dropped without an answer: the wire has none, and
 * its proposer times out. A config change, which is refused in the normal course of things, is answered through the
 * log: in its place goes an empty entry (as in Dragonboat) that has its key, by which the proposer knows it.
 */

/** Proposals made here. */
export function propose(core: Core, entries: readonly Entry[]): void {
  if (core.role === 'leader') {
    for (const entry of entries) append(core, entry, true);
    return;
  }
  // Gathered, so that all of one turn go in one message; whether there is a leader is seen when it is sent.
  for (const entry of entries) core.forwards.push(entry);
}

/**
 * Proposals that a member has forwarded. While leadership is on its way to another, because it is being transferred or
 * was lost just now, they are held, in bounds, and then appended here or passed on: their proposer would wait in vain.
 * They were in no log, so none gets into two.
 */
export function handlePropose(core: Core, entries: readonly Entry[]): void {
  if (core.role === 'leader' && core.transferTarget === 0) {
    for (const entry of entries) append(core, entry, false);
    return;
  }
  hold(core, entries);
}

function hold(core: Core, entries: readonly Entry[]): void {
  if (core.held.length === 0) core.heldSinceTick = core.ticks;
  for (const entry of entries) {
    if (core.heldBytes > core.config.maxInMemLogBytes) return;
    core.held.push(entry);
    core.heldBytes += entrySizeBytes(entry);
  }
}

/** Gives up what was held for longer than an election takes, as a rule. What was proposed here is told so. */
export function expireHeld(core: Core): void {
  if (core.held.length > 0 && core.ticks - core.heldSinceTick >= 2 * core.config.electionTimeoutTicks)
    core.outbox.droppedProposals.push(...takeHeld(core));
}

function takeHeld(core: Core): Entry[] {
  const { held } = core;
  core.held = [];
  core.heldBytes = 0;
  return held;
}

/** Puts what was held on its way, if there is one now. */
function releaseHeld(core: Core): void {
  if (core.held.length === 0 || core.transferTarget !== 0 || isRaisingLevel(core)) return;
  if (core.role === 'leader') {
    for (const entry of takeHeld(core)) append(core, entry, false);
  } else if (core.leaderID !== 0) {
    sendToLeader(core, takeHeld(core));
  }
}

function append(core: Core, entry: Entry, isLocal: boolean): void {
  const { log } = core;
  if (core.transferTarget !== 0 || log.isOverCap) {
    if (isLocal) core.outbox.droppedProposals.push(entry);
    return;
  }
  if (entry.type === EntryType.ConfigChangeEntry) appendChange(core, entry, isLocal);
  else push(core, entry);
}

/** One at a time, and none that the leader sees to be a mistake; see change-guard.ts. */
function appendChange(core: Core, entry: Entry, isLocal: boolean): void {
  const change = changeOf(entry);
  if (change === undefined || core.waitingChange !== undefined || !mayChangeConfig(core)) {
    if (isRaisingLevel(core)) hold(core, [entry]);
    else if (isLocal) core.outbox.rejectedConfigChanges.push(entry);
    else push(core, makeEntry({ type: EntryType.ApplicationEntry, key: entry.key }));
    return;
  }
  const refusal = refusalOf(core, change);
  if (refusal === undefined) {
    // What was forced is not for the log: nobody who applies the change needs it.
    push(core, change.force === undefined ? entry : withoutForce(entry, change));
  } else if (refusal.kind !== 'notAMember' && isStillListening(core)) {
    core.waitingChange = { entry, isLocal };
  } else if (isLocal) {
    core.outbox.refusedConfigChanges.push({ entry, refusal });
  } else {
    push(core, makeEntry({ type: EntryType.ApplicationEntry, key: entry.key, ...refusalFields(refusal) }));
  }
}

function withoutForce({ type, key }: Entry, change: ConfigChange): Entry {
  return makeEntry({ type, key, cmd: encodeConfigChange({ ...change, force: undefined }) });
}

/** Looks again at the change that waits: it may be safe by now, or time is up, or another leads. */
function retryWaitingChange(core: Core): void {
  const waiting = core.waitingChange;
  if (waiting === undefined) return;
  core.waitingChange = undefined;
  const { entry, isLocal } = waiting;
  if (core.role === 'leader') append(core, entry, isLocal);
  else if (isLocal) core.outbox.droppedProposals.push(entry);
  else handlePropose(core, [entry]);
}

/** Whether the config change under way is our own, which nobody asked for, and which is soon done. */
function isRaisingLevel(core: Core): boolean {
  const [pending] = core.log.unappliedConfigChanges;
  return core.role === 'leader' && pending !== undefined && pending === core.raiseIndex;
}

export function push(core: Core, entry: Entry): void {
  entry.place(core.term, core.log.lastIndex + 1);
  core.log.push(entry);
  core.replicationDue = true;
}

/** Sends the gathered proposals to the leader, or drops them when it is unknown. We may have become it ourselves. */
export function flushForwards(core: Core): void {
  retryWaitingChange(core);
  releaseHeld(core);
  const { forwards } = core;
  if (forwards.length === 0) return;
  core.forwards = [];
  if (core.role === 'leader') {
    propose(core, forwards);
    return;
  }
  if (core.leaderID === 0) {
    for (const entry of forwards) core.outbox.droppedProposals.push(entry);
    return;
  }
  sendToLeader(core, forwards);
}

/** In messages of bounded size. */
function sendToLeader(core: Core, entries: readonly Entry[]): void {
  let batch: Entry[] = [];
  let sizeBytes = 0;
  for (const entry of entries) {
    const size = entrySizeBytes(entry);
    if (batch.length > 0 && sizeBytes + size > core.config.maxReplicateBytes) {
      core.send({ type: MessageType.Propose, to: core.leaderID, term: 0, entries: batch });
      batch = [];
      sizeBytes = 0;
    }
    batch.push(entry);
    sizeBytes += size;
  }
  core.send({ type: MessageType.Propose, to: core.leaderID, term: 0, entries: batch });
}
