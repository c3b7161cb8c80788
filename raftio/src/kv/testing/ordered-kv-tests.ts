import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { IOrderedKV, KVOp } from '../contract.js';

const NO_LIMIT = 1_000_000;
const LOWEST: Uint8Array = Uint8Array.of(0);
const NOTHING: Uint8Array = new Uint8Array(0);
const HIGHEST: Uint8Array = Uint8Array.of(0xff, 0xff, 0xff);

/** A place for a store; `open` may be called again when the store that it gave was closed. */
export interface KVPlace {
  open: () => Promise<IOrderedKV>;
  remove: () => Promise<void>;
}

const key = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const put = (at: Uint8Array, value: string): KVOp => ({ type: 'put', key: at, value: Buffer.from(value) });
const remove = (at: Uint8Array): KVOp => ({ type: 'delete', key: at });
const removeRange = (start: Uint8Array, end: Uint8Array): KVOp => ({ type: 'deleteRange', start, end });

/** In their order: by unsigned bytes, a prefix before what it begins. */
const IN_ORDER = [
  key(0),
  key(0, 0),
  key(0, 1),
  key(1),
  key(0x7f),
  key(0x80),
  key(0x80, 0),
  key(0xff),
  key(0xff, 0),
];

async function pairsOf(kv: IOrderedKV, start = LOWEST, end = HIGHEST): Promise<string[]> {
  const { pairs } = await kv.getRange({ start, end, limit: NO_LIMIT, maxSizeBytes: NO_LIMIT });
  return pairs.map((pair) => `${hex(pair.key)}=${Buffer.from(pair.value).toString()}`);
}

class OpenStore {
  readonly #makePlace: () => Promise<KVPlace>;
  #place: KVPlace | undefined;
  #kv: IOrderedKV | undefined;

  constructor(makePlace: () => Promise<KVPlace>) {
    this.#makePlace = makePlace;
    beforeEach(async () => {
      this.#place = await this.#makePlace();
      this.#kv = await this.#place.open();
    });
    afterEach(async () => {
      await this.#kv?.close();
      await this.#place?.remove();
    });
  }

