import { describe, expect, it } from '@jest/globals';
import { Dice } from '../world/dice.js';
import { ALL_PAIRS, OPTION_VALUES, PAIR_SETS, drawOptions, pairsIn } from './option-pairs.js';

describe('options of a group', () => {
  const tried = new Set(PAIR_SETS.flatMap(pairsIn));

  it.each(ALL_PAIRS)('are tried together: %s', (pair) => {
    expect(tried).toContain(pair);
  });

  it('need few sets for that, which some hundred seeds draw', () => {
    expect(PAIR_SETS.length).toBeLessThan(20);
    const drawn = Array.from({ length: 300 }, (_, seed) => drawOptions(new Dice(seed)));
    expect(PAIR_SETS.filter((options) => !drawn.includes(options))).toEqual([]);
  });

  it('have each value at least once', () => {
    for (const [name, values] of Object.entries(OPTION_VALUES)) {
      const seen = new Set(PAIR_SETS.map((options) => options[name as keyof typeof OPTION_VALUES]));
      expect([...seen].sort()).toEqual([...values].sort());
    }
  });
});
