import { Feature, type Message, MessageType } from '@drakkar/raftio';
import type { Core } from './core.js';
import { broadcastHeartbeat } from './heartbeat.js';
import type { Remote } from './remote.js';
import type { PendingRead } from './state.js';
import type { ReadContext } from './types.js';

/*
 * Linearizable reads without a log entry (thesis 6.4). The leader notes its commit index, has a quorum confirm in a
 * round of heartbeats that it still leads, and lets the reads go that came before the round began.
 *
 * One round is under way and one set of reads gathers for the next. A round is named by a counter that is never used
 * again, so no late or repeated response can release a read that it was not meant for.
 */

/** Contexts that a leader keeps; each may stand for many reads of one replica. */
const MAX_WAITING_READS = 10_000;

/** A local read. */
export function requestRead(core: Core, context: ReadContext): void {
  if (core.role === 'leader') {
    if (!addRead(core, context, 0)) core.outbox.droppedReads.push(context);
    return;
  }
  if (core.leaderID === 0) {
    core.outbox.droppedReads.push(context);
    return;
  }
  core.reads.forwarded.push({ context, sinceTick: core.ticks, sentTick: core.ticks });
  forward(core, context);
}

function forward(core: Core, context: ReadContext): void {
  core.send({
    type: MessageType.ReadIndex,
    to: core.leaderID,
    term: 0,
    hint: context.low,
    hintHigh: context.high,
  });
}

/** Leader: a read that a member forwarded. */
export function handleReadIndex(core: Core, remote: Remote, message: Message): void {
  const context = { low: message.hint, high: message.hintHigh };
  if (!addRead(core, context, remote.nodeID)) refuse(core, context, remote.nodeID);
}

/** Leader: gives up a read. A replica that does not know refusals gives it up itself, when no answer comes. */
function refuse(core: Core, context: ReadContext, from: number): void {
  if (from === 0) {
    core.outbox.droppedReads.push(context);
  } else if (core.peerKnows(from, Feature.RefusedReads)) {
    core.send({
      type: MessageType.ReadIndexResp,
      to: from,
      reject: true,
      hint: context.low,
      hintHigh: context.high,
    });
  }
}

/** False: too many wait already, because no quorum answers and the leader has not noticed yet. */
function addRead(core: Core, context: ReadContext, from: number): boolean {
  const { reads } = core;
  if (reads.gathering.length + reads.confirming.length >= MAX_WAITING_READS) return false;
  reads.gathering.push({ context, from, sinceTick: core.ticks });
  return true;
}

/**
 * Leader: begins the next round, if reads wait for one and none is under way. As long as nothing is committed in this
 * term, the commit index may be older than what others have seen, and the reads wait for that, too.
 */
export function startReadRound(core: Core): void {
  const { reads } = core;
  if (core.role !== 'leader' || reads.gathering.length === 0 || reads.confirming.length > 0) return;
  if (core.log.commit < core.termStart) return;
  if (core.quorum === 1 && core.isVoter) {
    const { gathering } = reads;
    reads.gathering = [];
    release(core, gathering, core.log.commit);
    return;
  }
  reads.round += 1;
  reads.confirming = reads.gathering;
  reads.confirmingIndex = core.log.commit;
  reads.gathering = [];
  broadcastHeartbeat(core);
  releaseConfirmed(core);
}

/** Leader: a response to a heartbeat. Those of observers don't count. */
export function confirmRead(core: Core, remote: Remote, message: Message): void {
  const { reads } = core;
  if (reads.confirming.length === 0 || remote.isObserver) return;
  if (message.hint !== reads.round || message.hintHigh !== reads.instance) return;
  remote.readRound = reads.round;
  releaseConfirmed(core);
}

/** Leader: lets the round's reads go when a quorum has confirmed it. */
export function releaseConfirmed(core: Core): void {
  const { reads } = core;
  if (reads.confirming.length === 0) return;
  let count = core.isVoter ? 1 : 0;
  for (const remote of core.remotes) if (!remote.isObserver && remote.readRound === reads.round) count += 1;
  if (count < core.quorum) return;
  const confirmed = reads.confirming;
  reads.confirming = [];
  release(core, confirmed, reads.confirmingIndex);
}

function release(core: Core, confirmed: readonly PendingRead[], index: number): void {
  for (const { context, from } of confirmed) {
    if (from === 0) {
      core.outbox.readyReads.push({ context, index });
      continue;
    }
    core.send({
      type: MessageType.ReadIndexResp,
      to: from,
      logIndex: index,
      hint: context.low,
      hintHigh: context.high,
    });
  }
}

/** The answer to a read that was forwarded. One that is not waited for any more is ignored. */
export function handleReadIndexResp(core: Core, message: Message): void {
  const { forwarded } = core.reads;
  const position = forwarded.findIndex(
    ({ context }) => context.low === message.hint && context.high === message.hintHigh,
  );
  if (position < 0) return;
  // Dragonboat answers several with the context of the last; what was asked for before it is confirmed with it.
  const isRefused = message.reject;
  const isForAll = !isRefused && !core.peerKnows(message.from, Feature.Announces);
  for (const { context } of forwarded.splice(isForAll ? 0 : position, isForAll ? position + 1 : 1)) {
    if (isRefused) core.outbox.droppedReads.push(context);
    else core.outbox.readyReads.push({ context, index: message.logIndex });
  }
}

/** How long a read waits, in ticks, before it is given up: as long as an election takes, as a rule. */
function patienceOf(core: Core): number {
  return 2 * core.config.electionTimeoutTicks;
}

/**
 * Gives up the reads whose answer does not come, and asks for the others again from time to time: the request may have
 * been lost, or may have come before its leader could answer.
 */
export function expireForwardedReads(core: Core): void {
  const { forwarded } = core.reads;
  let count = 0;
  for (const read of forwarded) {
    if (core.ticks - read.sinceTick < patienceOf(core)) break;
    core.outbox.droppedReads.push(read.context);
    count += 1;
  }
  if (count > 0) forwarded.splice(0, count);
  if (core.leaderID === 0) return;
  for (const read of forwarded) {
    if (2 * (core.ticks - read.sentTick) < core.config.electionTimeoutTicks) continue;
    read.sentTick = core.ticks;
    forward(core, read.context);
  }
}

/** Leader: gives up the reads that no quorum confirms. */
export function expireReads(core: Core): void {
  const { reads } = core;
  reads.confirming = withoutOverdue(core, reads.confirming);
  reads.gathering = withoutOverdue(core, reads.gathering);
}

function withoutOverdue(core: Core, waiting: PendingRead[]): PendingRead[] {
  const isOverdue = ({ sinceTick }: PendingRead): boolean => core.ticks - sinceTick >= patienceOf(core);
  const [oldest] = waiting;
  if (oldest === undefined || !isOverdue(oldest)) return waiting;
  for (const read of waiting) if (isOverdue(read)) refuse(core, read.context, read.from);
  return waiting.filter((read) => !isOverdue(read));
}

/** The leader that these reads were for is gone. */
export function dropReads(core: Core): void {
  const { reads, outbox } = core;
  for (const { context, from } of [...reads.confirming, ...reads.gathering]) refuse(core, context, from);
  for (const read of reads.forwarded) outbox.droppedReads.push(read.context);
  reads.confirming = [];
  reads.gathering = [];
  reads.forwarded.length = 0;
}
