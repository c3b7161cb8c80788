import { describe, expect, it } from '@jest/globals';
import type { PeerIdentity } from '../peer-identity.js';
import { Guests } from './guests.js';
import { Warnings } from './warnings.js';

function setUp(maxConnections: number, members: Set<string> | undefined) {
  const cut: string[] = [];
  const guests = new Guests(
    maxConnections,
    members && (({ from }) => from !== undefined && members.has(from)),
    new Warnings(() => undefined),
  );
  /** @param who host and port; what is before the colon has a certificate of its own */
  const enter = (who: string, from?: string): (() => void) => {
    const identity = { fingerprint: who.split(':')[0] } as PeerIdentity;
    return guests.enter({ from, identity, peer: `10.0.0.1:${who.split(':')[1]}` }, () => void cut.push(who));
  };
  return { guests, cut, enter };
}

describe('Guests', () => {
  it('keeps half of all places for members, however many others come', () => {
    const { guests, cut, enter } = setUp(100, new Set(['member']));
    for (let i = 0; i < 40; i++) enter(`m:${i}`, 'member');
    for (let i = 0; i < 60; i++) enter(`a:${i}`, 'other');
    expect(guests.count).toBe(50);
    expect(cut).toEqual(Array.from({ length: 10 }, (_, i) => `a:${i}`));
  });

  it('cuts the oldest of the client that holds most places, and no other', () => {
    const { cut, enter } = setUp(40, new Set());
    enter('b:0');
    for (let i = 0; i < 19; i++) enter(`a:${i}`);
    enter('c:0');
    enter('a:19');
    expect(cut).toEqual(['a:0', 'a:1']);
  });

  it('forgets who is gone, once', () => {
    const { guests, cut, enter } = setUp(40, new Set());
    const leave = enter('a:0');
    leave();
    leave();
    expect(guests.count).toBe(0);
    for (let i = 0; i < 20; i++) enter(`b:${i}`);
    expect(cut).toEqual([]);
  });

  it('leaves who has become a member where it is', () => {
    const members = new Set<string>();
    const { guests, cut, enter } = setUp(40, members);
    enter('a:0', 'new');
    for (let i = 1; i < 20; i++) enter(`a:${i}`);
    members.add('new');
    enter('a:20');
    expect(cut).toEqual([]);
    expect(guests.count).toBe(20);
  });

  it('cuts nobody where nobody can know who is a member', () => {
    const { cut, enter } = setUp(40, undefined);
    for (let i = 0; i < 100; i++) enter(`a:${i}`);
    expect(cut).toEqual([]);
  });
});
