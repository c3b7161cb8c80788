import { describe, expect, it } from '@jest/globals';
import {
  ConfigChangeType,
  type EntryFields,
  EntryType,
  MAX_UINT64,
  REGISTER_SERIES_ID,
  UNREGISTER_SERIES_ID,
  type Uint64,
  makeEntry,
} from '@drakkar/raftio';
import { RegisterMachine } from './testing/register-machine.js';
import { TestReplica, bytes } from './testing/replica.js';

const CLIENT = 77;
const register = { clientID: CLIENT, seriesID: REGISTER_SERIES_ID };
const unregister = { clientID: CLIENT, seriesID: UNREGISTER_SERIES_ID };

function replica(...steps: Partial<EntryFields>[]): TestReplica {
  const made = new TestReplica(new RegisterMachine());
  for (const fields of steps) made.step(fields);
  return made;
}

function proposal(seriesID: Uint64, respondedTo: Uint64 = 0, cmd = `c${seriesID}`): Partial<EntryFields> {
  return { clientID: CLIENT, seriesID, respondedTo, cmd: bytes(cmd) };
}

describe('entries without a session', () => {
  it("a new leader's empty entry only moves on", () => {
    const { rsm, machine, listener } = replica({}, {});
    expect([rsm.lastApplied, rsm.lastAppliedTerm]).toEqual([2, 1]);
    expect([machine.commands, listener.outcomes]).toEqual([[], []]);
  });

  it('an empty entry with a key reports that the membership change with that key was refused', () => {
    const { rsm, machine, listener } = replica({}, { key: 77 });
    expect(rsm.lastApplied).toBe(2);
    expect(listener.refusedKeys).toEqual([77]);
    expect([machine.commands, listener.outcomes]).toEqual([[], []]);
  });

  it('a command with client id 0 is rejected', () => {
    const made = replica();
    expect(made.step({ cmd: bytes('x') })).toEqual({ index: 1, value: 0, rejected: true });
    expect(made.machine.commands).toEqual([]);
  });

  it("a NoOP session's command is applied each time it comes", () => {
    const made = replica();
    const fields = { clientID: CLIENT, cmd: bytes('x') };
    const first = made.step(fields);
    expect(first).toEqual({ index: 1, value: made.machine.getHash(), rejected: false });
    expect(made.step(fields)?.value).not.toBe(first?.value);
    expect(made.machine.commands).toEqual(['x', 'x']);
  });

  it("a NoOP session's empty command is a command", () => {
    const made = replica({ clientID: CLIENT });
    expect(made.machine.commands).toEqual(['']);
  });
});

describe('registration', () => {
  it.each<[string, Partial<EntryFields>[], Partial<EntryFields>, boolean]>([
    ['a new session', [], register, true],
    ['a session that exists', [register], register, false],
    ['a session that was ended', [register, unregister], register, true],
    ['the end of a session', [register], unregister, true],
    ['the end of an unknown session', [], unregister, false],
    ['the end of a session, again', [register, unregister], unregister, false],
  ])('is applied for %s', (_what, before, fields, accepted) => {
    const made = replica(...before);
    expect(made.step(fields)).toEqual({
      index: before.length + 1,
      value: accepted ? CLIENT : 0,
      rejected: !accepted,
    });
    expect(made.machine.commands).toEqual([]);
  });

  it('takes client ids of all 64 bits', () => {
    const made = replica();
    expect(made.step({ clientID: MAX_UINT64, seriesID: REGISTER_SERIES_ID })?.value).toBe(MAX_UINT64);
    expect(made.step({ clientID: MAX_UINT64, seriesID: 1 })?.rejected).toBe(false);
  });
});

