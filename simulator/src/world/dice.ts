import { crc32 } from 'node:zlib';
import { SeededRandom } from '@drakkar/framework';

const SAFE_BITS = 53;

/** A stream of decisions. Streams of different names are independent, so that one can change without the others. */
export class Dice {
  readonly #seed: number;
  readonly #source: SeededRandom;

  constructor(seed: number) {
    this.#seed = seed;
    this.#source = new SeededRandom(seed);
  }

  /** The stream of that name; the same one for equal seeds. */
  fork(name: string): Dice {
    return new Dice(this.seedOf(name));
  }

  seedOf(name: string): number {
    const mixed = BigInt(this.#seed) * 0x9e37_79b9_7f4a_7c15n + BigInt(crc32(name)) * 0xd1b5_4a32_d192_ed03n;
    return Number(BigInt.asUintN(SAFE_BITS, mixed >> 5n));
  }

  /** From 0 to `bound` - 1. */
  int(bound: number): number {
    return this.#source.nextInt(bound);
  }

  /** From `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.#source.nextInt(high - low + 1);
  }

  /** From 0 up to, not including, 1. */
  fraction(): number {
    return this.#source.nextInt(0x4000_0000) / 0x4000_0000;
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<T>(from: readonly T[]): T {
    if (from.length === 0) throw new RangeError('nothing to pick from');
    return from[this.#source.nextInt(from.length)] as T;
  }

  /** All of them, in some order. */
  shuffled<T>(from: readonly T[]): T[] {
    const left = [...from];
    return from.map(() => left.splice(this.#source.nextInt(left.length), 1)[0] as T);
  }

  /** Mostly near `low`, seldom as much as `high`: as delays are. */
  skewed(low: number, high: number): number {
    const x = this.fraction();
    return low + (high - low) * x * x * x;
  }

  bytes(sizeBytes: number): Uint8Array {
    return this.#source.bytes(sizeBytes);
  }
}
