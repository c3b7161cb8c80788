import { MAX_KEY_SIZE_BYTES } from './contract.js';

/**
 * Keys are of fixed width, integers big-endian, so that their bytes sort as the numbers do:
 * kind (1 byte), cluster id (8), node id (8), index (8).
 *
 * A replica's head record is of kind `log` with the greatest index there is. It is written with nearly every append,
 * and right after the newest entries it lies in a B-tree page that the append touches anyway.
 */
export const KeyKind = Object.freeze({ format: 1, bootstrap: 2, snapshot: 3, log: 4 } as const);
export type KeyKind = (typeof KeyKind)[keyof typeof KeyKind];

const INDEX_OFFSET = 17;
const TWO_32 = 0x1_0000_0000;

function putUint64(target: Uint8Array, offset: number, value: number): void {
  const high = Math.floor(value / TWO_32);
  const low = value >>> 0;
  target[offset] = high >>> 24;
  target[offset + 1] = high >>> 16;
  target[offset + 2] = high >>> 8;
  target[offset + 3] = high;
  target[offset + 4] = low >>> 24;
  target[offset + 5] = low >>> 16;
  target[offset + 6] = low >>> 8;
  target[offset + 7] = low;
}

function getUint64(source: Uint8Array, offset: number): number {
  const view = new DataView(source.buffer, source.byteOffset + offset, 8);
  return view.getUint32(0) * TWO_32 + view.getUint32(4);
}

/** @param index at most Number.MAX_SAFE_INTEGER, as are the ids */
export function makeKey(kind: KeyKind, clusterID: number, nodeID: number, index: number): Uint8Array {
  const key = new Uint8Array(MAX_KEY_SIZE_BYTES);
  key[0] = kind;
  putUint64(key, 1, clusterID);
  putUint64(key, 9, nodeID);
  putUint64(key, INDEX_OFFSET, index);
  return key;
}

export function makeHeadKey(clusterID: number, nodeID: number): Uint8Array {
  const key = makeKey(KeyKind.log, clusterID, nodeID, 0);
  return key.fill(0xff, INDEX_OFFSET);
}

/** The first key behind everything of that kind. */
export function kindEnd(kind: KeyKind): Uint8Array {
  return new Uint8Array(MAX_KEY_SIZE_BYTES).fill(kind + 1, 0, 1);
}

export interface ParsedKey {
  clusterID: number;
  nodeID: number;
  /** Above Number.MAX_SAFE_INTEGER for a head record. */
  index: number;
}

export function parseKey(key: Uint8Array): ParsedKey {
  return { clusterID: getUint64(key, 1), nodeID: getUint64(key, 9), index: indexOfKey(key) };
}

export function indexOfKey(key: Uint8Array): number {
  return getUint64(key, INDEX_OFFSET);
}

/** The least key that is greater. */
export function keyAfter(key: Uint8Array): Uint8Array {
  const after = new Uint8Array(key.length + 1);
  after.set(key);
  return after;
}
