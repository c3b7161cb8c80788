/**
 * An unsigned 64-bit integer in its one canonical form: a `number` up to `Number.MAX_SAFE_INTEGER`, a `bigint`
 * above it. Because the form is canonical, `===` compares values and a `Map` can be keyed by them, and the common
 * small value never costs a BigInt.
 */
export type Uint64 = number | bigint;

export const MAX_UINT64 = 0xffff_ffff_ffff_ffffn;

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/** The canonical form of `value`. Throws RangeError when it is not an integer from 0 to 2^64-1. */
export function toUint64(value: number | bigint): Uint64 {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new RangeError(`not an unsigned 64-bit integer: ${value}`);
    }
    return value;
  }
  if (value < 0n || value > MAX_UINT64) throw new RangeError(`not an unsigned 64-bit integer: ${value}`);
  return value <= MAX_SAFE ? Number(value) : value;
}

/** The value of 32-bit halves, in canonical form. Both are taken as unsigned. */
export function uint64FromHalves(high: number, low: number): Uint64 {
  const h = high >>> 0;
  const l = low >>> 0;
  return h < 0x20_0000 ? h * 0x1_0000_0000 + l : (BigInt(h) << 32n) | BigInt(l);
}
