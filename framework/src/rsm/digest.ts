import { type Uint64, uint64FromHalves } from '@drakkar/raftio';

const TWO_32 = 0x1_0000_0000;

/** Two hashes of 32 bits with different constants, so that together they are as good as one of 64. */
export interface Digest {
  a: number;
  b: number;
}

export function newDigest(): Digest {
  return { a: 0x9e37_79b9 | 0, b: 0x85eb_ca6b | 0 };
}

/** Mixes 32 bits into a hash, as MurmurHash3 does. */
function mix(hash: number, word: number, factor: number): number {
  let k = Math.imul(word, factor);
  k = (k << 15) | (k >>> 17);
  let h = hash ^ Math.imul(k, 0x1b87_3593);
  h = (h << 13) | (h >>> 19);
  return (Math.imul(h, 5) + 0xe654_6b64) | 0;
}

export function addWord(digest: Digest, word: number): void {
  digest.a = mix(digest.a, word, 0xcc9e_2d51 | 0);
  digest.b = mix(digest.b, word, 0x239b_961b);
}

export function addUint64(digest: Digest, value: Uint64): void {
  if (typeof value === 'number') {
    addWord(digest, value | 0);
    addWord(digest, Math.floor(value / TWO_32) | 0);
  } else {
    addWord(digest, Number(value & 0xffff_ffffn) | 0);
    addWord(digest, Number(value >> 32n) | 0);
  }
}

export function digestValue({ a, b }: Digest): Uint64 {
  return uint64FromHalves(a, b);
}
