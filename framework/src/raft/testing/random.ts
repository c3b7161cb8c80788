import type { RandomSource } from '../types.js';

/** A seeded source for tests: xorshift over 32 bits, with a stirred seed so that neighbouring seeds differ at once. */
export class SeededRandom implements RandomSource {
  private state: number;

  constructor(seed: number) {
    this.state = Math.imul(seed + 1, 0x9e37_79b1) >>> 0 || 1;
    for (let i = 0; i < 8; i++) this.next();
  }

  nextInt(bound: number): number {
    return this.next() % bound;
  }

  /** True in `percent` of a hundred cases. */
  chance(percent: number): boolean {
    return this.nextInt(1000) < percent * 10;
  }

  pick<T>(from: readonly T[]): T {
    const chosen = from[this.nextInt(from.length)];
    if (chosen === undefined) throw new RangeError('nothing to pick from');
    return chosen;
  }

  private next(): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x >>> 0;
    return this.state;
  }
}
