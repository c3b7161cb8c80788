import { setTimeout as delay } from 'node:timers/promises';
import type { SeededRandom } from '../harness/random.js';
import { shuffled } from './groups.js';

/** Draws each kind once before any of them comes again, so that none is left out for long; over all rounds. */
export class Bag<Kind> {
  readonly #kinds: readonly Kind[];
  readonly #random: SeededRandom;
  #left: Kind[] = [];

  constructor(kinds: readonly Kind[], random: SeededRandom) {
    this.#kinds = kinds;
    this.#random = random;
  }

  draw(): Kind {
    if (this.#left.length === 0) this.#left = shuffled(this.#kinds, this.#random);
    return this.#left.pop() as Kind;
  }
}

/** A wait that ends early, without an error, when the signal is given. */
export async function rest(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {});
}
