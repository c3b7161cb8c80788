import { MAX_UINT64, type Uint64, toUint64 } from '@drakkar/raftio';

/** What the user's state machine returned, as a result in canonical form; `undefined` when it is none. */
export function asResult(value: unknown): Uint64 | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  return typeof value === 'bigint' && value >= 0n && value <= MAX_UINT64 ? toUint64(value) : undefined;
}

/** What the user's `getHash` returned. Throws when it is no unsigned 64-bit integer. */
export function asHash(value: unknown): Uint64 {
  const hash = asResult(value);
  if (hash === undefined) {
    throw new TypeError(`getHash returned ${describe(value)}, not an unsigned 64-bit integer`);
  }
  return hash;
}

/** An unexpected value, short enough for a message. */
export function describe(value: unknown): string {
  if (value instanceof Error) return value.message;
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}
