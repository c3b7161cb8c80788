import { describe, expect, it } from '@jest/globals';
import { MAX_UINT64, type Uint64, toUint64 } from '@drakkar/raftio';
import fc from 'fast-check';
import { decodeDragonboatSessions, encodeDragonboatSessions } from './dragonboat-sessions.js';
import { ClientSession, SessionManager } from './session-manager.js';

const uint64: fc.Arbitrary<Uint64> = fc.bigInt(0n, MAX_UINT64).map(toUint64);
const results = fc.uniqueArray(fc.tuple(uint64, uint64), { selector: ([id]) => id, maxLength: 5 });
const content = fc.uniqueArray(fc.tuple(uint64, uint64, results), { selector: ([id]) => id, maxLength: 5 });

type Plain = [clientID: Uint64, respondedTo: Uint64, results: [Uint64, Uint64][]];

function make(sessions: readonly Plain[]): SessionManager {
  const manager = new SessionManager(8);
  for (const [id, respondedTo, history] of sessions)
    manager.add(new ClientSession(id, respondedTo, new Map(history)));
  return manager;
}

function plain(manager: SessionManager): [Uint64, Uint64, Map<Uint64, Uint64>][] {
  return [...manager.inOrderOfUse()].map((each) => [each.clientID, each.respondedTo, each.history]);
}

describe('client sessions in the form of Dragonboat', () => {
  it('keep every number, every result and the order of use', () => {
    fc.assert(
      fc.property(content, (sessions) => {
        const manager = make(sessions);
        const again = decodeDragonboatSessions(encodeDragonboatSessions(manager), 8);
        expect(plain(again)).toEqual(plain(manager));
      }),
    );
  });

  it('sorts results by their ids as strings', () => {
    const manager = make([
      [
        MAX_UINT64,
        1,
        [
          [9, 1],
          [10, MAX_UINT64],
        ],
      ],
    ]);
    const text = Buffer.from(encodeDragonboatSessions(manager)).subarray(24).toString();
    expect(text).toBe(
      '{"ClientID":18446744073709551615,"RespondedUpTo":1,"History":{"10":18446744073709551615,"9":1}}',
    );
  });

  it('rejects another number of sessions than the host keeps', () => {
    expect(() => decodeDragonboatSessions(encodeDragonboatSessions(make([])), 9)).toThrow(
      expect.objectContaining({ code: 'ERR_HARD_SETTINGS_CHANGED' }),
    );
  });

  it('rejects every cut and every changed digit mark', () => {
    const bytes = encodeDragonboatSessions(make([[5, 1, [[2, 3]]]]));
    for (let end = 0; end < bytes.length; end += 1) {
      expect(() => decodeDragonboatSessions(bytes.subarray(0, end), 8)).toThrow(
        expect.objectContaining({ code: 'ERR_SESSIONS_CORRUPT' }),
      );
    }
    const tooLarge = Buffer.from(bytes).toString('latin1').replace('"ClientID":5', '"ClientID":x');
    expect(() => decodeDragonboatSessions(Buffer.from(tooLarge, 'latin1'), 8)).toThrow(
      expect.objectContaining({ code: 'ERR_SESSIONS_CORRUPT' }),
    );
  });
});
