import { hasErrorCode } from '@drakkar/raftio';
import { ErrSnapshotNoSpace, ErrSnapshotStopped } from '../errors/snapshot.js';
import { hasSystemCode, messageOf } from '../errors/inspect.js';

/** Throws ErrSnapshotStopped when `signal` is aborted; its reason becomes the cause. */
export function throwIfStopped(signal: AbortSignal, what: string): void {
  if (signal.aborted) throw new ErrSnapshotStopped(`${what} was called off`, { cause: signal.reason });
}

/**
 * What to throw for something that failed while a snapshot was made, sent or received. A call that was called off
 * fails in many ways, so the signal goes before the error.
 */
export function snapshotFailure(error: unknown, signal: AbortSignal, what: string): unknown {
  if (signal.aborted && !hasErrorCode(error, 'ERR_SNAPSHOT_STOPPED')) {
    return new ErrSnapshotStopped(`${what} was called off`, { cause: error });
  }
  if (hasSystemCode(error, 'ENOSPC', 'EDQUOT')) {
    return new ErrSnapshotNoSpace(`no space left for ${what}: ${messageOf(error)}`, { cause: error });
  }
  return error;
}
