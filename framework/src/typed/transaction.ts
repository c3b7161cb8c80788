import { checkKey, kindOf, partsOf } from './plain.js';

/** What a view needs of the command that it is part of. */
export interface ViewScope {
  /** The value as a command sees it: objects as views. */
  view<T>(value: T): T;
  /** The value as the state holds it. @throws TypeError for what the state can't hold */
  adopt<T>(value: T): T;
  /** To be called before each change. @throws TypeError in a query, and after the end of the command */
  write(): void;
  read(): void;
  onRollback(undo: () => void): void;
  onCommit(finish: () => void): void;
}

/**
 * The changes that one command makes to the state. The command sees the state through views, which record how to take back
 * what it does. Costs in proportion to what the command touches, except that the first change of an object or array
 * copies it, one level deep; a Map or Set is never copied.
 */
export class Transaction implements ViewScope {
  readonly #isReadOnly: boolean;
  readonly #views = new Map<object, object>();
  readonly #originals = new Map<object, object>();
  readonly #undo: (() => void)[] = [];
  readonly #finish: (() => void)[] = [];
  /** Objects that are new in the state, which the command may still change directly. */
  readonly #adopted: object[] = [];
  #isOver = false;

  constructor(isReadOnly: boolean) {
    this.#isReadOnly = isReadOnly;
  }

