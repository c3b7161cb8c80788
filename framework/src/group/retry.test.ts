import { describe, expect, it } from '@jest/globals';
import { type ErrCanceled, ErrClusterNotReady, ErrRejected, ErrTimeout } from '../errors/index.js';
import type { CallOptions } from '../nodehost/options.js';
import { SeededRandom } from '../runtime/random.js';
import { ManualClock } from '../runtime/testing/manual-clock.js';
import { IN_ANY_CASE, type RetryOptions, type RetryRule, WITHOUT_EFFECT, retrying } from './retry.js';

const TICK_MS = 10;

interface Run {
  /** When each attempt was made, and what it was given. */
  attempts: { atMs: number; timeoutMs: number | undefined }[];
  outcome: Promise<unknown>;
  clock: ManualClock;
}

/** Attempts that end with these errors, then with success; the time passes until all is done. */
async function run(
  errors: readonly Error[],
  rule: RetryRule,
  options: RetryOptions = {},
  advance = true,
): Promise<Run> {
  const clock = new ManualClock();
  const attempts: Run['attempts'] = [];
  const attempt = ({ timeoutMs }: CallOptions): Promise<string> => {
    const error = errors[attempts.length];
    attempts.push({ atMs: clock.nowMs(), timeoutMs });
    return error === undefined ? Promise.resolve('done') : Promise.reject(error);
  };
  const outcome = retrying(attempt, options, rule, { clock, random: new SeededRandom(3), tickMs: TICK_MS });
  outcome.catch(() => undefined);
  for (let i = 0; i < 10_000 && advance; i++) {
    clock.advance(1);
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  }
  return { attempts, outcome, clock };
}

const many = (error: Error): Error[] => Array.from({ length: 1_000 }, () => error);

describe('retrying', () => {
  it('repeats what had no effect, after pauses that grow and are not all alike', async () => {
    const { attempts, outcome } = await run(many(new ErrClusterNotReady()).slice(0, 8), WITHOUT_EFFECT);
    expect(await outcome).toBe('done');
    const pauses = attempts.slice(1).map(({ atMs }, i) => atMs - (attempts[i]?.atMs ?? 0));
    for (const [i, pauseMs] of pauses.entries()) {
      const longestMs = Math.min(500, 10 * 2 ** i);
      expect(pauseMs).toBeGreaterThanOrEqual(longestMs / 2);
      expect(pauseMs).toBeLessThanOrEqual(longestMs + 1);
    }
    expect(new Set(pauses.map((pauseMs, i) => pauseMs / 2 ** Math.min(i, 6))).size).toBeGreaterThan(4);
  });

  it('throws the last error when the time is over, and makes the last attempt near the end', async () => {
    const { attempts, outcome } = await run(many(new ErrClusterNotReady('still')), WITHOUT_EFFECT, {
      timeoutMs: 2_000,
    });
    await expect(outcome).rejects.toMatchObject({ code: 'ERR_CLUSTER_NOT_READY', message: 'still' });
    expect(attempts.at(-1)?.atMs).toBeGreaterThan(1_900);
    expect(attempts.at(-1)?.atMs).toBeLessThanOrEqual(2_000);
  });

  it.each<[string, Error, RetryRule]>([
    ['a time-out of what must not be done twice', new ErrTimeout(), WITHOUT_EFFECT],
    ['what helps on another host only', new ErrClusterNotReady('', { retry: 'elsewhere' }), IN_ANY_CASE],
    ['what never helps', new ErrRejected(), IN_ANY_CASE],
    ['an error of the program', new TypeError('a bug'), IN_ANY_CASE],
  ])('does not repeat after %s', async (_what, error, rule) => {
    const { attempts, outcome } = await run([error], rule);
    await expect(outcome).rejects.toBe(error);
    expect(attempts).toHaveLength(1);
  });

  it('gives attempts that may be repeated parts of the time that grow, others all of it', async () => {
    const { attempts, outcome } = await run([new ErrTimeout(), new ErrTimeout()], IN_ANY_CASE);
    expect(await outcome).toBe('done');
    expect(attempts.map(({ timeoutMs }) => timeoutMs)).toEqual([1_000, 2_000, 4_000]);
    const single = await run([], WITHOUT_EFFECT, { timeoutMs: 3_000 });
    expect(single.attempts[0]?.timeoutMs).toBe(3_000);
  });

  it('makes one attempt with all of the time when retry is false', async () => {
    const options = { retry: false, timeoutMs: 3_000 };
    const { attempts, outcome } = await run([new ErrClusterNotReady()], IN_ANY_CASE, options);
    await expect(outcome).rejects.toMatchObject({ code: 'ERR_CLUSTER_NOT_READY' });
    expect(attempts).toEqual([{ atMs: 0, timeoutMs: 3_000 }]);
  });

  it.each<[string, Error, RetryRule]>([
    ['none', new ErrClusterNotReady(), WITHOUT_EFFECT],
    ['unknown', new ErrTimeout(), IN_ANY_CASE],
  ])(
    'ends a pause when its signal aborts; the effect is that of the last attempt: %s',
    async (effect, error, rule) => {
      const controller = new AbortController();
      const { clock, outcome } = await run(many(error), rule, { signal: controller.signal }, false);
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
      expect(clock.timerCount).toBe(1);
      controller.abort(new Error('enough'));
      const canceled = (await outcome.catch((thrown: unknown) => thrown)) as ErrCanceled;
      expect(canceled).toMatchObject({ code: 'ERR_CANCELED', effect, cause: new Error('enough') });
      expect(clock.timerCount).toBe(0);
    },
  );
});
