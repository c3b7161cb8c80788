import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { cborCodec } from './codec.js';

const roundTrip = (value: unknown): unknown => cborCodec.decode(cborCodec.encode(value));

describe('cborCodec', () => {
  it.each<[string, unknown]>([
    [
      'a Map in its order',
      new Map<unknown, unknown>([
        ['b', 1],
        [
          'a',
          new Map([
            [2, 'x'],
            [1, 'y'],
          ]),
        ],
      ]),
    ],
    ['a Set in its order', new Set([3, 1, 2])],
    ['an object in the order of its keys', { b: 1, a: 2 }],
    ['undefined', { a: undefined, b: [undefined, null] }],
    ['-0', [-0, 0]],
    ['NaN and infinities', [NaN, Infinity, -Infinity]],
    ['bigints of any size', [5n, -5n, 2n ** 64n, -(2n ** 70n)]],
    ['integers', [2 ** 53 - 1, -(2 ** 53 - 1), 2 ** 40, 0.1]],
    ['bytes', new Uint8Array([1, 2, 3])],
    ['text', 'é😀\u0000'],
  ])('keeps %s', (_what, value) => {
    const back = roundTrip(value);
    expect(isDeepStrictEqual(back, value)).toBe(true);
    const keys = (one: unknown): unknown[] =>
      one instanceof Map || one instanceof Set ? [...one.keys()] : Object.keys(one as object);
    expect(keys(back)).toEqual(keys(value));
  });

  it('keeps dates to the millisecond', () => {
    fc.assert(
      fc.property(fc.integer({ min: -8.64e15, max: 8.64e15 }), (ms) => {
        expect((roundTrip(new Date(ms)) as Date).getTime()).toBe(ms);
      }),
      { numRuns: 5_000 },
    );
  });

  it('keeps whatever JSON can say', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(isDeepStrictEqual(roundTrip(value), value)).toBe(true);
      }),
    );
  });

  it('refuses text that would come back otherwise', () => {
    expect(() => cborCodec.encode({ a: '\ud83d' })).toThrow('half of a surrogate pair');
  });

  it('refuses functions', () => {
    expect(() => cborCodec.encode({ a: () => 1 })).toThrow('unsupported type');
  });
});
