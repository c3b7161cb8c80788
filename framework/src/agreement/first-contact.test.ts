import { describe, expect, it } from '@jest/globals';
import { FirstContact } from './first-contact.js';

const OURS = 7;
const OTHER = 8;

describe('the first contact of a replica that joins', () => {
  it('believes the leader of a group that sleeps, which is heard once in a hundred ticks', () => {
    const contact = new FirstContact(10);
    expect(contact.hear(OURS, 1)).toBe('unconfirmed');
    expect(contact.hear(OURS, 1)).toBe('unconfirmed');
    expect(contact.hear(OURS, 101)).toBe('believed');
  });

  it('believes nobody while leaders of two groups are heard again and again', () => {
    const contact = new FirstContact(10);
    for (const [groupID, tick, belief] of [
      [OTHER, 1, 'unconfirmed'],
      [OTHER, 2, 'believed'],
      [OURS, 3, 'unconfirmed'],
      [OURS, 4, 'contested'],
      [OTHER, 5, 'contested'],
      [OURS, 100, 'believed'],
    ] as const) {
      expect(contact.hear(groupID, tick)).toBe(belief);
    }
  });

  it('forgets who was heard once long ago', () => {
    const contact = new FirstContact(10);
    contact.hear(OURS, 1);
    expect(contact.hear(OURS, 400)).toBe('unconfirmed');
  });
});
