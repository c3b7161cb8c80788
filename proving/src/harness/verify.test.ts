import { describe, expect, it } from '@jest/globals';
import type { DumpedRecord } from './commands.js';
import { CallKind, type JournaledCall } from './journal.js';
import { keyName, privateKeyID, valueOf } from './names.js';
import { type Evidence, verify } from './verify.js';

const OWN = privateKeyID(0, 0);
const SHARED = 3;

function call(fields: Partial<JournaledCall> & { invokedAt: number }): JournaledCall {
  return {
    kind: CallKind.put,
    client: 0,
    keyID: OWN,
    value: 0,
    returnedAt: fields.invokedAt + 1,
    version: 0,
    ...fields,
  };
}

/** Two puts to a key of the client's own, one to a shared key, a read of it, and a put on which nothing is known. */
function calls(): JournaledCall[] {
  return [
    call({ invokedAt: 0, value: valueOf(0, 1), version: 1 }),
    call({ invokedAt: 2, value: valueOf(0, 2), version: 2 }),
    call({ invokedAt: 4, value: valueOf(0, 3), version: 1, keyID: SHARED }),
    call({ invokedAt: 6, value: valueOf(0, 3), keyID: SHARED, kind: CallKind.get, client: 1 }),
    call({ invokedAt: 8, value: valueOf(0, 4), returnedAt: undefined }),
  ];
}

function evidence(
  change: (state: { calls: JournaledCall[]; records: DumpedRecord[][] }) => void = () => {},
): Evidence {
  const records = (): DumpedRecord[] => [
    { key: keyName(OWN), version: 2, value: valueOf(0, 2) },
    { key: keyName(SHARED), version: 1, value: valueOf(0, 3) },
  ];
  const state = { calls: calls(), records: [records(), records(), records()] };
  change(state);
  return {
    calls: state.calls,
    digests: new Map([1, 2, 3].map((nodeID) => [nodeID, { writeCount: 3, keyCount: 2, hash: 'aa' }])),
    dumps: state.records.map((held, i) => ({ nodeID: i + 1, askedAt: 100, toldAt: 101, records: held })),
    writesBefore: 0,
  };
}

function failures(given: Evidence): string[] {
  return verify(given).flatMap(({ name, isGood }) => (isGood ? [] : [name]));
}

const EQUAL = 'replicas are equal';
const PRESENT = 'every acknowledged write is on every replica';
const ONCE = 'no write took effect twice';
const COUNT = 'writes add up';
const LINEARIZABLE = 'the history is linearizable';

/** The same on every replica, as Raft would have it when the log itself was wrong. */
function onAll(change: (records: DumpedRecord[]) => void): Evidence {
  return evidence(({ records }) => records.forEach(change));
}

describe('verify', () => {
  it('accepts a good run, whether the unknown write took effect or not', () => {
    expect(failures(evidence())).toEqual([]);
    const applied = onAll(
      (records) => (records[0] = { key: keyName(OWN), version: 3, value: valueOf(0, 4) }),
    );
    const digests = new Map([...applied.digests].map(([id, digest]) => [id, { ...digest!, writeCount: 4 }]));
    expect(failures({ ...applied, digests })).toEqual([]);
  });

  it('misses an acknowledged write, also one that was overwritten since', () => {
    const lost = onAll((records) => (records[0] = { key: keyName(OWN), version: 1, value: valueOf(0, 2) }));
    expect(failures(lost)).toContain(PRESENT);
    expect(failures(onAll((records) => records.shift()))).toEqual([PRESENT, LINEARIZABLE]);
    expect(failures(onAll((records) => records.pop()))).toEqual([LINEARIZABLE]);
  });

  it('misses a write on one replica', () => {
    const given = evidence(({ records }) => records[1]?.pop());
    expect(failures(given)).toEqual([EQUAL, LINEARIZABLE]);
  });

  it('sees replicas whose hashes differ, and one that does not answer', () => {
    const given = evidence();
    const odd = new Map([...given.digests, [2, { writeCount: 3, keyCount: 2, hash: 'bb' }]]);
    expect(failures({ ...given, digests: odd })).toEqual([EQUAL]);
    const silent = new Map([...given.digests, [2, undefined]]);
    expect(failures({ ...given, digests: silent })).toEqual([EQUAL, COUNT]);
    expect(failures({ ...given, dumps: given.dumps.slice(1) })).toEqual([EQUAL]);
  });

  it('sees a write that took effect twice', () => {
    const given = evidence((state) => {
      state.calls[1] = call({ invokedAt: 2, value: valueOf(0, 2), version: 3 });
      for (const records of state.records)
        records[0] = { key: keyName(OWN), version: 3, value: valueOf(0, 2) };
    });
    expect(failures(given)).toEqual([PRESENT, ONCE]);
  });

  it('counts what was applied', () => {
    const given = evidence();
    for (const writeCount of [2, 5]) {
      const digests = new Map([...given.digests].map(([id, digest]) => [id, { ...digest!, writeCount }]));
      expect(failures({ ...given, digests })).toEqual([COUNT]);
    }
    expect(failures({ ...given, writesBefore: 1 })).toEqual([COUNT]);
  });

  it('sees a stale read, and a shared key that went back', () => {
    const stale = evidence((state) => {
      state.calls[3] = call({ invokedAt: 6, value: undefined, keyID: SHARED, kind: CallKind.get });
    });
    expect(failures(stale)).toEqual([LINEARIZABLE]);
    const back = onAll((records) => (records[1] = { key: keyName(SHARED), version: 1, value: 77 }));
    expect(failures(back)).toEqual([LINEARIZABLE]);
  });
});
