/** What a value is to a codec and to the rollback of a command. */
export type PlainKind = 'object' | 'array' | 'map' | 'set' | 'leaf';

const LEAF_PROTOTYPES: ReadonlySet<unknown> = new Set([Date.prototype, Uint8Array.prototype]);

/** Where a value comes from another realm, as in some test runners, its prototype is not ours but has the same name. */
function nameOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** @throws TypeError for what the state of a typed state machine can't hold */
export function kindOf(value: unknown): PlainKind {
  if (typeof value === 'function' || typeof value === 'symbol')
    throw new TypeError(`the state can't hold a ${typeof value}`);
  if (typeof value !== 'object' || value === null) return 'leaf';
  if (Array.isArray(value)) return 'array';
  if (value instanceof Map) return 'map';
  if (value instanceof Set) return 'set';
  const prototype: unknown = Object.getPrototypeOf(value);
  if (LEAF_PROTOTYPES.has(prototype)) return 'leaf';
  if (prototype === null || prototype === Object.prototype) return 'object';
  const { constructor } = value as { constructor?: { name?: string } };
  const name = nameOf(value);
  const isForeign = !(value instanceof Object) && (constructor?.name ?? name) === name;
  if (isForeign && (name === 'Date' || name === 'Uint8Array')) return 'leaf';
  if (isForeign && (name === 'Map' || name === 'Set')) return name === 'Map' ? 'map' : 'set';
  if (isForeign && Object.getPrototypeOf(prototype) === null && name === 'Object') return 'object';
  throw new TypeError(
    `the state can't hold a ${constructor?.name ?? name}: use plain objects, arrays, Map, Set, Date, Uint8Array, bigint and ` +
      'other primitive values',
  );
}

/** The values within a value, one level down. @throws TypeError as `kindOf`, and for keys that a codec does not keep */
export function* partsOf(value: unknown): Generator<unknown> {
  switch (kindOf(value)) {
    case 'leaf':
      return;
    case 'map':
      for (const [key, part] of value as Map<unknown, unknown>) {
        checkKey(key);
        yield part;
      }
      return;
    case 'set':
      for (const key of value as Set<unknown>) checkKey(key);
      return;
    case 'array':
    case 'object':
      if (!Object.isExtensible(value)) throw new TypeError("the state can't hold a frozen object: copy it");
      yield* Object.values(value as object);
  }
}

/** An object as a key would be another one after a recovery. @throws TypeError */
export function checkKey(key: unknown): void {
  if (
    typeof key === 'string' ||
    typeof key === 'number' ||
    typeof key === 'bigint' ||
    typeof key === 'boolean'
  )
    return;
  throw new TypeError(
    `keys of maps and members of sets are strings, numbers, bigints or booleans, found ${typeof key}`,
  );
}

/** @throws TypeError when an object is in the state twice, or in itself: after a recovery it would be two objects */
export function checkTree(state: unknown): void {
  const seen = new Set<unknown>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return void kindOf(value);
    if (seen.has(value))
      throw new TypeError('an object is in the state twice, or in itself: keep a copy, or its id');
    seen.add(value);
    for (const part of partsOf(value)) visit(part);
  };
  visit(state);
}