  read(): void {
    if (this.#isOver)
      throw new TypeError(
        'a part of the state was used after the end of its command or query: keep a copy instead',
      );
  }

  write(): void {
    this.read();
    if (this.#isReadOnly) throw new TypeError('a query tried to change the state: only commands can');
  }

  onRollback(undo: () => void): void {
    this.#undo.push(undo);
  }

  onCommit(finish: () => void): void {
    this.#finish.push(finish);
  }

  view<T>(value: T): T {
    if (typeof value !== 'object' || value === null || this.#originals.has(value)) return value;
    const known = this.#views.get(value);
    if (known !== undefined) return known as T;
    const made = this.#makeView(value);
    if (made === value) return value;
    this.#views.set(value, made);
    this.#originals.set(made, value);
    return made as T;
  }

  #makeView(value: object): object {
    switch (kindOf(value)) {
      case 'map':
        return new MapView(value as Map<unknown, unknown>, this);
      case 'set':
        return new SetView(value as Set<unknown>, this);
      case 'leaf':
        return value;
      case 'array':
      case 'object':
        return new Proxy(value, objectHandler(this));
    }
  }

  adopt<T>(value: T): T {
    if (typeof value !== 'object' || value === null) {
      kindOf(value);
      return value;
    }
    const original = this.#originals.get(value);
    if (original !== undefined) return original as T;
    this.#replaceViews(value, new Set());
    this.#adopted.push(value);
    return value;
  }

  /** Puts the originals in the place of views within an object that is new in the state. */
  #replaceViews(value: object, above: Set<unknown>): void {
    if (above.has(value)) throw new TypeError('an object contains itself');
    above.add(value);
    const replaced = (part: unknown): unknown => this.#originals.get(part as object) ?? part;
    const kind = kindOf(value);
    if (kind === 'map') {
      const map = value as Map<unknown, unknown>;
      for (const [key, part] of map) if (replaced(part) !== part) map.set(key, replaced(part));
    } else if (kind === 'array' || kind === 'object') {
      const object = value as Record<string, unknown>;
      for (const key of Object.keys(object))
        if (replaced(object[key]) !== object[key]) object[key] = replaced(object[key]);
    }
    for (const part of partsOf(value)) {
      if (typeof part !== 'object' || part === null) kindOf(part);
      else this.#replaceViews(part, above);
    }
    above.delete(value);
  }

  /** The changes stay. */
  commit(): void {
    for (const value of this.#adopted) this.#replaceViews(value, new Set());
    this.#isOver = true;
    for (const finish of this.#finish) finish();
  }

  /** The state is as it was before, the order of keys included. */
  rollback(): void {
    this.#isOver = true;
    for (const undo of this.#undo.reverse()) undo();
  }
}

function objectHandler(scope: ViewScope): ProxyHandler<object> {
  let isCopied = false;
  const change = (target: object): void => {
    scope.write();
    if (isCopied) return;
    isCopied = true;
    const undo = Array.isArray(target) ? keepArray(target as unknown[]) : keepObject(target);
    scope.onRollback(undo);
  };
  return {
    get(target, key) {
      scope.read();
      const value: unknown = Reflect.get(target, key);
      return typeof key === 'symbol' || !Object.hasOwn(target, key) ? value : scope.view(value);
    },
    set(target, key, value) {
      const own = checkedName(key);
      const adopted: unknown = scope.adopt(value);
      change(target);
      return Reflect.set(target, own, adopted);
    },
    deleteProperty(target, key) {
      change(target);
      return Reflect.deleteProperty(target, key);
    },
    defineProperty(target, key, descriptor) {
      if (!('value' in descriptor)) throw new TypeError("the state can't hold an accessor");
      const value: unknown = scope.adopt(descriptor.value as unknown);
      change(target);
      const enumerable = { value, writable: true, enumerable: true, configurable: true };
      return Reflect.defineProperty(target, checkedName(key), enumerable);
    },
    getOwnPropertyDescriptor(target, key) {
      scope.read();
      const descriptor = Reflect.getOwnPropertyDescriptor(target, key);
      if (descriptor?.configurable === true) descriptor.value = scope.view(descriptor.value as unknown);
      return descriptor;
    },
    setPrototypeOf: () => refuseShape(),
    preventExtensions: () => refuseShape(),
  };
}

function refuseShape(): never {
  throw new TypeError("the state can't hold frozen objects, nor objects of other prototypes");
}

/** `__proto__` is no ordinary key in JavaScript. */
function checkedName(key: PropertyKey): PropertyKey {
  if (typeof key === 'symbol') throw new TypeError("the state can't hold symbols as keys");
  if (key === '__proto__') throw new TypeError("the state can't hold a key __proto__: use a Map");
  return key;
}

function keepArray(target: unknown[]): () => void {
  const before = target.slice();
  return () => {
    target.length = 0;
    for (const item of before) target.push(item);
  };
}

function keepObject(target: object): () => void {
  const before: Record<string, unknown> = { ...target };
  return () => {
    for (const key of Object.keys(target)) Reflect.deleteProperty(target, key);
    for (const key of Object.keys(before)) Reflect.set(target, key, before[key]);
  };
}

/** A Map as a command sees it. What is deleted, and what comes new, is in the Map itself when the command has ended. */
class MapView<V> extends Map<unknown, V> {
  readonly #map: Map<unknown, V>;
  readonly #scope: ViewScope;
  readonly #deleted = new Set<unknown>();
  readonly #added = new Map<unknown, V>();
  #isListed = false;

  constructor(map: Map<unknown, V>, scope: ViewScope) {
    super();
    this.#map = map;
    this.#scope = scope;
  }

  #change(): void {
    this.#scope.write();
    if (this.#isListed) return;
    this.#isListed = true;
    this.#scope.onCommit(() => {
      for (const key of this.#deleted) this.#map.delete(key);
      for (const [key, value] of this.#added) this.#map.set(key, value);
    });
  }

  #isInMap(key: unknown): boolean {
    return this.#map.has(key) && !this.#deleted.has(key);
  }

  override get size(): number {
    this.#scope.read();
    return this.#map.size - this.#deleted.size + this.#added.size;
  }

  override has(key: unknown): boolean {
    this.#scope.read();
    return this.#added.has(key) || this.#isInMap(key);
  }

  override get(key: unknown): V | undefined {
    this.#scope.read();
    const value = this.#added.has(key) || !this.#isInMap(key) ? this.#added.get(key) : this.#map.get(key);
    return this.#scope.view(value);
  }

  override set(key: unknown, value: V): this {
    checkKey(key);
    const adopted = this.#scope.adopt(value);
    this.#change();
    if (this.#isInMap(key)) {
      const before = this.#map.get(key) as V;
      this.#scope.onRollback(() => this.#map.set(key, before));
      this.#map.set(key, adopted);
    } else {
      this.#added.set(key, adopted);
    }
    return this;
  }

  override delete(key: unknown): boolean {
    this.#change();
    if (this.#added.delete(key)) return true;
    if (!this.#isInMap(key)) return false;
    this.#deleted.add(key);
    return true;
  }

  override clear(): void {
    this.#change();
    this.#added.clear();
    for (const key of this.#map.keys()) this.#deleted.add(key);
  }

  override *entries(): MapIterator<[unknown, V]> {
    this.#scope.read();
    for (const [key, value] of this.#map) if (!this.#deleted.has(key)) yield [key, this.#scope.view(value)];
    for (const [key, value] of this.#added) yield [key, this.#scope.view(value)];
  }

  override *keys(): MapIterator<unknown> {
    for (const [key] of this.entries()) yield key;
  }

  override *values(): MapIterator<V> {
    for (const [, value] of this.entries()) yield value;
  }

  override [Symbol.iterator](): MapIterator<[unknown, V]> {
    return this.entries();
  }

  override forEach(visit: (value: V, key: unknown, map: Map<unknown, V>) => void, self?: unknown): void {
    for (const [key, value] of this.entries()) visit.call(self, value, key, this);
  }
}

/** A Set as a command sees it, likewise. */
class SetView extends Set<unknown> {
  readonly #set: Set<unknown>;
  readonly #scope: ViewScope;
  readonly #deleted = new Set<unknown>();
  readonly #added = new Set<unknown>();
  #isListed = false;

  constructor(set: Set<unknown>, scope: ViewScope) {
    super();
    this.#set = set;
    this.#scope = scope;
  }

  #change(): void {
    this.#scope.write();
    if (this.#isListed) return;
    this.#isListed = true;
    this.#scope.onCommit(() => {
      for (const key of this.#deleted) this.#set.delete(key);
      for (const key of this.#added) this.#set.add(key);
    });
  }

  #isInSet(key: unknown): boolean {
    return this.#set.has(key) && !this.#deleted.has(key);
  }

  override get size(): number {
    this.#scope.read();
    return this.#set.size - this.#deleted.size + this.#added.size;
  }

  override has(key: unknown): boolean {
    this.#scope.read();
    return this.#added.has(key) || this.#isInSet(key);
  }

  override add(key: unknown): this {
    checkKey(key);
    this.#change();
    if (!this.#isInSet(key)) this.#added.add(key);
    return this;
  }

  override delete(key: unknown): boolean {
    this.#change();
    if (this.#added.delete(key)) return true;
    if (!this.#isInSet(key)) return false;
    this.#deleted.add(key);
    return true;
  }

  override clear(): void {
    this.#change();
    this.#added.clear();
    for (const key of this.#set) this.#deleted.add(key);
  }

  override *values(): SetIterator<unknown> {
    this.#scope.read();
    for (const key of this.#set) if (!this.#deleted.has(key)) yield key;
    yield* this.#added;
  }

  override keys(): SetIterator<unknown> {
    return this.values();
  }

  override *entries(): SetIterator<[unknown, unknown]> {
    for (const key of this.values()) yield [key, key];
  }

  override [Symbol.iterator](): SetIterator<unknown> {
    return this.values();
  }

  override forEach(visit: (value: unknown, key: unknown, set: Set<unknown>) => void, self?: unknown): void {
    for (const key of this.values()) visit.call(self, key, key, this);
  }
}
