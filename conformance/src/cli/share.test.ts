import { describe, expect, it } from '@jest/globals';
import { everyPair } from './adapters.js';
import { drawPairs, isDrawn, mutantShare } from './share.js';

const NAMES = Array.from({ length: 1000 }, (_, i) => `case-${i}`);
const drawnBy = (percent: number, seed: number): string[] =>
  NAMES.filter((name) => isDrawn({ percent, seed }, 'adapter', name));

describe('a share of the cases', () => {
  it('is the same for the same seed, and another one for another', () => {
    expect(drawnBy(50, 7)).toEqual(drawnBy(50, 7));
    expect(drawnBy(50, 7)).not.toEqual(drawnBy(50, 8));
  });

  it.each([10, 50, 90])('has about %d percent of them', (percent) => {
    for (const seed of [1, 2, 3]) {
      expect(Math.abs(drawnBy(percent, seed).length - percent * 10)).toBeLessThan(60);
    }
  });

  it('is everything at 100 percent, and each case is in some share', () => {
    expect(drawnBy(100, 1)).toEqual(NAMES);
    const asked = new Set(Array.from({ length: 40 }, (_, seed) => drawnBy(50, seed)).flat());
    expect(asked.size).toBe(NAMES.length);
  });

  it('has each adapter in at least one pair', () => {
    const namesOf = (pairs: ReturnType<typeof everyPair>): string[] => [
      ...new Set(pairs.flatMap(({ logdb, transport }) => [logdb.name, transport.name])),
    ];
    for (const seed of [1, 2, 3, 4, 5]) {
      const pairs = drawPairs({ percent: 20, seed }, everyPair());
      expect(namesOf(pairs).toSorted()).toEqual(namesOf(everyPair()).toSorted());
      expect(pairs.length).toBeLessThan(everyPair().length);
    }
  });

  it('has forty mutants at most, about', () => {
    expect(mutantShare({ percent: 50, seed: 1 }, 200).percent).toBe(20);
    expect(mutantShare({ percent: 10, seed: 1 }, 200).percent).toBe(10);
  });
});
