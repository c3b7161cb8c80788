import { describe, expect, it } from '@jest/globals';
import { frameHead } from './frame-head.js';

const BINARY = 0x82;

describe('frameHead', () => {
  it.each([
    ['a short frame', [BINARY, 5], { headBytes: 2, batchBytes: 5 }],
    ['a length of two bytes', [BINARY, 126, 1, 2], { headBytes: 4, batchBytes: 258 }],
    [
      'a length of eight bytes',
      [BINARY, 127, 0, 0, 0, 0, 2, 0, 0, 1],
      { headBytes: 10, batchBytes: 33_554_433 },
    ],
    ['a mask of zeros', [BINARY, 0x80 | 5, 0, 0, 0, 0], { headBytes: 6, batchBytes: 5 }],
    ['a head that is not all there', [BINARY, 127, 0, 0], undefined],
    ['a single byte', [BINARY], undefined],
  ])('reads %s', (_name, bytes, expected) => {
    expect(frameHead(Uint8Array.from(bytes))).toEqual(expected);
  });

  it('gives up on a mask that hides the content', () => {
    expect(() => frameHead(Uint8Array.of(BINARY, 0x80 | 5, 1, 2, 3, 4))).toThrow('masked');
  });
});
