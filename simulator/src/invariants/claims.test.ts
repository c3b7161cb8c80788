import { describe, expect, it } from '@jest/globals';
import type { Change } from '../cluster/membership-view.js';
import type { Claim } from './observation.js';
import { GROUP, type Seen, brokenBy, configure, members, update } from './testing/made-up.js';

const NAME = 'claims of errors';
const ADD: Change = { kind: 'add', nodeID: 4, address: 'h4:1' };

const attempted = (what: string): Seen => ['attempted', { clusterID: GROUP, what }];

function claimed(what: string, claim: Partial<Claim> = {}): Seen {
  const usual = { operation: 'proposal', effect: 'none', retry: 'here', isRemoved: false } as const;
  return ['claimed', { clusterID: GROUP, what, code: 'ERR_CLUSTER_NOT_READY', ...usual, ...claim }];
}

function registered(clientID: number): Seen {
  const entries = [{ index: 1, term: 1, digest: 1, registers: clientID }];
  const at = { clusterID: GROUP, nodeID: 1, term: 1, isLeader: false, membership: members(3, [1, 2, 3]) };
  return ['committed', { ...at, entries }];
}

describe('the claims of errors', () => {
  const cases: [string, boolean, Seen[]][] = [
    ['no effect, and there is none', true, [attempted('a'), claimed('a'), update(1, 1, 'b')]],
    ['no effect, and there was one', false, [attempted('a'), update(1, 1, 'a'), claimed('a')]],
    ['no effect, and there is one later', false, [attempted('a'), claimed('a'), update(1, 1, 'a')]],
    [
      'no effect of the first attempt',
      true,
      [attempted('a'), claimed('a'), attempted('a'), update(1, 1, 'a')],
    ],
    ['an open effect, and there is one', true, [claimed('a', { effect: 'unknown' }), update(1, 1, 'a')]],
    ['an open effect of a read', false, [claimed('r', { operation: 'read', effect: 'unknown' })]],
    ['a retry here at a removed replica', false, [claimed('a', { isRemoved: true })]],
    ['a retry elsewhere at a removed replica', true, [claimed('a', { isRemoved: true, retry: 'elsewhere' })]],
    ['no session, and there is one', false, [claimed('session 7', { operation: 'session' }), registered(7)]],
    [
      'no session, and there is another',
      true,
      [claimed('session 7', { operation: 'session' }), registered(8)],
    ],
    [
      'no change, and there is none',
      true,
      [claimed('c', { operation: 'change', change: ADD }), configure(1, members(5, [1, 2, 3, 5]))],
    ],
    [
      'no change, and there is one',
      false,
      [claimed('c', { operation: 'change', change: ADD }), configure(1, members(5, [1, 2, 3, 4]))],
    ],
  ];

  it.each(cases)('are judged for %s: good is %s', (_, isGood, history) => {
    expect(brokenBy(history, NAME)).toBe(isGood ? undefined : NAME);
  });
});
