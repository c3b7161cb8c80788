import { type Entry, EntryType, MessageType, entrySizeBytes } from '@drakkar/raftio';
import { mayChangeConfig } from './config-change.js';
import type { Core } from './core.js';

/*
 * Proposals (paper, section 5.3; forwarding: thesis 6.2).
 *
 * A proposal that was forwarded and then refused by the leader is dropped without an answer: the wire has none, and
 * its proposer times out. That goes for config changes, too.
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

/** Leader: proposals that a member has forwarded. */
export function handlePropose(core: Core, entries: readonly Entry[]): void {
  for (const entry of entries) append(core, entry, false);
}

function append(core: Core, entry: Entry, isLocal: boolean): void {
  const { log } = core;
  if (core.transferTarget !== 0 || log.isOverCap) {
    if (isLocal) core.outbox.droppedProposals.push(entry);
    return;
  }
  if (entry.type === EntryType.ConfigChangeEntry && !mayChangeConfig(core)) {
    if (isLocal) core.outbox.rejectedConfigChanges.push(entry);
    return;
  }
  entry.place(core.term, log.lastIndex + 1);
  log.push(entry);
  core.replicationDue = true;
}

/** Sends the gathered proposals to the leader, or drops them when it is unknown. We may have become it ourselves. */
export function flushForwards(core: Core): void {
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
  let batch: Entry[] = [];
  let sizeBytes = 0;
  for (const entry of forwards) {
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
