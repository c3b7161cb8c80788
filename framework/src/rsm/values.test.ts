import { describe, expect, it } from '@jest/globals';
import { asHash } from './values.js';

describe('what getHash returned', () => {
  it('is taken when it is an unsigned 64-bit integer', () => {
    expect([0, 7, 7n, 2n ** 64n - 1n].map((value) => asHash(value))).toEqual([0, 7, 7, 2n ** 64n - 1n]);
  });

  it('is refused otherwise, whatever it is', () => {
    for (const value of ['7', undefined, null, -1, 0.5, Number.NaN, 2 ** 60, -1n, 2n ** 64n, {}, true])
      expect(() => asHash(value)).toThrow(/^getHash returned .*, not an unsigned 64-bit integer$/);
  });
});
