import { ErrCanceled, ErrInvalidDeadline, ErrInvalidOperation, ErrTimeoutTooSmall } from '../errors/index.js';

/** Where Go takes a context with a deadline. */
export interface CallOptions {
  /** How long the caller waits, from one tick of the host (`rttMillisecond`) up. Default: 5,000. */
  timeoutMs?: number;
  /** Ends the wait early with `ErrCanceled`. What was proposed before may still be applied. */
  signal?: AbortSignal;
}

/** For a membership change. */
export interface ChangeOptions extends CallOptions {
  /**
   * Makes the change even though the leader sees that it may cost the group its quorum, or that the observer to be
   * promoted has not caught up. Such a change can leave a group that can't take it back. Default: false.
   */
  force?: boolean;
}

export const DEFAULT_TIMEOUT_MS = 5_000;
const MAX_TIMEOUT_MS = 24 * 60 * 60 * 1000;

/**
 * The wait of a call, in ms. Throws `ErrInvalidDeadline` when the time-out is not a time, `ErrTimeoutTooSmall` when
 * it is less than one tick, `ErrCanceled` when the signal has been given already.
 */
export function timeoutMsOf(options: CallOptions | undefined, tickMs: number): number {
  const timeoutMs = options?.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  if (
    typeof timeoutMs !== 'number' ||
    !Number.isFinite(timeoutMs) ||
    timeoutMs < 0 ||
    timeoutMs > MAX_TIMEOUT_MS
  ) {
    throw new ErrInvalidDeadline(
      `timeoutMs must be a number from 0 to ${MAX_TIMEOUT_MS}, found ${String(timeoutMs)}`,
    );
  }
  if (timeoutMs < tickMs) {
    throw new ErrTimeoutTooSmall(
      `timeoutMs is ${timeoutMs}, but this host counts time in ticks of ${tickMs} ms (rttMillisecond): ask for more`,
    );
  }
  // Not by instanceof: realms and polyfills differ.
  if (options?.signal !== undefined && typeof options.signal.addEventListener !== 'function') {
    throw new ErrInvalidOperation('signal must be an AbortSignal');
  }
  if (options?.signal?.aborted === true) {
    throw new ErrCanceled('the signal was aborted before the call: nothing was started', {
      effect: 'none',
      cause: options.signal.reason,
    });
  }
  return timeoutMs;
}
