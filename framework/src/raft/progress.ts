import { entrySizeBytes } from '@drakkar/raftio';
import type { Core } from './core.js';
import { quorumMatch } from './quorum.js';

/*
 * A leader whose entries do not get through, though its heartbeats do: a way that loses what is large, a connection
 * that hangs beside others that do not, a quorum that must be sent nothing. The others hear it and do not campaign, so
 * it leaves office by itself, and leaves the next campaigns to them. They may fare no better: then each of them is more
 * patient the next time, so that the group does not change leaders for nothing. Entries of many bytes on a slow way get
 * the time that they need. While a snapshot is on its way to a member there is nothing to be seen, and no hurry.
 */

/** Election timeouts in which no quorum has come any further, while there is something to commit. */
const FRUITLESS_ELECTION_TIMEOUTS = 16;
/** Bytes that even a slow way carries in an election timeout. */
const BYTES_PER_ELECTION_TIMEOUT = 128 * 1024;
/** How many times as patient it becomes at most. */
const MAX_PATIENCE = 8;
const CAMPAIGNS_LEFT_TO_OTHERS = 8;

/** A term as leader begins. */
export function beginProgress(core: Core): void {
  core.progress.match = quorumMatch(core);
  core.progress.sinceTick = core.ticks;
}

/** Leader, each tick: whether it has been without progress for so long that another one is to try. */
export function isFruitless(core: Core): boolean {
  const { progress, log, ticks, config } = core;
  const match = quorumMatch(core);
  if (log.commit >= core.termStart) progress.patience = 1;
  if (match > progress.match || log.commit >= log.lastIndex || isSendingSnapshot(core)) {
    progress.match = match;
    progress.sinceTick = ticks;
    return false;
  }
  const limit = progress.patience * FRUITLESS_ELECTION_TIMEOUTS;
  const periods = (ticks - progress.sinceTick) / config.electionTimeoutTicks;
  if (periods < limit || periods < limit + uncommittedBytes(core) / BYTES_PER_ELECTION_TIMEOUT) return false;
  progress.patience = Math.min(2 * progress.patience, MAX_PATIENCE);
  progress.campaignsLeft = CAMPAIGNS_LEFT_TO_OTHERS;
  progress.commitAtEnd = log.commit;
  return true;
}

/** Whether a campaign is left to others, since this replica has led lately and got nothing through. */
export function leavesToOthers({ progress, log }: Core): boolean {
  if (log.commit > progress.commitAtEnd) progress.campaignsLeft = 0;
  if (progress.campaignsLeft === 0) return false;
  progress.campaignsLeft -= 1;
  return true;
}

function isSendingSnapshot(core: Core): boolean {
  for (const { nodeID } of core.streams) if (core.remote(nodeID)?.isObserver === false) return true;
  return false;
}

function uncommittedBytes({ log }: Core): number {
  let sizeBytes = 0;
  for (let index = Math.max(log.commit + 1, log.mem.first); index <= log.lastIndex; index++)
    sizeBytes += entrySizeBytes(log.mem.at(index));
  return sizeBytes;
}
