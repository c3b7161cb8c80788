import { isDrakkarError } from '@drakkar/raftio';
import { ErrCanceled } from '../errors/index.js';
import type { CallOptions } from '../nodehost/options.js';
import { timeoutMsOf } from '../nodehost/options.js';
import type { IClock } from '../runtime/clock.js';
import type { IRandom } from '../runtime/random.js';
import { onAbort } from '../runtime/on-abort.js';

/** For the calls of a group that repeat what is safe to repeat. */
export interface RetryOptions extends CallOptions {
  /**
   * False: one attempt. Otherwise the call is repeated until it succeeds, `timeoutMs` is over or `signal` aborts, as long
   * as its errors say that a repetition is safe. Default: true.
   */
  retry?: boolean;
}

/** What pauses are made of. */
export interface RetryContext {
  readonly clock: IClock;
  readonly random: IRandom;
  readonly tickMs: number;
}

const FIRST_PAUSE_MS = 10;
const MAX_PAUSE_MS = 500;
/** The first attempt at what may be repeated whatever its outcome; later ones wait for longer. */
const FIRST_ATTEMPT_MS = 1_000;

/** When an attempt may be followed by another. */
export interface RetryRule {
  /** Whether a repetition after this error is safe, and of use. */
  again: (error: unknown) => boolean;
  /** Whether an attempt whose outcome is unknown may be repeated, so that each needs to wait for a part of the time only. */
  repeatable: boolean;
}

/** After what had no effect, for what must not be done twice. */
export const WITHOUT_EFFECT: RetryRule = {
  again: (error) => isDrakkarError(error) && error.retry === 'here' && error.effect === 'none',
  repeatable: false,
};

/** After any failure that may pass, for what may be done twice: a read, a proposal with a session. */
export const IN_ANY_CASE: RetryRule = {
  again: (error) => isDrakkarError(error) && error.retry === 'here',
  repeatable: true,
};

/**
 * Calls `attempt` until it succeeds, with pauses that grow and are drawn at random, so that callers that failed together do
 * not come back together. When the time is over, or the error is of another kind, the error of the last attempt is
 * thrown.
 */
export async function retrying<T>(
  attempt: (options: CallOptions) => Promise<T>,
  options: RetryOptions | undefined,
  rule: RetryRule,
  context: RetryContext,
): Promise<T> {
  const { clock, tickMs } = context;
  const timeoutMs = timeoutMsOf(options, tickMs);
  const signal = options?.signal;
  const withSignal = signal === undefined ? {} : { signal };
  if (options?.retry === false) return await attempt({ timeoutMs, ...withSignal });
  const endMs = clock.nowMs() + timeoutMs;
  for (let failures = 0; ; failures++) {
    const leftMs = endMs - clock.nowMs();
    const shareMs = rule.repeatable ? Math.max(FIRST_ATTEMPT_MS, tickMs) * 2 ** failures : leftMs;
    try {
      return await attempt({ timeoutMs: Math.max(tickMs, Math.min(leftMs, shareMs)), ...withSignal });
    } catch (error) {
      const remainingMs = endMs - clock.nowMs();
      if (!rule.again(error) || remainingMs < 2 * tickMs) throw error;
      await pause(Math.min(pauseMs(failures, context), remainingMs - tickMs), signal, clock, error);
    }
  }
}

function pauseMs(failures: number, { random, tickMs }: RetryContext): number {
  const longestMs = Math.min(MAX_PAUSE_MS, Math.max(FIRST_PAUSE_MS, tickMs) * 2 ** Math.min(failures, 20));
  return longestMs / 2 + random.nextInt(Math.ceil(longestMs / 2));
}

/** Ends early with `ErrCanceled`, which claims as much as the error of the last attempt. */
export async function pause(
  ms: number,
  signal: AbortSignal | undefined,
  clock: IClock,
  failure: unknown,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const cancel = (): void => {
      timer.cancel();
      const effect = isDrakkarError(failure) ? failure.effect : 'unknown';
      const message = 'the signal was aborted in the pause before another attempt';
      reject(new ErrCanceled(message, { effect, cause: signal?.reason ?? failure }));
    };
    const timer = clock.setTimeout(() => {
      endWait();
      resolve();
    }, ms);
    const endWait = signal === undefined ? (): void => undefined : onAbort(signal, cancel);
  });
}
