import { ErrUnsafeInteger } from '../../errors.js';
import { MAX_UINT64, type Uint64 } from '../uint64.js';

/** The longest a varint may be: ten groups of seven bits hold 64. */
export const MAX_VARINT_BYTES = 10;

const TWO_28 = 0x1000_0000;
const TWO_32 = 0x1_0000_0000;
const scratch = new DataView(new ArrayBuffer(8));

/** A value to be encoded that is no unsigned integer of the field's width. */
function refuse(value: unknown): never {
  throw new ErrUnsafeInteger(`not an unsigned integer that can be encoded: ${String(value)}`);
}

/** Encoded size in bytes of a safe unsigned integer; throws ErrUnsafeInteger for any other value. */
export function sizeOfUint(value: number): number {
  if (value >>> 0 === value) {
    if (value < 0x80) return 1;
    if (value < 0x4000) return 2;
    if (value < 0x20_0000) return 3;
    return value < 0x1000_0000 ? 4 : 5;
  }
  return sizeOfLargeUint(value);
}

function sizeOfLargeUint(value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) refuse(value);
  if (value < 2 ** 35) return 5;
  if (value < 2 ** 42) return 6;
  return value < 2 ** 49 ? 7 : 8;
}

export function sizeOfUint64(value: Uint64): number {
  return typeof value === 'number' ? sizeOfUint(value) : sizeOfBigint(value);
}

function sizeOfBigint(value: bigint): number {
  if (value < 0n || value > MAX_UINT64) refuse(value);
  scratch.setBigUint64(0, value);
  const high = scratch.getUint32(0);
  const low = scratch.getUint32(4);
  if (high < 0x8) return sizeOfUint(high * TWO_32 + low);
  return Math.ceil((64 - Math.clz32(high)) / 7);
}

/**
 * Writes a safe unsigned integer at `pos`; returns the position after it. Throws ErrUnsafeInteger for any other
 * value: a mask leaves an integer of its range as it is, and nothing else.
 */
export function putUint(buf: Uint8Array, pos: number, value: number): number {
  if ((value & 0x7f) === value) {
    buf[pos] = value;
    return pos + 1;
  }
  return putLongerUint(buf, pos, value);
}

/** Apart, so that the common case is small enough to be inlined wherever it is called. */
function putLongerUint(buf: Uint8Array, pos: number, value: number): number {
  if ((value & 0x3fff) === value) {
    buf[pos] = (value & 0x7f) | 0x80;
    buf[pos + 1] = value >>> 7;
    return pos + 2;
  }
  if ((value & 0x1f_ffff) === value) {
    buf[pos] = (value & 0x7f) | 0x80;
    buf[pos + 1] = ((value >>> 7) & 0x7f) | 0x80;
    buf[pos + 2] = value >>> 14;
    return pos + 3;
  }
  return putLongUint(buf, pos, value);
}

/** Of three groups of seven bits and more: four groups, and then the others. */
function putLongUint(buf: Uint8Array, pos: number, value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) refuse(value);
  const high = Math.floor(value / TWO_28);
  const low = value - high * TWO_28;
  buf[pos] = (low & 0x7f) | 0x80;
  buf[pos + 1] = ((low >>> 7) & 0x7f) | 0x80;
  buf[pos + 2] = ((low >>> 14) & 0x7f) | 0x80;
  if (high === 0) {
    buf[pos + 3] = low >>> 21;
    return pos + 4;
  }
  buf[pos + 3] = (low >>> 21) | 0x80;
  let end = pos + 4;
  let rest = high;
  for (; rest >= 0x80; rest >>>= 7) buf[end++] = (rest & 0x7f) | 0x80;
  buf[end] = rest;
  return end + 1;
}

/** Writes a safe unsigned integer as eight bytes, little-endian. Throws ErrUnsafeInteger for any other value. */
export function putFixedUint(buf: Uint8Array, pos: number, value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) refuse(value);
  const low = value >>> 0;
  const high = (value - low) / TWO_32;
  buf[pos] = low;
  buf[pos + 1] = low >>> 8;
  buf[pos + 2] = low >>> 16;
  buf[pos + 3] = low >>> 24;
  buf[pos + 4] = high;
  buf[pos + 5] = high >>> 8;
  buf[pos + 6] = high >>> 16;
  buf[pos + 7] = high >>> 24;
  return pos + 8;
}

export function putUint64(buf: Uint8Array, pos: number, value: Uint64): number {
  return typeof value === 'number' ? putUint(buf, pos, value) : putBigint(buf, pos, value);
}

function putBigint(buf: Uint8Array, pos: number, value: bigint): number {
  if (value < 0n || value > MAX_UINT64) refuse(value);
  scratch.setBigUint64(0, value);
  return putHalves(buf, pos, scratch.getUint32(0), scratch.getUint32(4));
}

function putHalves(buf: Uint8Array, start: number, high: number, low: number): number {
  let pos = start;
  let hi = high;
  let lo = low;
  while (hi !== 0) {
    buf[pos++] = (lo & 0x7f) | 0x80;
    lo = ((lo >>> 7) | (hi << 25)) >>> 0;
    hi >>>= 7;
  }
  while (lo >= 0x80) {
    buf[pos++] = (lo & 0x7f) | 0x80;
    lo >>>= 7;
  }
  buf[pos++] = lo;
  return pos;
}

/** The bigint of two 32-bit halves whose value is above Number.MAX_SAFE_INTEGER. */
export function bigintOfHalves(high: number, low: number): bigint {
  scratch.setUint32(0, high);
  scratch.setUint32(4, low);
  return scratch.getBigUint64(0);
}
