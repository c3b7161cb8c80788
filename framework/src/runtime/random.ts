import { randomBytes } from 'node:crypto';
import { type Uint64, uint64FromHalves } from '@drakkar/raftio';

/** Where all of the framework's randomness comes from, so that a simulator can replay it. */
export interface IRandom {
  /** A uniformly chosen integer from 0 to `bound` - 1; `bound` is from 1 to 2^32. */
  nextInt(bound: number): number;
  /** A uniformly chosen unsigned 64-bit integer. */
  uint64(): Uint64;
  bytes(sizeBytes: number): Uint8Array;
}

export const RandomID = Symbol.for('@drakkar/framework/IRandom');

const TWO_32 = 0x1_0000_0000;

const rotateLeft = (x: number, by: number): number => (x << by) | (x >>> (32 - by));

/**
 * Reproducible random numbers: equal seeds give equal sequences, on every platform and release. Not for secrets.
 * xoshiro128** 1.1 (Blackman and Vigna, "Scrambled linear pseudorandom number generators"), seeded by splitmix32.
 */
export class SeededRandom implements IRandom {
  private readonly state: Int32Array;

  /** @param seed an integer; only its lower 53 bits count. */
  constructor(seed: number) {
    let x = (Math.floor(seed / TWO_32) ^ 0x6a09_e667) | 0;
    let y = seed | 0;
    this.state = new Int32Array(4);
    for (let i = 0; i < 4; i++) {
      x = (x + 0x9e37_79b9) | 0;
      y = Math.imul(y ^ x ^ (y >>> 16), 0x21f0_aaad);
      y = Math.imul(y ^ (y >>> 15), 0x735a_2d97);
      this.state[i] = y ^ (y >>> 15);
    }
    // The all-zero state is the one fixed point.
    if (this.state.every((word) => word === 0)) this.state[0] = 1;
  }

  nextInt(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > TWO_32) {
      throw new RangeError(`bound must be an integer from 1 to 2^32, but is ${bound}`);
    }
    // Values at or above the last multiple of `bound` would favour small results.
    const limit = TWO_32 - (TWO_32 % bound);
    for (;;) {
      const value = this.nextWord();
      if (value < limit) return value % bound;
    }
  }

  uint64(): Uint64 {
    const high = this.nextWord();
    return uint64FromHalves(high, this.nextWord());
  }

  bytes(sizeBytes: number): Uint8Array {
    const out = new Uint8Array(sizeBytes);
    for (let i = 0; i < sizeBytes; i++) out[i] = this.nextWord() >>> 24;
    return out;
  }

  /** An unsigned 32-bit integer. */
  private nextWord(): number {
    const s = this.state as unknown as [number, number, number, number];
    const result = Math.imul(rotateLeft(Math.imul(s[1], 5), 7), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotateLeft(s[3], 11);
    return result;
  }
}

/** Ids and bytes come from the operating system's source; small integers from a generator seeded by it. */
export class SystemRandom implements IRandom {
  private readonly fast = new SeededRandom(randomBytes(6).readUIntBE(0, 6));

  nextInt(bound: number): number {
    return this.fast.nextInt(bound);
  }

  uint64(): Uint64 {
    const bytes = randomBytes(8);
    return uint64FromHalves(bytes.readUInt32BE(0), bytes.readUInt32BE(4));
  }

  bytes(sizeBytes: number): Uint8Array {
    return randomBytes(sizeBytes);
  }
}
