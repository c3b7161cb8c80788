import { deepStrictEqual as equal } from 'node:assert/strict';
import type { IOrderedKV, KVOp } from './contract.js';

const NO_LIMIT = 1_000_000;
const LOWEST: Uint8Array = Uint8Array.of(0);
const NOTHING: Uint8Array = new Uint8Array(0);
const LONGEST_MS = 60_000;
const HIGHEST: Uint8Array = Uint8Array.of(0xff, 0xff, 0xff);

/** A place for a store; `open` may be called again when the store that it gave was closed. */
export interface KVPlace {
  open: () => Promise<IOrderedKV>;
  remove: () => Promise<void>;
}

/** The part of a test runner that is needed; jest, node:test and vitest have it. */
export interface KVTestRunner {
  describe: (name: string, body: () => void) => unknown;
  it: (name: string, body: () => Promise<void>, timeoutMs?: number) => unknown;
}

interface OpenStore {
  kv: IOrderedKV;
  /** Closes it and opens it again. */
  reopen: () => Promise<IOrderedKV>;
}

type Check = readonly [title: string, check: (store: OpenStore) => Promise<void>];

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

const READING: readonly Check[] = [
  [
    'gives what was put, byte for byte, and undefined for what was not',
    async ({ kv }) => {
      const value = Uint8Array.from({ length: 256 }, (_, i) => i);
      await kv.write([{ type: 'put', key: key(1), value }, put(key(2), '')]);
      equal(hex((await kv.get(key(1))) ?? NOTHING), hex(value));
      equal((await kv.get(key(2)))?.length, 0);
      equal(await kv.get(key(1, 0)), undefined);
      equal(await kv.get(key(0)), undefined);
    },
  ],
  [
    'orders keys by their unsigned bytes, a prefix first',
    async ({ kv }) => {
      for (const each of [...IN_ORDER].reverse()) await kv.write([put(each, hex(each))]);
      const expected = IN_ORDER.map(hex);
      equal(
        await pairsOf(kv),
        expected.map((each) => `${each}=${each}`),
      );
      const keys = await kv.getKeys({ start: LOWEST, end: HIGHEST, limit: NO_LIMIT });
      equal(keys.map(hex), expected);
    },
  ],
  [
    'gives a range from its start up to, not including, its end',
    async ({ kv }) => {
      await kv.write([1, 2, 3, 4].map((byte) => put(key(byte), `${byte}`)));
      equal(await pairsOf(kv, key(2), key(4)), ['02=2', '03=3']);
      equal(await pairsOf(kv, key(2), key(4, 0)), ['02=2', '03=3', '04=4']);
      equal(await pairsOf(kv, key(1, 0), key(2, 0)), ['02=2']);
      equal(await pairsOf(kv, key(5), key(9)), []);
      equal(await pairsOf(kv, key(2), key(2)), []);
      const keys = await kv.getKeys({ start: key(2), end: key(4), limit: NO_LIMIT });
      equal(keys.map(hex), ['02', '03']);
    },
  ],
  [
    'gives no more than was asked for, and reports whether there is more',
    async ({ kv }) => {
      await kv.write([1, 2, 3].map((byte) => put(key(byte), '12345')));
      const page = async (limit: number, maxSizeBytes: number): Promise<[number, boolean]> => {
        const { pairs, more } = await kv.getRange({ start: LOWEST, end: HIGHEST, limit, maxSizeBytes });
        return [pairs.length, more];
      };
      equal(await page(2, NO_LIMIT), [2, true]);
      equal(await page(3, NO_LIMIT), [3, false]);
      equal(await page(NO_LIMIT, 10), [2, true]);
      equal(await page(NO_LIMIT, 14), [2, true]);
      equal(await page(NO_LIMIT, 15), [3, false]);
      equal(await page(NO_LIMIT, 1), [1, true]);
      const keys = await kv.getKeys({ start: LOWEST, end: HIGHEST, limit: 2 });
      equal(keys.map(hex), ['01', '02']);
    },
  ],
  [
    'finds the greatest key up to a given one, if it is not below the lowest',
    async ({ kv }) => {
      await kv.write([2, 4].map((byte) => put(key(byte), 'x')));
      const floor = async (at: Uint8Array, lowest: Uint8Array): Promise<string | undefined> => {
        const found = await kv.getFloorKey(at, lowest);
        return found === undefined ? undefined : hex(found);
      };
      equal(await floor(key(4), LOWEST), '04');
      equal(await floor(key(3, 0xff), LOWEST), '02');
      equal(await floor(HIGHEST, key(4)), '04');
      equal(await floor(key(3), key(2, 0)), undefined);
      equal(await floor(key(1), LOWEST), undefined);
    },
  ],
  [
    "gives bytes that are the receiver's own",
    async ({ kv }) => {
      await kv.write([put(key(1), 'one')]);
      const [single, page] = [
        await kv.get(key(1)),
        await kv.getRange({ start: LOWEST, end: HIGHEST, limit: 1, maxSizeBytes: NO_LIMIT }),
      ];
      for (let round = 0; round < 20; round++) {
        await kv.write([{ type: 'put', key: key(1), value: Buffer.alloc(3, round) }]);
        await kv.get(key(1));
      }
      equal(Buffer.from(single ?? NOTHING).toString(), 'one');
      equal(Buffer.from(page.pairs[0]?.value ?? NOTHING).toString(), 'one');
      (await kv.get(key(1)))?.fill(0);
      equal(hex((await kv.get(key(1))) ?? NOTHING), '131313');
    },
  ],
];

