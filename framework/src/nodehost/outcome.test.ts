import { describe, expect, it } from '@jest/globals';
import type { DrakkarError } from '@drakkar/raftio';
import type { Operation } from '../client/claims.js';
import type { RequestOutcome } from '../client/claims.js';
import { NO_ROOM, RequestResult, RequestState } from '../requests/request-state.js';
import { timeoutMsOf } from './options.js';
import { completed } from './outcome.js';

const request = (operation: Operation, mayBeApplied = false): RequestState =>
  new RequestState(1, 2, {
    operation,
    clientID: 3,
    seriesID: 4,
    deadlineMs: 5,
    attempts: mayBeApplied ? { ended: () => true } : undefined,
  });

const errorOf = (work: Promise<unknown>): Promise<DrakkarError> =>
  work.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error as DrakkarError,
  );

async function failed(state: RequestState, outcome: RequestOutcome): Promise<DrakkarError> {
  const error = errorOf(completed(state, undefined));
  state.end(new RequestResult(outcome));
  return await error;
}

describe('the error of a request', () => {
  const claims: [Operation, RequestOutcome, string, string, string][] = [
    ['proposal', 'timeout', 'ERR_TIMEOUT', 'unknown', 'here'],
    ['proposal', 'terminated', 'ERR_REQUEST_TERMINATED', 'unknown', 'elsewhere'],
    ['proposal', 'dropped', 'ERR_CLUSTER_NOT_READY', 'none', 'here'],
    ['proposal', 'rejected', 'ERR_REJECTED', 'none', 'never'],
    ['session', 'timeout', 'ERR_TIMEOUT', 'unknown', 'here'],
    ['change', 'timeout', 'ERR_TIMEOUT', 'unknown', 'here'],
    ['change', 'rejected', 'ERR_REJECTED', 'none', 'never'],
    ['change', 'dropped', 'ERR_CLUSTER_NOT_READY', 'none', 'here'],
    ['read', 'timeout', 'ERR_TIMEOUT', 'none', 'here'],
    ['read', 'terminated', 'ERR_REQUEST_TERMINATED', 'none', 'elsewhere'],
    ['read', 'dropped', 'ERR_CLUSTER_NOT_READY', 'none', 'here'],
  ];

  it.each(claims)(
    'claims of a %s that ended as %s: %s, %s, %s',
    async (operation, outcome, code, effect, retry) => {
      const state = request(operation);
      const error = await failed(state, outcome);
      expect(error).toMatchObject({ code, effect, retry });
      expect(state).toMatchObject({ effect, retry });
      expect(error.message.includes('applied')).toBe(effect === 'unknown');
    },
  );

  it('distinguishes a leader that has no room from one that is not there', async () => {
    const state = request('proposal');
    const error = errorOf(completed(state, undefined));
    state.end(NO_ROOM);
    expect(await error).toMatchObject({ code: 'ERR_SYSTEM_BUSY', effect: 'none', retry: 'here' });
    expect(state).toMatchObject({ effect: 'none', retry: 'here' });
  });

  it('leaves open whether a retry had an effect when an earlier attempt may have had one', async () => {
    for (const outcome of ['rejected', 'dropped'] as const) {
      const error = await failed(request('proposal', true), outcome);
      expect(error.effect).toBe('unknown');
      expect(error.message).toContain('may have been applied');
    }
  });

  it('distinguishes a promotion that may succeed later from one that never will', async () => {
    const refusal = { kind: 'observerBehind', value: 1, limit: 2 } as const;
    const late = request('change');
    const error = errorOf(completed(late, undefined));
    late.end(new RequestResult('rejected', 0, 'behind', refusal));
    expect(await error).toMatchObject({ code: 'ERR_OBSERVER_BEHIND', effect: 'none', retry: 'here' });
  });

  it('has no claim while the request is under way, or when it is completed', () => {
    const state = request('proposal');
    expect([state.effect, state.retry]).toEqual([undefined, undefined]);
    state.end(new RequestResult('completed', 1));
    expect([state.effect, state.retry]).toEqual([undefined, undefined]);
  });
});

describe('a signal', () => {
  it('leaves the effect of a proposal open when aborted meanwhile, and asks for no retry', async () => {
    const abort = new AbortController();
    const error = errorOf(completed(request('proposal'), abort.signal));
    abort.abort();
    expect(await error).toMatchObject({ code: 'ERR_CANCELED', effect: 'unknown', retry: 'never' });
  });

  it('leaves nothing open when aborted during a read', async () => {
    const abort = new AbortController();
    const error = errorOf(completed(request('read'), abort.signal));
    abort.abort();
    expect(await error).toMatchObject({ code: 'ERR_CANCELED', effect: 'none', retry: 'never' });
  });

  it('keeps a call from having an effect when aborted before', () => {
    const claim = { code: 'ERR_CANCELED', effect: 'none', retry: 'never' };
    expect(() => timeoutMsOf({ signal: AbortSignal.abort() }, 10)).toThrow(expect.objectContaining(claim));
  });
});
