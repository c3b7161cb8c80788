import { describe, expect, it } from '@jest/globals';
import {
  MAX_UINT64,
  REGISTER_SERIES_ID,
  type SessionRecord,
  UNREGISTER_SERIES_ID,
  type Uint64,
} from '@drakkar/raftio';
import { SeededRandom } from '../runtime/random.js';
import { Session, newNoOPSession, newSession } from './session.js';

const random = new SeededRandom(7);

function source(...values: Uint64[]): { uint64(): Uint64 } {
  return { uint64: () => values.shift() ?? 0 };
}

const invalid = expect.objectContaining({ code: 'ERR_INVALID_SESSION', kind: 'fix' });

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('a new session', () => {
  it('has a client id that is a safe integer above 0', () => {
    for (let i = 0; i < 1000; i++) {
      const { clientID } = newSession(1, random);
      expect(Number.isSafeInteger(clientID)).toBe(true);
      expect(clientID > 0).toBe(true);
    }
  });

  it('draws again when the id would be 0, also after its upper bits are cut off', () => {
    expect(newSession(1, source(0, 1n << 60n, 5)).clientID).toBe(5);
    expect(newNoOPSession(1, source(0, MAX_UINT64)).clientID).toBe(Number.MAX_SAFE_INTEGER);
  });

  it('begins with the first series id', () => {
    const session = newSession(3, random);
    expect(session.toRecord()).toEqual({
      clusterID: 3,
      clientID: session.clientID,
      seriesID: 1,
      respondedTo: 0,
    });
    expect(session.isNoOPSession()).toBe(false);
  });

  it('is registered, used and unregistered', () => {
    const session = newSession(1, random);
    expect(session.validForSessionOp(1)).toBe(false);
    session.prepareForRegister();
    expect(session.seriesID).toBe(REGISTER_SERIES_ID);
    expect([session.validForSessionOp(1), session.validForProposal(1)]).toEqual([true, false]);
    session.prepareForPropose();
    expect([session.seriesID, session.validForSessionOp(1), session.validForProposal(1)]).toEqual([
      1,
      false,
      true,
    ]);
    session.proposalCompleted();
    expect([session.seriesID, session.respondedTo]).toEqual([2, 1]);
    session.prepareForUnregister();
    expect(session.seriesID).toBe(UNREGISTER_SERIES_ID);
    expect([session.validForSessionOp(1), session.validForProposal(1)]).toEqual([true, false]);
  });

  it('is of no use for another group', () => {
    const session = newSession(1, random);
    expect(session.validForProposal(2)).toBe(false);
    session.prepareForRegister();
    expect(session.validForSessionOp(2)).toBe(false);
  });
});

describe('proposalCompleted', () => {
  it('goes on beyond the safe integers', () => {
    const session = Session.fromRecord({
      clusterID: 1,
      clientID: 9,
      seriesID: BigInt(Number.MAX_SAFE_INTEGER) + 1n,
      respondedTo: Number.MAX_SAFE_INTEGER,
    });
    session.proposalCompleted();
    expect([session.seriesID, session.respondedTo]).toEqual([9007199254740993n, 9007199254740992n]);
  });

  it.each([
    ['while it is being registered', (s: Session) => s.prepareForRegister()],
    ['when it is unregistered', (s: Session) => s.prepareForUnregister()],
  ])('throws %s', (_when, prepare) => {
    const session = newSession(1, random);
    prepare(session);
    const before = session.toRecord();
    expect(thrownBy(() => session.proposalCompleted())).toEqual(invalid);
    expect(session.toRecord()).toEqual(before);
  });
});

describe('a NoOP session', () => {
  it('carries proposals and nothing else', () => {
    const session = newNoOPSession(1, random);
    expect(session.isNoOPSession()).toBe(true);
    expect([session.validForProposal(1), session.validForProposal(2), session.validForSessionOp(1)]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it.each(['prepareForRegister', 'prepareForUnregister', 'prepareForPropose', 'proposalCompleted'] as const)(
    'throws on %s',
    (method) => {
      const session = newNoOPSession(1, random);
      expect(thrownBy(() => session[method]())).toEqual(invalid);
      expect(session.seriesID).toBe(0);
    },
  );
});

describe('records', () => {
  it.each<SessionRecord>([
    { clusterID: 1, clientID: 2, seriesID: 3, respondedTo: 2 },
    { clusterID: 1, clientID: MAX_UINT64, seriesID: REGISTER_SERIES_ID, respondedTo: 0 },
    { clusterID: 1, clientID: 2, seriesID: 0, respondedTo: 0 },
  ])('come back as they were: %p', (record) => {
    expect(Session.fromRecord(record).toRecord()).toEqual(record);
  });

  it('are brought to canonical form', () => {
    expect(
      Session.fromRecord({ clusterID: 1, clientID: 2n, seriesID: 0n, respondedTo: 0n }).isNoOPSession(),
    ).toBe(true);
  });

  it.each<Partial<SessionRecord>>([
    { clusterID: 1.5 },
    { clusterID: -1 },
    { clientID: -1 },
    { seriesID: 0.5 },
    { respondedTo: MAX_UINT64 + 1n },
  ])('are refused with %p', (wrong) => {
    const record = { clusterID: 1, clientID: 2, seriesID: 1, respondedTo: 0, ...wrong };
    expect(thrownBy(() => Session.fromRecord(record))).toEqual(invalid);
  });

  it.each<Partial<SessionRecord>>([
    { clientID: 0 },
    { seriesID: 4, respondedTo: 4 },
    { seriesID: 4, respondedTo: 5 },
  ])('make, with %p, a session that can carry no proposal', (odd) => {
    const session = Session.fromRecord({ clusterID: 1, clientID: 2, seriesID: 4, respondedTo: 3, ...odd });
    expect(session.validForProposal(1)).toBe(false);
  });
});