  get kv(): IOrderedKV {
    if (this.#kv === undefined) throw new Error('there is no store outside of a test');
    return this.#kv;
  }

  async reopen(): Promise<void> {
    const old = this.kv;
    this.#kv = undefined;
    await old.close();
    this.#kv = await this.#place?.open();
  }
}

function testsOfReading(store: OpenStore): void {
  it('gives what was put, byte for byte, and undefined for what was not', async () => {
    const { kv } = store;
    const value = Uint8Array.from({ length: 256 }, (_, i) => i);
    await kv.write([{ type: 'put', key: key(1), value }, put(key(2), '')]);
    expect(hex((await kv.get(key(1))) ?? NOTHING)).toBe(hex(value));
    expect((await kv.get(key(2)))?.length).toBe(0);
    expect(await kv.get(key(1, 0))).toBeUndefined();
    expect(await kv.get(key(0))).toBeUndefined();
  });

  it('orders keys by their unsigned bytes, a prefix first', async () => {
    const { kv } = store;
    for (const each of [...IN_ORDER].reverse()) await kv.write([put(each, hex(each))]);
    const expected = IN_ORDER.map(hex);
    expect(await pairsOf(kv)).toEqual(expected.map((each) => `${each}=${each}`));
    const keys = await kv.getKeys({ start: LOWEST, end: HIGHEST, limit: NO_LIMIT });
    expect(keys.map(hex)).toEqual(expected);
  });

  it('gives a range from its start up to, not including, its end', async () => {
    const { kv } = store;
    await kv.write([1, 2, 3, 4].map((byte) => put(key(byte), `${byte}`)));
    expect(await pairsOf(kv, key(2), key(4))).toEqual(['02=2', '03=3']);
    expect(await pairsOf(kv, key(2), key(4, 0))).toEqual(['02=2', '03=3', '04=4']);
    expect(await pairsOf(kv, key(1, 0), key(2, 0))).toEqual(['02=2']);
    expect(await pairsOf(kv, key(5), key(9))).toEqual([]);
    expect(await pairsOf(kv, key(2), key(2))).toEqual([]);
    const keys = await kv.getKeys({ start: key(2), end: key(4), limit: NO_LIMIT });
    expect(keys.map(hex)).toEqual(['02', '03']);
  });

  it('gives no more than was asked for, and reports whether there is more', async () => {
    const { kv } = store;
    await kv.write([1, 2, 3].map((byte) => put(key(byte), '12345')));
    const page = async (limit: number, maxSizeBytes: number): Promise<[number, boolean]> => {
      const { pairs, more } = await kv.getRange({ start: LOWEST, end: HIGHEST, limit, maxSizeBytes });
      return [pairs.length, more];
    };
    expect(await page(2, NO_LIMIT)).toEqual([2, true]);
    expect(await page(3, NO_LIMIT)).toEqual([3, false]);
    expect(await page(NO_LIMIT, 10)).toEqual([2, true]);
    expect(await page(NO_LIMIT, 14)).toEqual([2, true]);
    expect(await page(NO_LIMIT, 15)).toEqual([3, false]);
    expect(await page(NO_LIMIT, 1)).toEqual([1, true]);
    const keys = await kv.getKeys({ start: LOWEST, end: HIGHEST, limit: 2 });
    expect(keys.map(hex)).toEqual(['01', '02']);
  });

  it('finds the greatest key up to a given one, if it is not below the lowest', async () => {
    const { kv } = store;
    await kv.write([2, 4].map((byte) => put(key(byte), 'x')));
    const floor = async (at: Uint8Array, lowest: Uint8Array): Promise<string | undefined> => {
      const found = await kv.getFloorKey(at, lowest);
      return found === undefined ? undefined : hex(found);
    };
    expect(await floor(key(4), LOWEST)).toBe('04');
    expect(await floor(key(3, 0xff), LOWEST)).toBe('02');
    expect(await floor(HIGHEST, key(4))).toBe('04');
    expect(await floor(key(3), key(2, 0))).toBeUndefined();
    expect(await floor(key(1), LOWEST)).toBeUndefined();
  });

  it("gives bytes that are the receiver's own", async () => {
    const { kv } = store;
    await kv.write([put(key(1), 'one')]);
    const [single, page] = [
      await kv.get(key(1)),
      await kv.getRange({ start: LOWEST, end: HIGHEST, limit: 1, maxSizeBytes: NO_LIMIT }),
    ];
    for (let round = 0; round < 20; round++) {
      await kv.write([{ type: 'put', key: key(1), value: Buffer.alloc(3, round) }]);
      await kv.get(key(1));
    }
    expect(Buffer.from(single ?? NOTHING).toString()).toBe('one');
    expect(Buffer.from(page.pairs[0]?.value ?? NOTHING).toString()).toBe('one');
    (await kv.get(key(1)))?.fill(0);
    expect(hex((await kv.get(key(1))) ?? NOTHING)).toBe('131313');
  });
}

function testsOfWriting(store: OpenStore): void {
  it('takes the operations of a batch in their order', async () => {
    const { kv } = store;
    await kv.write([put(key(1), 'old'), put(key(2), 'kept')]);
    await kv.write([
      remove(key(1)),
      put(key(1), 'new'),
      put(key(3), 'gone'),
      remove(key(3)),
      remove(key(4)),
      put(key(2), 'first'),
      put(key(2), 'last'),
    ]);
    expect(await pairsOf(kv)).toEqual(['01=new', '02=last']);
  });

  it('deletes a range with what the batch has put there before, and not what it puts there afterwards', async () => {
    const { kv } = store;
    await kv.write([1, 2, 3, 4].map((byte) => put(key(byte), 'old')));
    await kv.write([put(key(2, 5), 'before'), removeRange(key(2), key(4)), put(key(3), 'after')]);
    expect(await pairsOf(kv)).toEqual(['01=old', '03=after', '04=old']);
    await kv.write([removeRange(key(4), key(4))]);
    expect(await pairsOf(kv)).toEqual(['01=old', '03=after', '04=old']);
  });

  it('takes a batch of nothing', async () => {
    const { kv } = store;
    await kv.write([]);
    await kv.write([removeRange(key(1), key(2))]);
    expect(await pairsOf(kv)).toEqual([]);
  });

  it('shows a batch as a whole or not at all to reads that overlap it', async () => {
    const { kv } = store;
    const keys = Array.from({ length: 50 }, (_, i) => key(i));
    await kv.write(keys.map((each) => put(each, '0')));
    const seen: string[][] = [];
    for (let round = 1; round <= 20; round++) {
      const writing = kv.write(keys.map((each) => put(each, `${round}`)));
      const reads = Array.from({ length: 5 }, async () => {
        seen.push((await pairsOf(kv)).map((pair) => pair.slice(3)));
      });
      await Promise.all([writing, ...reads]);
      expect(new Set((await pairsOf(kv)).map((pair) => pair.slice(3)))).toEqual(new Set([`${round}`]));
    }
    expect(seen.length).toBe(100);
    expect(seen.filter((values) => new Set(values).size !== 1 || values.length !== 50)).toEqual([]);
  });

  it('keeps values of many megabytes', async () => {
    const value = Buffer.alloc(40 * 1024 * 1024, 7);
    value[value.length - 1] = 9;
    await store.kv.write([{ type: 'put', key: key(1), value }]);
    expect(Buffer.compare((await store.kv.get(key(1))) ?? NOTHING, value)).toBe(0);
  });
}

function testsOfLife(store: OpenStore): void {
  it('has everything again when it was closed and opened', async () => {
    await store.kv.write(IN_ORDER.map((each) => put(each, hex(each))));
    await store.kv.write([removeRange(key(0), key(1))]);
    await store.reopen();
    const expected = IN_ORDER.slice(3).map((each) => `${hex(each)}=${hex(each)}`);
    expect(await pairsOf(store.kv)).toEqual(expected);
  });

  it('keeps what is outside of a range that it compacts, and what is written meanwhile', async () => {
    const { kv } = store;
    await kv.write(Array.from({ length: 100 }, (_, i) => put(key(i), 'old')));
    await kv.write([removeRange(key(10), key(90))]);
    const compacting = kv.compactRange(key(10), key(90));
    for (let i = 40; i < 50; i++) await kv.write([put(key(i), 'new')]);
    await compacting;
    await store.reopen();
    const values = (await pairsOf(store.kv)).map((pair) => pair.slice(3));
    expect(values.filter((value) => value === 'old')).toHaveLength(20);
    expect(values.filter((value) => value === 'new')).toHaveLength(10);
  });
}

/** Asks a store for all that `IOrderedKV` says, below `KVLogDB` and the clauses that ask that. */
export function orderedKVTests(makePlace: () => Promise<KVPlace>): void {
  const store = new OpenStore(makePlace);
  describe('reads', () => {
    testsOfReading(store);
  });
  describe('batches', () => {
    testsOfWriting(store);
  });
  describe('life', () => {
    testsOfLife(store);
  });
}
