import { describe, expect, it } from '@jest/globals';
import { crc32 } from 'node:zlib';
import { MAX_UINT64, type Uint64 } from '@drakkar/raftio';
import { decodeSessions, encodeSessions } from './session-codec.js';
import { ClientSession, SessionManager } from './session-manager.js';

type Plain = [clientID: Uint64, respondedTo: Uint64, results: [Uint64, Uint64][]];

function plain(sessions: SessionManager): Plain[] {
  return [...sessions.inOrderOfUse()].map(({ clientID, respondedTo, history }) => [
    clientID,
    respondedTo,
    [...history],
  ]);
}

function make(maxCount: number, content: Plain[]): SessionManager {
  const sessions = new SessionManager(maxCount);
  for (const [clientID, respondedTo, results] of content) {
    sessions.add(new ClientSession(clientID, respondedTo, new Map(results)));
  }
  return sessions;
}

const CONTENT: Plain[] = [
  [7, 0, []],
  [MAX_UINT64, 2n ** 60n, [[2n ** 60n + 1n, MAX_UINT64]]],
  [
    Number.MAX_SAFE_INTEGER,
    3,
    [
      [4, 0],
      [6, 2n ** 53n],
    ],
  ],
];

const thrownBy = (run: () => unknown): unknown => {
  try {
    return run();
  } catch (error) {
    return error;
  }
};
const corrupt = expect.objectContaining({ code: 'ERR_SESSIONS_CORRUPT' });

describe('sessions as bytes', () => {
  it.each<[string, Plain[]]>([
    ['none', []],
    ['one', CONTENT.slice(0, 1)],
    ['several, with ids of all sizes', CONTENT],
  ])('come back as they were: %s', (_what, content) => {
    const decoded = decodeSessions(encodeSessions(make(8, content)), 8).sessions;
    expect(plain(decoded)).toEqual(content);
    expect(decoded.count).toBe(content.length);
  });

  it('come back from the middle of a larger block', () => {
    const encoded = encodeSessions(make(8, CONTENT));
    const block = new Uint8Array(encoded.length + 9).fill(0xff);
    block.set(encoded, 3);
    expect(plain(decodeSessions(block.subarray(3, 3 + encoded.length), 8).sessions)).toEqual(CONTENT);
  });

  it('are those of the documented format', () => {
    expect(Buffer.from(encodeSessions(make(2, [[7, 1, [[2, 9]]]]))).toString('hex')).toBe(
      '444b5353' +
        '01000000' +
        '02000000' +
        '01000000' + // magic, version, room, count
        '0700000000000000' +
        '0100000000000000' +
        '01000000' + // client, responded to, results
        '0200000000000000' +
        '0900000000000000' + // series, result
        '3443fc56',
    );
  });

  it('are the same whatever the order in which results came', () => {
    const results: [Uint64, Uint64][] = [
      [4, 1],
      [5, 2],
      [2n ** 60n, 3],
    ];
    const forward = encodeSessions(make(2, [[1, 0, results]]));
    expect(encodeSessions(make(2, [[1, 0, results.toReversed()]]))).toEqual(forward);
  });

  it('differ with the order of use', () => {
    const forward = encodeSessions(make(8, CONTENT));
    expect(encodeSessions(make(8, CONTENT.toReversed()))).not.toEqual(forward);
  });
});

describe('damaged sessions', () => {
  const encoded = encodeSessions(make(8, CONTENT));

  it('are refused whichever byte is changed', () => {
    for (let at = 0; at < encoded.length; at++) {
      const damaged = encoded.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      expect(thrownBy(() => decodeSessions(damaged, 8))).toEqual(corrupt);
    }
  });

  it('are refused wherever they are cut', () => {
    for (let length = 0; length < encoded.length; length++) {
      expect(thrownBy(() => decodeSessions(encoded.subarray(0, length), 8))).toEqual(corrupt);
    }
  });

  it('are refused with something behind them', () => {
    const longer = new Uint8Array(encoded.length + 4);
    longer.set(encoded);
    expect(thrownBy(() => decodeSessions(longer, 8))).toEqual(corrupt);
  });
});

describe('sessions with a right checksum and wrong content', () => {
  it.each<[string, number, number]>([
    ['another version', 4, 2],
    ['too few sessions', 12, 2],
    ['too many sessions', 12, 4],
    ['a huge number of sessions', 12, 0xffff_ffff],
    ['a huge number of results', 32, 0xffff_ffff],
  ])('are refused: %s', (_what, at, value) => {
    const forged = encodeSessions(make(8, CONTENT));
    const view = new DataView(forged.buffer);
    view.setUint32(at, value, true);
    view.setUint32(forged.length - 4, crc32(forged.subarray(0, -4)), true);
    expect(thrownBy(() => decodeSessions(forged, 8))).toEqual(corrupt);
  });

  it('are refused when a client appears twice', () => {
    const twice = encodeSessions(
      make(8, [
        [1, 0, []],
        [2, 0, []],
      ]),
    );
    const view = new DataView(twice.buffer);
    view.setBigUint64(36, 1n, true);
    view.setUint32(twice.length - 4, crc32(twice.subarray(0, -4)), true);
    expect(thrownBy(() => decodeSessions(twice, 8))).toEqual(corrupt);
  });

  it('are refused when the group keeps another number of sessions', () => {
    const error = thrownBy(() => decodeSessions(encodeSessions(make(8, CONTENT)), 9));
    expect(error).toEqual(expect.objectContaining({ code: 'ERR_HARD_SETTINGS_CHANGED' }));
  });
});
