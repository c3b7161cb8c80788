import { describe, expect, it } from '@jest/globals';
import { type ConfigChange, ConfigChangeType, type Membership, emptyMembership } from '@drakkar/raftio';
import { MembershipTracker, type MembershipRules } from './membership.js';

const { AddNode, AddObserver, RemoveNode } = ConfigChangeType;

/** Voting members 1 and 2, observer 3, removed 9; made by the change at index 10. */
function example(): Membership {
  return {
    configChangeID: 10,
    addresses: new Map([
      [1, 'a1:1'],
      [2, 'a2:1'],
    ]),
    observers: new Map([[3, 'a3:1']]),
    removed: new Map([[9, true]]),
  };
}

function tracker(rules: MembershipRules, ordered = false, membership = example()): MembershipTracker {
  const members = new MembershipTracker({ rules, ordered });
  members.set(membership);
  return members;
}

function change(fields: Partial<ConfigChange>): ConfigChange {
  return { configChangeID: 0, type: AddNode, nodeID: 4, address: 'a4:1', initialize: false, ...fields };
}

interface Case {
  what: string;
  change: Partial<ConfigChange>;
  strict: boolean;
  dragonboat: boolean;
}

const CASES: Case[] = [
  { what: 'a new node', change: {}, strict: true, dragonboat: true },
  { what: 'a new observer', change: { type: AddObserver }, strict: true, dragonboat: true },
  { what: 'a promotion', change: { nodeID: 3, address: 'a3:1' }, strict: true, dragonboat: true },
  {
    what: 'a promotion, address spelt otherwise',
    change: { nodeID: 3, address: ' A3:1 ' },
    strict: true,
    dragonboat: true,
  },
  { what: 'a promotion under another address', change: { nodeID: 3 }, strict: false, dragonboat: true },
  {
    what: "a promotion under a member's address",
    change: { nodeID: 3, address: 'a1:1' },
    strict: false,
    dragonboat: false,
  },
  { what: 'a member again', change: { nodeID: 1, address: 'a1:1' }, strict: false, dragonboat: false },
  { what: 'a member under another address', change: { nodeID: 1 }, strict: false, dragonboat: true },
  {
    what: "a member's address under another id",
    change: { address: 'A1:1' },
    strict: false,
    dragonboat: false,
  },
  {
    what: "an observer's address under another id",
    change: { address: 'a3:1' },
    strict: false,
    dragonboat: true,
  },
  { what: 'a removed node', change: { nodeID: 9 }, strict: false, dragonboat: false },
  {
    what: 'a removed node as observer',
    change: { type: AddObserver, nodeID: 9 },
    strict: false,
    dragonboat: false,
  },
  {
    what: 'a member as observer',
    change: { type: AddObserver, nodeID: 1 },
    strict: false,
    dragonboat: false,
  },
  {
    what: 'an observer again',
    change: { type: AddObserver, nodeID: 3, address: 'a3:1' },
    strict: false,
    dragonboat: false,
  },
  {
    what: 'an observer under another address',
    change: { type: AddObserver, nodeID: 3 },
    strict: false,
    dragonboat: true,
  },
  {
    what: "an observer at a member's address",
    change: { type: AddObserver, address: 'a1:1' },
    strict: false,
    dragonboat: true,
  },
  {
    what: "an observer at an observer's address",
    change: { type: AddObserver, address: 'a3:1' },
    strict: false,
    dragonboat: false,
  },
  { what: 'node id 0', change: { nodeID: 0 }, strict: false, dragonboat: true },
  { what: 'an empty address', change: { address: ' ' }, strict: false, dragonboat: true },
  { what: 'removal of a member', change: { type: RemoveNode, nodeID: 1 }, strict: true, dragonboat: true },
  { what: 'removal of an observer', change: { type: RemoveNode, nodeID: 3 }, strict: true, dragonboat: true },
  {
    what: 'removal of an unknown node',
    change: { type: RemoveNode, nodeID: 8 },
    strict: true,
    dragonboat: true,
  },
  {
    what: 'removal of a removed node',
    change: { type: RemoveNode, nodeID: 9 },
    strict: true,
    dragonboat: true,
  },
];

describe.each<MembershipRules>(['strict', 'dragonboat'])('%s rules', (rules) => {
  it.each(CASES)('decide on $what', ({ change: fields, ...expected }) => {
    const members = tracker(rules);
    const refusal = members.handle(change(fields), 11, 0);
    expect(refusal === undefined).toBe(expected[rules]);
    if (refusal === undefined) {
      expect(members.get().configChangeID).toBe(11);
    } else {
      expect(refusal).not.toBe('');
      expect(members.get()).toEqual(example());
    }
  });
});

describe('an address that is spelled otherwise', () => {
  const taken: Partial<ConfigChange>[] = [{ address: 'A1.:01' }, { type: AddObserver, address: 'a3.:1' }];
  const promotion = { nodeID: 3, address: 'A3.:01' };

  it('is the same for strict rules from feature level 1 on', () => {
    for (const fields of taken) {
      expect(tracker('strict').handle(change(fields), 11, 0)).toBeUndefined();
      expect(tracker('strict').handle(change(fields), 11, 1)).toContain('is the address of node');
    }
    expect(tracker('strict').handle(change(promotion), 11, 0)).toContain("can't be promoted");
    expect(tracker('strict').handle(change(promotion), 11, 1)).toBeUndefined();
  });

  it('is another one for the rules of Dragonboat at any level', () => {
    for (const fields of taken) expect(tracker('dragonboat').handle(change(fields), 11, 1)).toBeUndefined();
  });
});