const WRITING: readonly Check[] = [
  [
    'takes the operations of a batch in their order',
    async ({ kv }) => {
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
      equal(await pairsOf(kv), ['01=new', '02=last']);
    },
  ],
  [
    'deletes a range with what the batch has put there before, and not what it puts there afterwards',
    async ({ kv }) => {
      await kv.write([1, 2, 3, 4].map((byte) => put(key(byte), 'old')));
      await kv.write([put(key(2, 5), 'before'), removeRange(key(2), key(4)), put(key(3), 'after')]);
      equal(await pairsOf(kv), ['01=old', '03=after', '04=old']);
      await kv.write([removeRange(key(4), key(4))]);
      equal(await pairsOf(kv), ['01=old', '03=after', '04=old']);
    },
  ],
  [
    'takes a batch of nothing',
    async ({ kv }) => {
      await kv.write([]);
      await kv.write([removeRange(key(1), key(2))]);
      equal(await pairsOf(kv), []);
    },
  ],
  [
    'shows a batch as a whole or not at all to reads that overlap it',
    async ({ kv }) => {
      const keys = Array.from({ length: 50 }, (_, i) => key(i));
      await kv.write(keys.map((each) => put(each, '0')));
      const seen: string[][] = [];
      for (let round = 1; round <= 20; round++) {
        const writing = kv.write(keys.map((each) => put(each, `${round}`)));
        const reads = Array.from({ length: 5 }, async () => {
          seen.push((await pairsOf(kv)).map((pair) => pair.slice(3)));
        });
        await Promise.all([writing, ...reads]);
        equal(new Set((await pairsOf(kv)).map((pair) => pair.slice(3))), new Set([`${round}`]));
      }
      equal(seen.length, 100);
      equal(
        seen.filter((values) => new Set(values).size !== 1 || values.length !== 50),
        [],
      );
    },
  ],
  [
    'keeps values of many megabytes',
    async ({ kv }) => {
      const value = Buffer.alloc(40 * 1024 * 1024, 7);
      value[value.length - 1] = 9;
      await kv.write([{ type: 'put', key: key(1), value }]);
      equal(Buffer.compare((await kv.get(key(1))) ?? NOTHING, value), 0);
    },
  ],
];

const LIFE: readonly Check[] = [
  [
    'has everything again when it was closed and opened',
    async ({ kv, reopen }) => {
      await kv.write(IN_ORDER.map((each) => put(each, hex(each))));
      await kv.write([removeRange(key(0), key(1))]);
      const expected = IN_ORDER.slice(3).map((each) => `${hex(each)}=${hex(each)}`);
      equal(await pairsOf(await reopen()), expected);
    },
  ],
  [
    'keeps what is outside of a range that it compacts, and what is written meanwhile',
    async ({ kv, reopen }) => {
      await kv.write(Array.from({ length: 100 }, (_, i) => put(key(i), 'old')));
      await kv.write([removeRange(key(10), key(90))]);
      const compacting = kv.compactRange(key(10), key(90));
      for (let i = 40; i < 50; i++) await kv.write([put(key(i), 'new')]);
      await compacting;
      const values = (await pairsOf(await reopen())).map((pair) => pair.slice(3));
      equal(values.filter((value) => value === 'old').length, 20);
      equal(values.filter((value) => value === 'new').length, 10);
    },
  ],
];

/**
 * Asks a store for all that `IOrderedKV` says, below `KVLogDB` and the clauses that ask that. Each test gets a place of its
 * own.
 */
export function orderedKVSuite({ describe, it }: KVTestRunner, makePlace: () => Promise<KVPlace>): void {
  const groups = { reads: READING, batches: WRITING, life: LIFE };
  for (const [name, checks] of Object.entries(groups)) {
    describe(name, () => {
      for (const [title, check] of checks) it(title, () => runCheck(check, makePlace), LONGEST_MS);
    });
  }
}

async function runCheck(check: Check[1], makePlace: () => Promise<KVPlace>): Promise<void> {
  const place = await makePlace();
  let kv: IOrderedKV | undefined;
  const reopen = async (): Promise<IOrderedKV> => {
    const old = kv;
    kv = undefined;
    await old?.close();
    kv = await place.open();
    return kv;
  };
  try {
    await check({ kv: await reopen(), reopen });
  } finally {
    await kv?.close();
    await place.remove();
  }
}