describe('proposals of a session', () => {
  it.each<[string, Partial<EntryFields>[]]>([
    ['never registered', []],
    ['ended', [register, unregister]],
    ['evicted', [register, ...[1, 2, 3, 4].map((clientID) => ({ ...register, clientID }))]],
  ])('are rejected when it is %s', (_what, before) => {
    const made = replica(...before);
    expect(made.step(proposal(1))).toMatchObject({ value: 0, rejected: true });
    expect(made.machine.commands).toEqual([]);
  });

  it('are applied once, and a retry gets the first result', () => {
    const made = replica(register);
    const first = made.step(proposal(1));
    made.step({ clientID: 5, cmd: bytes('other') });
    expect(made.step(proposal(1))).toEqual({ index: 4, value: first?.value, rejected: false });
    expect(made.machine.commands).toEqual(['c1', 'other']);
  });

  it('a result of 0 is remembered like any other', () => {
    let count = 0;
    class Zero extends RegisterMachine {
      override update(): Uint64 {
        count++;
        return 0;
      }
    }
    const made = new TestReplica(new Zero());
    made.step(register);
    made.step(proposal(1));
    expect(made.step(proposal(1))).toEqual({ index: 3, value: 0, rejected: false });
    expect(count).toBe(1);
  });

  it('are rejected when the client has responded to them', () => {
    const made = replica(register, proposal(1), proposal(2, 1));
    expect(made.step(proposal(1))).toEqual({ index: 4, value: 0, rejected: true });
    expect(made.step(proposal(9, 9))).toEqual({ index: 5, value: 0, rejected: true });
    expect(made.step(proposal(9, 3))).toEqual({ index: 6, value: 0, rejected: true });
    expect(made.machine.commands).toEqual(['c1', 'c2']);
  });

  it('a retry forgets what the client has the result of', () => {
    const made = replica(register, proposal(1), proposal(2));
    expect(made.step(proposal(2, 1))?.rejected).toBe(false);
    expect(made.step(proposal(1))?.rejected).toBe(true);
  });

  it('may come out of order', () => {
    const made = replica(register, proposal(3), proposal(1), proposal(2));
    const again = [1, 2, 3].map((seriesID) => made.step(proposal(seriesID)));
    const first = made.listener.outcomes;
    expect(again.map((outcome) => outcome?.value)).toEqual([
      first[2]?.value,
      first[3]?.value,
      first[1]?.value,
    ]);
    expect(made.machine.commands).toEqual(['c3', 'c1', 'c2']);
  });

  it('have series ids beyond the safe integers, up to the special ones', () => {
    const last = 2n ** 64n - 3n;
    const made = replica(register);
    expect(made.step(proposal(last))?.rejected).toBe(false);
    made.step(proposal(last));
    expect(made.machine.commands).toEqual([`c${last}`]);
  });

  it('keep the session from being evicted, retries and stragglers too', () => {
    const others = (...clientIDs: number[]): Partial<EntryFields>[] =>
      clientIDs.map((clientID) => ({ ...register, clientID }));
    const made = replica(register, ...others(1, 2, 3), proposal(1), ...others(4, 5, 6));
    expect(made.step(proposal(1))?.rejected).toBe(false);
    for (const fields of others(7, 8, 9)) made.step(fields);
    expect(made.step(proposal(1, 1))?.rejected).toBe(true);
    for (const fields of others(10, 11, 12)) made.step(fields);
    expect(made.step(proposal(2, 1))?.rejected).toBe(false);
    for (const fields of others(13, 14, 15, 16)) made.step(fields);
    expect(made.step(proposal(3, 2))?.rejected).toBe(true);
    expect(made.machine.commands).toEqual(['c1', 'c2']);
  });
});

