import { type Message, MessageType } from '@drakkar/raftio';
import type { Core, PendingRead } from './core.js';
import type { Remote } from './remote.js';
import { broadcastHeartbeat } from './replication.js';
import type { ReadContext } from './types.js';

/*
 * Linearizable reads without a log entry (thesis 6.4). The leader notes its commit index, has a quorum confirm in a
 * round of heartbeats that it still leads, and lets the reads go that came before the round began.
 *
 * One round is under way and one set of reads gathers for the next. A round is named by a counter that is never used
 * again, so no late or repeated response can let go a read that it was not meant for.
 */

/** A local read. */
export function requestRead(core: Core, context: ReadContext): void {
  if (core.role === 'leader') {
    if (!addRead(core, { context, from: 0 })) core.outbox.droppedReads.push(context);
    return;
  }
  if (core.leaderID === 0) {
    core.outbox.droppedReads.push(context);
    return;
  }
  core.reads.forwarded.push({ context, sinceTick: core.ticks });
  core.send({
    type: MessageType.ReadIndex,
    to: core.leaderID,
    term: 0,
    hint: context.low,
    hintHigh: context.high,
  });
}

/** Leader: a read that a member forwarded. One that can't be served is dropped; the requester gives it up itself. */
export function handleReadIndex(core: Core, remote: Remote, message: Message): void {
  addRead(core, { context: { low: message.hint, high: message.hintHigh }, from: remote.nodeID });
}

/** False: nothing is committed in this term yet, so the commit index may be older than what others have seen. */
function addRead(core: Core, read: PendingRead): boolean {
  if (core.log.commit < core.termStart) return false;
  if (core.quorum === 1 && core.isVoter) release(core, [read], core.log.commit);
  else core.reads.gathering.push(read);
  return true;
}

/** Leader: begins the next round, if reads wait for one and none is under way. */
export function startReadRound(core: Core): void {
  const { reads } = core;
  if (core.role !== 'leader' || reads.gathering.length === 0 || reads.confirming.length > 0) return;
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
  const [read] = position < 0 ? [] : forwarded.splice(position, 1);
  if (read !== undefined) core.outbox.readyReads.push({ context: read.context, index: message.logIndex });
}

/** Gives up the reads whose answer, or whose request, must have been lost. */
export function expireForwardedReads(core: Core): void {
  const { forwarded } = core.reads;
  const patience = 2 * core.config.electionTimeoutTicks;
  let count = 0;
  for (const read of forwarded) {
    if (core.ticks - read.sinceTick < patience) break;
    core.outbox.droppedReads.push(read.context);
    count += 1;
  }
  if (count > 0) forwarded.splice(0, count);
}

/** The leader that these reads were for is gone. Those of other replicas are theirs to give up. */
export function dropReads(core: Core): void {
  const { reads, outbox } = core;
  for (const read of reads.confirming) if (read.from === 0) outbox.droppedReads.push(read.context);
  for (const read of reads.gathering) if (read.from === 0) outbox.droppedReads.push(read.context);
  for (const read of reads.forwarded) outbox.droppedReads.push(read.context);
  reads.confirming = [];
  reads.gathering = [];
  reads.forwarded.length = 0;
}
