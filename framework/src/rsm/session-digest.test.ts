import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Uint64 } from '@drakkar/raftio';
import { decodeSessions, encodeSessions } from './session-codec.js';
import { SessionManager } from './session-manager.js';

type Step = [op: 'register' | 'unregister' | 'apply', client: number, series: number, result: number];

const step: fc.Arbitrary<Step> = fc.tuple(
  fc.constantFrom('register', 'register', 'unregister', 'apply', 'apply', 'apply'),
  fc.nat(4),
  fc.integer({ min: 1, max: 5 }),
  fc.nat(3),
);

const clientOf = (n: number): Uint64 => 0xffff_ffff_0000_0000n + BigInt(n);

function run(sessions: SessionManager, [op, client, series, result]: Step): void {
  const id = clientOf(client);
  if (op === 'register') sessions.register(id);
  else if (op === 'unregister') sessions.unregister(id);
  else {
    const session = sessions.use(id);
    session?.clearTo(series - 2);
    session?.history.set(series, result);
  }
}

describe('the digest of sessions', () => {
  it('is equal if and only if the sessions are, whenever it was asked for', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.array(step, { maxLength: 30 }), (one, other) => {
        const asked = new SessionManager(3);
        const silent = new SessionManager(3);
        const different = new SessionManager(3);
        for (const each of one) {
          run(asked, each);
          asked.digest();
          run(silent, each);
        }
        for (const each of other) run(different, each);
        const bytes = encodeSessions(asked);
        expect(silent.digest()).toBe(asked.digest());
        expect(decodeSessions(bytes, 3).sessions.digest()).toBe(asked.digest());
        const isEqual = Buffer.compare(bytes, encodeSessions(different)) === 0;
        expect(different.digest() === asked.digest()).toBe(isEqual);
      }),
    );
  });

  it('stays what it is from release to release', () => {
    const sessions = new SessionManager(3);
    for (const id of [1, 2, 2n ** 63n]) sessions.register(id);
    sessions.use(2)?.history.set(7, 2n ** 60n);
    expect(sessions.digest()).toBe(GOLDEN);
  });
});

const GOLDEN = 6_015_711_507_506_065_901n;
