import {
  type ConfigChange,
  ConfigChangeType,
  type Entry,
  EntryType,
  Feature,
  type Message,
  MessageType,
  encodeConfigChange,
  entrySizeBytes,
  isDragonboatAddress,
  makeEntry,
} from '@drakkar/raftio';
import { isStillListening, refusalFields, refusalOf } from './change-guard.js';
import { changeOf } from './claims.js';
import { mayChangeConfig } from './config-change.js';
import type { Core } from './core.js';
import { growsLog } from './log.js';

/*
 * Proposals (paper, section 5.3; forwarding: thesis 6.2).
 *
 * A proposal that was forwarded and then refused for want of room is answered by a ProposalDropped message, to members
 * that know it; Dragonboat and 0.1 have no such answer, and there its proposer times out. A config change, which is
 * refused in the normal course of things, is answered through the log: in its place goes an empty entry (as in
 * Dragonboat) that has its key, by which the proposer knows it.
 */

/** In `hint` of ProposalDropped: the leader has no room. Otherwise there is none that takes proposals. */
export const NO_ROOM_HINT = 1;

/** Proposals made here. */
export function propose(core: Core, entries: readonly Entry[]): void {
  if (core.role === 'leader') {
    for (const entry of entries) append(core, entry, 0);
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
export function handlePropose(core: Core, { entries, from }: Message): void {
  if (core.role === 'leader' && core.transferTarget === 0) {
    for (const entry of entries) append(core, entry, from);
    return;
  }
  hold(core, entries, from);
}

function hold(core: Core, entries: readonly Entry[], from: number): void {
  if (core.held.length === 0) core.heldSinceTick = core.ticks;
  for (const entry of entries) {
    if (core.heldBytes > core.config.maxInMemLogBytes || core.config.memory?.isFull === true) {
      drop(core, entry, from, true);
      continue;
    }
    core.held.push({ entry, from });
    core.heldBytes += entrySizeBytes(entry);
    core.config.memory?.pin(entrySizeBytes(entry));
  }
}

/** Gives up what was held for longer than an election takes, as a rule. Its proposer is told so. */
export function expireHeld(core: Core): void {
  const patienceTicks = 2 * core.config.electionTimeoutTicks;
  if (core.passedOn.size > 0 && core.ticks - core.passedOnTick >= patienceTicks) core.passedOn.clear();
  if (core.held.length === 0) return;
  if (core.ticks - core.heldSinceTick < patienceTicks) return;
  for (const { entry, from } of takeHeld(core)) drop(core, entry, from, false);
}

function takeHeld(core: Core): Core['held'] {
  const { held } = core;
  core.held = [];
  core.config.memory?.unpin(core.heldBytes);
  core.heldBytes = 0;
  return held;
}

/** Puts what was held on its way, if there is one now. */
function releaseHeld(core: Core): void {
  if (core.held.length === 0 || core.transferTarget !== 0 || isRaisingLevel(core)) return;
  if (core.role === 'leader') {
    for (const { entry, from } of takeHeld(core)) append(core, entry, from);
  } else if (core.leaderID !== 0) {
    passOn(core, takeHeld(core));
  }
}

/** To the next leader. Should that have no room, the answer comes here, and is to be passed back. */
function passOn(core: Core, held: Core['held']): void {
  core.passedOnTick = core.ticks;
  for (const { entry, from } of held) if (from !== 0) core.passedOn.set(idOf(entry), from);
  sendToLeader(
    core,
    held.map(({ entry }) => entry),
  );
}

const idOf = ({ key, clientID, seriesID }: Entry): string => `${key} ${clientID} ${seriesID}`;

/**
 * It gets into no log: its proposer hears of that, and may try again.
 *
 * @param from 0: proposed here
 * @param isForRoom whether there is a leader, which has no room for it
 */
function drop(core: Core, entry: Entry, from: number, isForRoom: boolean): void {
  if (from === 0) {
    const { droppedProposals, proposalsWithoutRoom } = core.outbox;
    (isForRoom ? proposalsWithoutRoom : droppedProposals).push(entry);
    return;
  }
  if (!core.peerKnows(from, Feature.DroppedProposals)) return;
  const refused = core.refused.get(from) ?? { dropped: [], withoutRoom: [] };
  (isForRoom ? refused.withoutRoom : refused.dropped).push(nameOf(entry));
  core.refused.set(from, refused);
}

/** What tells an entry from others, without its command. */
export function nameOf({ type, key, clientID, seriesID, respondedTo }: Entry): Entry {
  return makeEntry({ type, key, clientID, seriesID, respondedTo });
}

/** One message for each member whose proposals were dropped in this turn, and for each of two reasons. */
function flushRefused(core: Core): void {
  const type = MessageType.ProposalDropped;
  for (const [to, { dropped, withoutRoom }] of core.refused) {
    if (dropped.length > 0) core.send({ type, to, term: 0, entries: dropped });
    if (withoutRoom.length > 0) core.send({ type, to, term: 0, entries: withoutRoom, hint: NO_ROOM_HINT });
  }
  core.refused.clear();
}

/** A member that this replica forwarded proposals to could not take them. */
export function handleProposalDropped(core: Core, message: Message): void {
  for (const entry of message.entries) {
    const id = idOf(entry);
    drop(core, entry, core.passedOn.get(id) ?? 0, message.hint === NO_ROOM_HINT);
    core.passedOn.delete(id);
  }
}

function append(core: Core, entry: Entry, from: number): void {
  const { log } = core;
  // What was proposed here was counted for the host when it was queued.
  const isFull = from === 0 ? log.isOverOwnCap : log.isOverCap;
  if (core.transferTarget !== 0 || isFull || (log.isStuck && growsLog(entry))) {
    drop(core, entry, from, core.transferTarget === 0);
    return;
  }
  if (entry.type === EntryType.ConfigChangeEntry) appendChange(core, entry, from);
  else push(core, entry);
}

/** One at a time, and none that the leader sees to be a mistake; see change-guard.ts. */
function appendChange(core: Core, entry: Entry, from: number): void {
  const isLocal = from === 0;
  const change = changeOf(entry);
  // A group of 0.1 must not see such an entry; who asked for it at level 1 meets a leader that has yet to apply that.
  const isTooEarly = change?.type === ConfigChangeType.SetSettings && core.level === 0;
  const isUnfit = change === undefined || (core.config.isForDragonboat === true && !isOfDragonboat(change));
  if (isUnfit || isTooEarly || core.waitingChange !== undefined || !mayChangeConfig(core)) {
    if (isRaisingLevel(core)) hold(core, [entry], from);
    else if (isLocal) core.outbox.rejectedConfigChanges.push(entry);
    else push(core, makeEntry({ type: EntryType.ApplicationEntry, key: entry.key }));
    return;
  }
  const refusal = refusalOf(core, change);
  if (refusal === undefined) {
    // What was forced is not for the log: nobody who applies the change needs it.
    push(core, change.force === undefined ? entry : withoutForce(entry, change));
  } else if (refusal.kind !== 'notAMember' && isStillListening(core)) {
    core.waitingChange = { entry, from };
  } else if (isLocal) {
    core.outbox.refusedConfigChanges.push({ entry, refusal });
  } else {
    push(core, makeEntry({ type: EntryType.ApplicationEntry, key: entry.key, ...refusalFields(refusal) }));
  }
}

/** At any other address, or type, its process would end, at each start again. */
function isOfDragonboat({ type, address }: ConfigChange): boolean {
  if (type === ConfigChangeType.RemoveNode) return true;
  return type <= ConfigChangeType.AddObserver && isDragonboatAddress(address);
}

function withoutForce({ type, key }: Entry, change: ConfigChange): Entry {
  return makeEntry({ type, key, cmd: encodeConfigChange({ ...change, force: undefined }) });
}

/** Looks again at the change that waits: it may be safe by now, or time is up, or another leads. */
function retryWaitingChange(core: Core): void {
  const waiting = core.waitingChange;
  if (waiting === undefined) return;
  core.waitingChange = undefined;
  const { entry, from } = waiting;
  if (core.role === 'leader') append(core, entry, from);
  else if (from === 0) drop(core, entry, from, false);
  else hold(core, [entry], from);
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

/** Whether `flushForwards` has anything to do. */
export function hasProposals({ forwards, held, refused, waitingChange }: Core): boolean {
  return forwards.length > 0 || held.length > 0 || refused.size > 0 || waitingChange !== undefined;
}

/** Sends the gathered proposals to the leader, or drops them when it is unknown. We may have become it ourselves. */
export function flushForwards(core: Core): void {
  retryWaitingChange(core);
  releaseHeld(core);
  if (core.refused.size > 0) flushRefused(core);
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
