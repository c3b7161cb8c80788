import { describe, expect, it } from '@jest/globals';
import type { Uint64 } from '@drakkar/raftio';
import { ClientSession, SessionManager } from './session-manager.js';

function order(sessions: SessionManager): Uint64[] {
  return [...sessions.inOrderOfUse()].map((session) => session.clientID);
}

function withSessions(maxCount: number, ...clientIDs: Uint64[]): SessionManager {
  const sessions = new SessionManager(maxCount);
  for (const clientID of clientIDs) sessions.register(clientID);
  return sessions;
}

describe('order of use', () => {
  it.each<[string, (sessions: SessionManager) => unknown, Uint64[]]>([
    ['a registration', (s) => s.register(4), [1, 2, 3, 4]],
    ['a registration that exists', (s) => s.register(1), [2, 3, 1]],
    ['use of the oldest', (s) => s.use(1), [2, 3, 1]],
    ['use of one in between', (s) => s.use(2), [1, 3, 2]],
    ['use of the newest', (s) => s.use(3), [1, 2, 3]],
    ['use of an unknown one', (s) => s.use(9), [1, 2, 3]],
    ['unregistering the oldest', (s) => s.unregister(1), [2, 3]],
    ['unregistering one in between', (s) => s.unregister(2), [1, 3]],
    ['unregistering the newest', (s) => s.unregister(3), [1, 2]],
    ['unregistering all', (s) => [1, 2, 3].map((id) => s.unregister(id)), []],
    ['looking at it', (s) => [...s.inOrderOfUse()], [1, 2, 3]],
  ])('is refused after %s', (_what, act, expected) => {
    const sessions = withSessions(5, 1, 2, 3);
    act(sessions);
    expect(order(sessions)).toEqual(expected);
    expect(sessions.count).toBe(expected.length);
    sessions.register(77);
    expect(order(sessions)).toEqual([...expected, 77]);
  });

  it('decides who is evicted', () => {
    const sessions = withSessions(3, 1, 2, 3);
    sessions.use(1);
    expect(sessions.register(4)).toBe(true);
    expect(order(sessions)).toEqual([3, 1, 4]);
    expect(sessions.use(2)).toBeUndefined();
  });

  it('works with room for one', () => {
    const sessions = withSessions(1, 1, 2);
    expect(order(sessions)).toEqual([2]);
    expect(sessions.unregister(2)).toBe(true);
    expect(order(sessions)).toEqual([]);
  });
});

describe('registration', () => {
  it('reports whether it changed anything', () => {
    const sessions = new SessionManager(2);
    expect(sessions.register(1)).toBe(true);
    expect(sessions.register(1)).toBe(false);
    expect(sessions.unregister(1)).toBe(true);
    expect(sessions.unregister(1)).toBe(false);
  });

  it('leaves a session that exists as it is', () => {
    const sessions = withSessions(2, 1);
    sessions.use(1)?.history.set(1, 42);
    sessions.register(1);
    expect(sessions.use(1)?.history.get(1)).toBe(42);
  });

  it.each([0, -1, 1.5, 2 ** 32, Number.NaN])('room for %p sessions is refused', (maxCount) => {
    expect(() => new SessionManager(maxCount)).toThrow(RangeError);
  });
});

describe('clearTo', () => {
  const huge = 2n ** 53n;
  it.each<[Uint64, Uint64[], Uint64[], Uint64]>([
    [0, [1], [1], 0],
    [1, [1], [], 1],
    [1, [2], [2], 1],
    [2, [1, 2, 3], [3], 2],
    [3, [5, 1, 4, 2], [5, 4], 3],
    [huge, [1, huge, huge + 1n], [huge + 1n], huge],
  ])('clears to %p: of results %p it leaves %p', (to, series, expected, respondedTo) => {
    const session = new ClientSession(1);
    for (const seriesID of series) session.history.set(seriesID, 0);
    session.clearTo(to);
    expect([...session.history.keys()]).toEqual(expected);
    expect(session.respondedTo).toBe(respondedTo);
  });

  it('does not go back', () => {
    const session = new ClientSession(1, 5);
    session.history.set(6, 0);
    session.clearTo(3);
    expect([session.respondedTo, session.history.size]).toEqual([5, 1]);
  });
});
