import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { RequestResult, RequestState } from './request-state.js';

const DONE = new RequestResult('completed', 5);

function newRequest(): RequestState {
  return new RequestState(1, 2, { operation: 'proposal', clientID: 3, seriesID: 4, deadlineMs: 5 });
}

afterEach(() => {
  jest.restoreAllMocks();
});

describe('RequestState', () => {
  it('notifies every listener once, early or late', async () => {
    const request = newRequest();
    const seen: string[] = [];
    request.onResult(({ outcome }) => seen.push(`first ${outcome}`));
    request.onResult(({ outcome }) => seen.push(`second ${outcome}`));
    request.end(DONE);
    request.end(new RequestResult('timeout'));
    request.onResult(({ outcome }) => seen.push(`late ${outcome}`));
    expect(seen).toEqual(['first completed', 'second completed', 'late completed']);
    expect((await request.result).value).toBe(5);
  });

  it('keeps what a listener throws away from who ends the request, and from other listeners', () => {
    const later: (() => void)[] = [];
    jest.spyOn(globalThis, 'queueMicrotask').mockImplementation((callback) => void later.push(callback));
    const request = newRequest();
    const seen: string[] = [];
    request.onResult(() => {
      throw new Error('first listener');
    });
    request.onResult(() => {
      throw new Error('second listener');
    });
    request.onResult(({ outcome }) => seen.push(outcome));
    request.end(DONE);
    expect(seen).toEqual(['completed']);
    // Not swallowed: an exception of the program's own, outside of the engine's work.
    expect(later).toHaveLength(2);
    expect(later[0]).toThrow('first listener');
    expect(later[1]).toThrow('second listener');
  });
});
