import { hasErrorCode } from '@drakkar/raftio';
import { ErrCanceled, ErrClusterNotReady } from '../errors/index.js';
import { messageOf } from '../errors/inspect.js';
import type { IClock } from '../runtime/clock.js';
import { unlessAborted } from '../runtime/unless-aborted.js';
import type { NodeUser } from './node-user.js';
import { type CallOptions, timeoutMsOf } from './options.js';

export interface ReadinessDependencies {
  clock: IClock;
  tickMs: number;
  /** Throws when the group can't be used, e.g. `ErrClusterNotInitialized`. */
  user: () => NodeUser;
}

/**
 * Waits until the replica here can serve a linearizable read: a leader is known, has committed in its term, and this
 * replica has caught up with that. Tries once a tick.
 */
export async function waitReady(
  clusterID: number,
  { clock, tickMs, user }: ReadinessDependencies,
  options: CallOptions | undefined,
): Promise<void> {
  const timeoutMs = timeoutMsOf(options, tickMs);
  const { signal } = options ?? {};
  const endMs = clock.nowMs() + timeoutMs;
  let obstacle = 'its log is being replayed';
  for (;;) {
    const leftMs = endMs - clock.nowMs();
    if (leftMs < tickMs) {
      throw new ErrClusterNotReady(`group ${clusterID} was not ready within ${timeoutMs} ms: ${obstacle}`);
    }
    try {
      const { outcome } = await withSignal(user().readIndex({ timeoutMs: leftMs }).result, signal);
      if (outcome === 'completed') return;
      obstacle =
        outcome === 'timeout' ? 'the leader did not answer, or this replica lags behind' : 'it has no leader';
    } catch (error) {
      if (!hasErrorCode(error, 'ERR_CLUSTER_NOT_INITIALIZED') && !hasErrorCode(error, 'ERR_SYSTEM_BUSY'))
        throw error;
      obstacle = messageOf(error);
    }
    await withSignal(new Promise<void>((resolve) => void clock.setTimeout(resolve, tickMs)), signal);
  }
}

/** Waits for `work`, or rejects with `ErrCanceled` when the signal is given first. */
function withSignal<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return unlessAborted(
    work,
    signal,
    () => new ErrCanceled('the wait was ended by its signal', { effect: 'none' }),
  );
}
