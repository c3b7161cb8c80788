import type { RequestState } from './request-state.js';

/** A power of two, as all numbers of slots are. */
const MIN_SLOTS = 64;

const empty = (slotCount: number): (RequestState | undefined)[] =>
  new Array<RequestState | undefined>(slotCount).fill(undefined);

/**
 * Requests under way by the last 32 bits of their keys, which count up: the slot is what the last bits say, so that one
 * is found without a hash, and the next one takes no memory. At most half of the slots are taken.
 */
export class RequestRing {
  #slots = empty(MIN_SLOTS);
  #counter: number;
  #size = 0;

  /** @param counter 32 bits, of the number before the first */
  constructor(counter = 0) {
    this.#counter = counter;
  }

  get size(): number {
    return this.#size;
  }

  /** The next number whose slot is free, from 0 to 2^32 - 1, for the request that is put next. */
  nextNumber(): number {
    if (this.#size * 2 >= this.#slots.length) this.#grow();
    const mask = this.#slots.length - 1;
    do {
      this.#counter = (this.#counter + 1) | 0;
    } while (this.#slots[this.#counter & mask] !== undefined);
    return this.#counter >>> 0;
  }

  put(request: RequestState): void {
    this.#slots[request.key & (this.#slots.length - 1)] = request;
    this.#size += 1;
  }

  get(key: number): RequestState | undefined {
    const request = this.#slots[key & (this.#slots.length - 1)];
    return request?.key === key ? request : undefined;
  }

  /** @param request that is there */
  delete(request: RequestState): void {
    this.#slots[request.key & (this.#slots.length - 1)] = undefined;
    this.#size -= 1;
  }

  /** All that are there, the oldest first, but for those that others have passed by more than there are slots. */
  all(): RequestState[] {
    const { length } = this.#slots;
    const found: RequestState[] = [];
    for (let step = 1; step <= length; step++) {
      const request = this.#slots[(this.#counter + step) & (length - 1)];
      if (request !== undefined) found.push(request);
    }
    return found;
  }

  /** Gives back the memory of many requests at a time. */
  trim(): void {
    if (this.#size === 0 && this.#slots.length > MIN_SLOTS) this.#slots = empty(MIN_SLOTS);
  }

  /** Two that differ in their last bits differ in one bit more, too: each finds a free slot. */
  #grow(): void {
    const requests = this.all();
    this.#slots = empty(this.#slots.length * 2);
    this.#size = 0;
    for (const request of requests) this.put(request);
  }
}