describe('membership changes', () => {
  it('are reported with their outcome and the membership after them', () => {
    const made = replica();
    expect(made.change({ initialize: true, nodeID: 1, address: 'a:1' })).toEqual({
      index: 1,
      value: 0,
      rejected: false,
    });
    made.change({ initialize: true, nodeID: 2, address: 'a:2' });
    expect(made.change({ type: ConfigChangeType.AddObserver, nodeID: 2, address: 'a:3' })?.rejected).toBe(
      true,
    );
    expect(made.rsm.lastApplied).toBe(3);
    const addresses = made.listener.memberships.map((membership) => [...membership.addresses.keys()]);
    expect(addresses).toEqual([[1], [1, 2], [1, 2]]);
    expect(made.listener.refusals.map((refusal) => refusal === undefined)).toEqual([true, true, false]);
    expect(made.rsm.getMembership().configChangeID).toBe(2);
  });

  it("are ordered when the group's settings ask for it", () => {
    const made = new TestReplica(new RegisterMachine(), { orderedConfigChange: true });
    made.change({ initialize: true, nodeID: 1, address: 'a:1' });
    expect(made.change({ configChangeID: 0, nodeID: 2, address: 'a:2' })?.rejected).toBe(true);
    expect(made.change({ configChangeID: 1, nodeID: 2, address: 'a:2' })?.rejected).toBe(false);
  });

  it('go by the rules that the group has', () => {
    const made = new TestReplica(new RegisterMachine(), { membershipRules: 'dragonboat' });
    made.change({ nodeID: 1, address: 'a:1' });
    expect(made.change({ type: ConfigChangeType.RemoveNode, nodeID: 1 })?.rejected).toBe(false);
  });

  it('hand out copies', () => {
    const made = replica();
    made.change({ nodeID: 1, address: 'a:1' });
    made.listener.memberships[0]?.addresses.clear();
    made.rsm.getMembership().addresses.clear();
    expect(made.rsm.getMembership().addresses.get(1)).toBe('a:1');
  });
});

describe('order', () => {
  it.each<[string, Partial<EntryFields>]>([
    ['a gap', { index: 4 }],
    ['an entry applied already', { index: 2 }],
    ['a term that goes back', { index: 3, term: 1 }],
  ])('%s stops the replica', (_what, fields) => {
    const made = replica({ term: 2 }, { term: 2 });
    const failed = expect.objectContaining({ code: 'ERR_RSM_INVARIANT', retry: 'never' });
    expect(thrownBy(() => made.rsm.apply([makeEntry({ index: 3, term: 2, ...fields })]))).toEqual(failed);
    expect(made.rsm.lastApplied).toBe(2);
    expect(thrownBy(() => made.rsm.apply([makeEntry({ index: 3, term: 2 })]))).toEqual(failed);
  });

  it("a membership change that can't be read stops the replica", () => {
    const made = replica();
    const entry = made.next({ type: EntryType.ConfigChangeEntry, cmd: Uint8Array.of(0xff) });
    expect(thrownBy(() => made.rsm.apply([entry]))).toEqual(
      expect.objectContaining({ code: 'ERR_RSM_INVARIANT', details: { index: 1 } }),
    );
    expect(made.rsm.lastApplied).toBe(0);
  });

  it('lets what comes before a gap in the same batch be applied', () => {
    const made = replica();
    expect(() => made.rsm.apply([1, 2, 4].map((index) => makeEntry({ index, term: 1 })))).toThrow();
    expect(made.rsm.lastApplied).toBe(2);
  });
});

function thrownBy(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}

describe('many entries', () => {
  it('are applied at once when the state machine returns plain values', () => {
    let sum = 0;
    class Counter extends RegisterMachine {
      override update(cmd: Uint8Array): Uint64 {
        sum += cmd.length;
        return sum;
      }
    }
    const made = new TestReplica(new Counter());
    made.step(register);
    const cmd = bytes('0123456789abcdef');
    const entries = Array.from({ length: 200_000 }, (_, i) => {
      const session = i % 2 === 0 ? { seriesID: 0 } : { seriesID: i, respondedTo: i - 1 };
      return makeEntry({ index: i + 2, term: 1, clientID: CLIENT, cmd, ...session });
    });
    expect(made.rsm.apply(entries)).toBeUndefined();
    expect(made.rsm.lastApplied).toBe(200_001);
    expect(sum).toBe(200_000 * cmd.length);
    expect(made.listener.outcomes[200_000]).toEqual({ index: 200_001, value: sum, rejected: false });
  });

  it('none are nothing', () => {
    const made = replica();
    expect(made.rsm.apply([])).toBeUndefined();
    expect(made.rsm.lastApplied).toBe(0);
  });
});
