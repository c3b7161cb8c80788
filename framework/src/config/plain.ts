import { isPlainObject } from '../runtime/plain-object.js';

export { isPlainObject };

/** Adapters may give null a meaning; in our own sections a key that was left empty counts as left out. */
const KEEP_NULL_UNDER = 'options';

/** A copy of plain objects and lists; anything else is shared. Keys without a value are left out. */
export function clonePlain(value: unknown, keepNull = false): unknown {
  if (Array.isArray(value)) return value.map((item) => clonePlain(item, keepNull));
  if (!isPlainObject(value)) return value;
  const out: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined || (item === null && !keepNull)) continue;
    // An adapter module is an object of functions, to be used as it is.
    const copy = key === 'module' ? item : clonePlain(item, keepNull || key === KEEP_NULL_UNDER);
    Object.defineProperty(out, key, { value: copy, enumerable: true, writable: true, configurable: true });
  }
  return out;
}

/** Freezes plain objects and lists; an adapter module, given in code, is left as it is. */
export function deepFreeze<T>(value: T): T {
  if (Array.isArray(value)) for (const item of value as unknown[]) deepFreeze(item);
  else if (isPlainObject(value)) {
    for (const [key, item] of Object.entries(value)) if (key !== 'module') deepFreeze(item);
  } else return value;
  return Object.freeze(value);
}
