import { type Uint64, uint64FromHalves } from '@drakkar/raftio';

/**
 * Hash of a set of records that follows each change at once: the sum of the records' hashes, so that neither the
 * order of the records nor the way in which a replica came by them matters (a log, a snapshot).
 */
export class SetHash {
  #high = 0;
  #low = 0;

  add(key: string, version: number, value: Uint8Array): void {
    this.#high = (this.#high + hash32(key, version, value, 0x811c9dc5)) | 0;
    this.#low = (this.#low + hash32(key, version, value, 0x2f0b4f1d)) | 0;
  }

  remove(key: string, version: number, value: Uint8Array): void {
    this.#high = (this.#high - hash32(key, version, value, 0x811c9dc5)) | 0;
    this.#low = (this.#low - hash32(key, version, value, 0x2f0b4f1d)) | 0;
  }

  clear(): void {
    this.#high = 0;
    this.#low = 0;
  }

  /** The hash together with a counter that belongs to the state as well. */
  valueWith(counter: number): Uint64 {
    return uint64FromHalves(this.#high ^ Math.floor(counter / 2 ** 32), this.#low ^ counter);
  }
}

/** FNV-1a over key, version and value, with the finish of MurmurHash3. */
function hash32(key: string, version: number, value: Uint8Array, seed: number): number {
  let h = seed;
  for (let i = 0; i < key.length; i += 1) h = Math.imul(h ^ key.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ key.length ^ version, 0x01000193);
  for (let i = 0; i < value.length; i += 1) h = Math.imul(h ^ (value[i] as number), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