describe('a change', () => {
  it.each<[string, Partial<ConfigChange>, Partial<Membership>]>([
    ['adds a node', {}, { addresses: new Map([...example().addresses, [4, 'a4:1']]) }],
    [
      'adds an observer',
      { type: AddObserver },
      { observers: new Map([...example().observers, [4, 'a4:1']]) },
    ],
    [
      'promotes an observer',
      { nodeID: 3, address: 'a3:1' },
      { addresses: new Map([...example().addresses, [3, 'a3:1']]), observers: new Map() },
    ],
    [
      'removes a member',
      { type: RemoveNode, nodeID: 1 },
      {
        addresses: new Map([[2, 'a2:1']]),
        removed: new Map([
          [9, true],
          [1, true],
        ]),
      },
    ],
    [
      'removes an observer',
      { type: RemoveNode, nodeID: 3 },
      {
        observers: new Map(),
        removed: new Map([
          [9, true],
          [3, true],
        ]),
      },
    ],
  ])('%s', (_what, fields, difference) => {
    const members = tracker('strict');
    expect(members.handle(change(fields), 11, 0)).toBeUndefined();
    expect(members.get()).toEqual({ ...example(), configChangeID: 11, ...difference });
  });

  it('keeps the address of a promoted observer under the rules of Dragonboat', () => {
    const members = tracker('dragonboat');
    members.handle(change({ nodeID: 3, address: 'elsewhere:1' }), 11, 0);
    expect(members.get().addresses.get(3)).toBe('a3:1');
  });

  it('moves a member under the rules of Dragonboat', () => {
    const members = tracker('dragonboat');
    members.handle(change({ nodeID: 1, address: 'elsewhere:1' }), 11, 0);
    expect(members.get().addresses.get(1)).toBe('elsewhere:1');
  });
});

describe('the last voting member', () => {
  const alone = (): Membership => ({ ...example(), addresses: new Map([[1, 'a1:1']]) });
  it('stays', () => {
    const members = tracker('strict', false, alone());
    expect(members.handle(change({ type: RemoveNode, nodeID: 1 }), 11, 0)).toContain('last voting member');
    expect(members.get()).toEqual(alone());
  });

  it('does not keep an observer from going', () => {
    expect(
      tracker('strict', false, alone()).handle(change({ type: RemoveNode, nodeID: 3 }), 11, 0),
    ).toBeUndefined();
  });

  it('goes under the rules of Dragonboat', () => {
    const members = tracker('dragonboat', false, alone());
    expect(members.handle(change({ type: RemoveNode, nodeID: 1 }), 11, 0)).toBeUndefined();
  });
});

describe('ordered changes', () => {
  it.each<[string, Partial<ConfigChange>, boolean]>([
    ['that name the membership', { configChangeID: 10 }, true],
    ['that name an older one', { configChangeID: 9 }, false],
    ['that name none', {}, false],
    ['that begin a group', { initialize: true }, true],
  ])('%s', (_what, fields, accepted) => {
    expect(tracker('strict', true).handle(change(fields), 11, 0) === undefined).toBe(accepted);
    expect(tracker('dragonboat', true).handle(change(fields), 11, 0) === undefined).toBe(accepted);
    expect(tracker('strict', false).handle(change(fields), 11, 0)).toBeUndefined();
  });

  it('follow one on another', () => {
    const members = tracker('strict', true);
    expect(members.handle(change({ configChangeID: 10 }), 11, 0)).toBeUndefined();
    expect(members.handle(change({ configChangeID: 10, nodeID: 5, address: 'a5:1' }), 12, 0)).toBeDefined();
    expect(members.handle(change({ configChangeID: 11, nodeID: 5, address: 'a5:1' }), 13, 0)).toBeUndefined();
  });
});

describe('copies and hashes', () => {
  it('keep the membership apart from what was given or taken', () => {
    const given = example();
    const members = tracker('strict', false, given);
    given.addresses.clear();
    members.get().observers.clear();
    expect(members.get()).toEqual(example());
  });

  it('the hash does not depend on the order in which members came', () => {
    const reversed = { ...example(), addresses: new Map([...example().addresses].reverse()) };
    expect(tracker('strict', false, reversed).getHash()).toBe(tracker('strict').getHash());
  });

  it('the hash shows how addresses are spelled, the normal hash does not', () => {
    const respelled = { ...example(), observers: new Map([[3, 'A3.:01']]) };
    respelled.addresses.set(1, ' A1:1');
    expect(tracker('strict', false, respelled).getHash()).not.toBe(tracker('strict').getHash());
    expect(tracker('strict', false, respelled).getNormalHash()).toBe(tracker('strict').getNormalHash());
  });

  it.each<Partial<Membership>>([
    { configChangeID: 11 },
    { addresses: new Map([[1, 'a1:1']]) },
    {
      addresses: new Map([
        [1, 'a1:1'],
        [2, 'other:1'],
      ]),
    },
    { observers: new Map() },
    { removed: new Map() },
    { addresses: new Map(), observers: example().addresses },
  ])('both hashes differ with %p', (difference) => {
    const other = tracker('strict', false, { ...emptyMembership(), ...example(), ...difference });
    expect(other.getHash()).not.toBe(tracker('strict').getHash());
    expect(other.getNormalHash()).not.toBe(tracker('strict').getNormalHash());
  });
});
