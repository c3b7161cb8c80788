import { crc32 } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { MAX_UINT64, isDrakkarError, toUint64 } from '@drakkar/raftio';
import fc from 'fast-check';
import { decodeSessions, encodeSessions } from './session-codec.js';
import { ClientSession, SessionManager } from './session-manager.js';

const MAX_COUNT = 8;
const uint64 = fc.bigInt(0n, MAX_UINT64).map(toUint64);
const samples = fc
  .uniqueArray(fc.tuple(uint64, uint64, fc.array(fc.tuple(uint64, uint64), { maxLength: 3 })), {
    maxLength: MAX_COUNT,
    selector: ([clientID]) => clientID,
  })
  .map((sessions) => {
    const manager = new SessionManager(MAX_COUNT);
    for (const [clientID, respondedTo, results] of sessions)
      manager.add(new ClientSession(clientID, respondedTo, new Map(results)));
    return encodeSessions(manager);
  });

/** Code of what `decodeSessions` throws; fails on any other error. */
function outcome(bytes: Uint8Array): string | undefined {
  try {
    expect(decodeSessions(bytes, MAX_COUNT).sessions.count).toBeLessThanOrEqual(MAX_COUNT);
    return undefined;
  } catch (error) {
    if (isDrakkarError(error) && ['ERR_SESSIONS_CORRUPT', 'ERR_HARD_SETTINGS_CHANGED'].includes(error.code))
      return error.code;
    throw error;
  }
}

/** As somebody would who knows the format: with the right checksum. */
function resealed(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 4) return bytes;
  const end = bytes.length - 4;
  const result = bytes.slice();
  new DataView(result.buffer).setUint32(end, crc32(result.subarray(0, end)), true);
  return result;
}

describe('hostile bytes for client sessions', () => {
  it('are refused, whichever kind', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(outcome(bytes)).toBe('ERR_SESSIONS_CORRUPT');
      }),
    );
  });

  it('are refused, or are sessions, when sessions were changed and sealed again', () => {
    let refused = 0;
    fc.assert(
      fc.property(
        samples,
        fc.array(fc.tuple(fc.nat(400), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff)), {
          minLength: 1,
          maxLength: 4,
        }),
        fc.nat(30),
        (bytes, changes, cut) => {
          const changed = bytes.slice(0, Math.max(0, bytes.length - (cut > 20 ? cut - 20 : 0)));
          for (const [at, value] of changes) changed[at % changed.length] = value;
          if (outcome(resealed(changed)) !== undefined) refused++;
        },
      ),
    );
    expect(refused).toBeGreaterThan(0);
  });
});
