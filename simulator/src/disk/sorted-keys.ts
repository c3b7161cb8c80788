/** Keys in the order of their bytes, each with what belongs to it. */
export class SortedKeys<T> {
  readonly #keys: string[] = [];
  readonly #values = new Map<string, T>();

  get size(): number {
    return this.#keys.length;
  }

  get(key: Uint8Array): T | undefined {
    return this.#values.get(toText(key));
  }

  /** Returns what belonged to the key before. */
  set(key: Uint8Array, value: T): T | undefined {
    const text = toText(key);
    const before = this.#values.get(text);
    if (before === undefined) this.#keys.splice(this.#position(text), 0, text);
    this.#values.set(text, value);
    return before;
  }

  /** Returns what belonged to the key. */
  delete(key: Uint8Array): T | undefined {
    const text = toText(key);
    const before = this.#values.get(text);
    if (this.#values.delete(text)) this.#keys.splice(this.#position(text), 1);
    return before;
  }

  deleteRange(start: Uint8Array, end: Uint8Array): void {
    const from = this.#position(toText(start));
    const upTo = Math.max(from, this.#position(toText(end)));
    for (const key of this.#keys.splice(from, upTo - from)) this.#values.delete(key);
  }

  /** Keys from `start` up to, not including, `end`; at most `limit`. */
  range(start: Uint8Array, end: Uint8Array, limit: number): { key: Uint8Array; value: T }[] {
    const from = this.#position(toText(start));
    const upTo = Math.min(this.#position(toText(end)), from + limit);
    return this.#keys
      .slice(from, upTo)
      .map((key) => ({ key: toBytes(key), value: this.#values.get(key) as T }));
  }

  /** The greatest key that is at most `key`. */
  floor(key: Uint8Array): Uint8Array | undefined {
    const text = toText(key);
    const at = this.#position(text);
    const found = this.#keys[at] === text ? text : this.#keys[at - 1];
    return found === undefined ? undefined : toBytes(found);
  }

  entries(): { key: Uint8Array; value: T }[] {
    return this.#keys.map((key) => ({ key: toBytes(key), value: this.#values.get(key) as T }));
  }

  /** Position of the first key that is not less. */
  #position(text: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#keys[middle] as string) < text) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const toText = (key: Uint8Array): string =>
  Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
const toBytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));
