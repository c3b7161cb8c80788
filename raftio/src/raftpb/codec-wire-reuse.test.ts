import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  decodeEntries,
  decodeEntryBatch,
  detachEntries,
  encodeEntries,
  encodeEntryBatch,
} from './entry-codec.js';
import { type Entry, type EntryType, makeEntry } from './entry.js';
import { decodeMessage, encodeMessage, encodeMessageBatch } from './message-codec.js';
import * as arbitrary from './testing/arbitraries.js';
import { type Plain, encodeByReference, toPlain } from './testing/reference.js';
import { MessageType, makeMessage } from './types.js';
import { MAX_UINT64 } from './uint64.js';

function someEntries(count: number, firstIndex = 1): Entry[] {
  return Array.from({ length: count }, (_, i) =>
    makeEntry({ term: 2, index: firstIndex + i, key: i, cmd: new Uint8Array(16).fill(i) }),
  );
}

/** The block of `entries` by the reference: a message with the entries alone. */
function referenceBlock(entries: readonly Entry[]): string {
  return entries
    .map((entry) => {
      const batch = encodeByReference('EntryBatch', { entries: [toPlain(entry)] });
      batch[0] = 0x5a;
      return Buffer.from(batch).toString('hex');
    })
    .join('');
}

function expectContiguous(entries: readonly Entry[]): void {
  for (let i = 1; i < entries.length; i++) {
    expect(entries[i]?.wire).toBe(entries[0]?.wire);
    expect(entries[i]?.wireStart).toBe(entries[i - 1]?.wireEnd);
  }
}

describe('an entry is encoded once', () => {
  it('entries encoded together lie back to back', () => {
    const entries = someEntries(64);
    encodeMessage(makeMessage({ type: MessageType.Replicate, entries }));
    expectContiguous(entries);
  });

  it('entries decoded together lie back to back, in the bytes received', () => {
    const bytes = new Uint8Array(
      encodeMessage(makeMessage({ type: MessageType.Replicate, entries: someEntries(9) })),
    );
    const { entries } = decodeMessage(bytes);
    expect(entries).toHaveLength(9);
    expectContiguous(entries);
    expect(entries[0]?.wire).toBe(bytes);
  });

  it('a later encoder copies the bytes and does not look at the fields', () => {
    const entries = someEntries(3);
    const first = Buffer.from(encodeEntries(entries));
    for (const entry of entries) entry.key = 99; // not allowed, and therefore without effect
    expect(Buffer.from(encodeEntries(entries))).toEqual(first);
  });

  it('a block of entries in one piece is not even copied', () => {
    const entries = someEntries(5);
    const block = encodeEntries(entries);
    expect(block.buffer).toBe(entries[0]?.wire?.buffer);
    expect(encodeEntries(decodeEntries(block)).byteOffset).toBe(block.byteOffset);
    expect(encodeEntries(entries.slice(2)).byteOffset).toBe(entries[2]?.wireStart);
  });

  it('passes on fields of an entry that we do not know', () => {
    const received = Buffer.from('5a0708011002f801055a0408011003', 'hex');
    const message = makeMessage({ type: MessageType.Replicate, entries: decodeEntries(received) });
    expect(Buffer.from(encodeMessage(message)).includes(received)).toBe(true);
  });

  it('a tag that is longer than it need be is not passed on', () => {
    const { entries } = decodeMessage(Buffer.from('da0004080110025a0410031801', 'hex'));
    const block = encodeEntries(entries);
    expect(block[0]).toBe(0x5a);
    expect(decodeEntries(block).map((entry) => entry.index)).toEqual([2, 3]);
  });

  it.each([0, 1, 15, 16, 47, 48, 55, 56, 57, 58, 61, 62, 63, 127, 128, 8_100, 16_384, 100_000])(
    'a cmd of %d bytes is encoded as the reference does, with the shortest and the longest numbers',
    (length) => {
      const cmd = new Uint8Array(length).map((_, i) => i);
      const largest = {
        term: Number.MAX_SAFE_INTEGER,
        index: Number.MAX_SAFE_INTEGER,
        type: 1,
        key: MAX_UINT64,
        clientID: MAX_UINT64,
        seriesID: MAX_UINT64,
        respondedTo: MAX_UINT64,
      } as const;
      const entries = [makeEntry({ cmd }), makeEntry({ ...largest, cmd }), makeEntry({ cmd })];
      expect(Buffer.from(encodeEntries(entries)).toString('hex')).toBe(referenceBlock(entries));
      expectContiguous(entries);
      expect(decodeEntries(encodeEntries(entries)).map(toPlain)).toEqual(entries.map(toPlain));
    },
  );

  it('a run that is larger than what short ones share lies back to back too', () => {
    const entries = someEntries(3000);
    const block = encodeEntries(entries);
    expectContiguous(entries);
    expect(decodeEntries(block).map(toPlain)).toEqual(entries.map(toPlain));
    encodeEntries(someEntries(3000));
    expect(decodeEntries(encodeEntries(entries)).map(toPlain)).toEqual(entries.map(toPlain));
  });

  it('makes the bytes of the reference, wherever the entries come from', () => {
    const piece = fc.record({
      entries: fc.array(arbitrary.entry, { maxLength: 5 }),
      source: fc.constantFrom('fresh', 'encoded', 'decoded', 'batch', 'detached'),
    });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), fc.nat(), (pieces, skip) => {
        const all = pieces.flatMap(({ entries, source }) => prepare(entries, source));
        const chosen = all.filter((_, i) => (skip >> (i % 30)) % 2 === 0);
        expect(Buffer.from(encodeEntries(chosen)).toString('hex')).toBe(referenceBlock(chosen));
        const plain: Plain = { entries: chosen.map(toPlain) };
        expect(Buffer.from(encodeEntryBatch({ entries: chosen }))).toEqual(
          Buffer.from(encodeByReference('EntryBatch', plain)),
        );
      }),
    );
  });
});

function prepare(entries: Entry[], source: string): Entry[] {
  switch (source) {
    case 'encoded':
      encodeEntries(entries);
      return entries;
    case 'decoded':
      return decodeEntries(encodeEntries(entries));
    case 'batch':
      return decodeEntryBatch(encodeEntryBatch({ entries })).entries;
    case 'detached':
      detachEntries(entries);
      return entries;
    default:
      return entries;
  }
}

describe('place', () => {
  it('forgets the bytes made before', () => {
    const [entry] = someEntries(1) as [Entry];
    encodeEntries([entry]);
    entry.place(7, 1000);
    const [again] = decodeEntries(encodeEntries([entry]));
    expect(again).toMatchObject({ term: 7, index: 1000, key: entry.key });
    expect(again?.cmd).toEqual(entry.cmd);
  });

  it('keeps the payload of an entry that was received, whether or not it was looked at', () => {
    const [unseen, seen] = decodeEntries(encodeEntries(someEntries(2))) as [Entry, Entry];
    expect(seen.cmd).toEqual(new Uint8Array(16).fill(1));
    unseen.place(3, 10);
    seen.place(3, 11);
    const [first, second] = decodeEntries(encodeEntries([unseen, seen])) as [Entry, Entry];
    expect(first).toMatchObject({ term: 3, index: 10, key: 0 });
    expect(first.cmd).toEqual(new Uint8Array(16));
    expect(second).toMatchObject({ term: 3, index: 11, key: 1 });
    expect(second.cmd).toEqual(new Uint8Array(16).fill(1));
  });
});

describe('memory', () => {
  it('is never used again after encoding', () => {
    fc.assert(
      fc.property(fc.array(arbitrary.messageBatch, { minLength: 2, maxLength: 30 }), (batches) => {
        const encoded = batches.map((batch) => encodeMessageBatch(batch));
        const copies = encoded.map((bytes) => Buffer.from(bytes));
        for (const batch of batches) encodeMessageBatch(batch);
        expect(encoded.map((bytes) => Buffer.from(bytes))).toEqual(copies);
        encoded[0]?.fill(0xee);
        expect(encoded.slice(1).map((bytes) => Buffer.from(bytes))).toEqual(copies.slice(1));
      }),
      { numRuns: 20 },
    );
  });

  it('may be changed once a proposal is encoded', () => {
    const cmd = new Uint8Array([1, 2, 3]);
    const entry = makeEntry({ cmd });
    encodeEntries([entry]);
    cmd.fill(9);
    expect(decodeEntries(encodeEntries([entry]))[0]?.cmd).toEqual(new Uint8Array([1, 2, 3]));
  });

  it('is released of a large message by entries that are detached', () => {
    const received = new Uint8Array(encodeMessage(makeMessage({ type: 12, entries: someEntries(8) })));
    const { entries } = decodeMessage(received);
    const kept = entries.slice(2, 5);
    const before = kept.map(toPlain);
    detachEntries(kept);
    received.fill(0);
    expect(kept.map(toPlain)).toEqual(before);
    expectContiguous(kept);
    for (const entry of kept) expect([entry.wire, entry.cmdSource]).not.toContain(received);
    expect(kept[0]?.wire?.buffer.byteLength).toBe(kept.reduce((sum, e) => sum + e.wireEnd - e.wireStart, 0));
  });

  it('is released of a large message by a received proposal when it is encoded again', () => {
    const received = new Uint8Array(
      encodeMessage(makeMessage({ type: MessageType.Propose, entries: someEntries(2) })),
    );
    const { entries } = decodeMessage(received);
    entries.forEach((entry, i) => entry.place(3, 50 + i));
    encodeEntries(entries);
    const before = entries.map(toPlain);
    received.fill(0);
    expect(entries.map(toPlain)).toEqual(before);
  });

  it('is, for a cmd, a plain view that cannot reach beyond it', () => {
    const received = Buffer.from(encodeEntries(someEntries(1)));
    const cmd = decodeEntries(received)[0]?.cmd;
    expect(cmd?.constructor).toBe(Uint8Array);
    expect(cmd).toHaveLength(16);
  });
});

describe('values that no reader could take', () => {
  it.each([-1, 1.5, NaN, Infinity, 2 ** 53])('%d is refused wherever a number is encoded', (bad) => {
    const code = expect.objectContaining({ code: 'ERR_UNSAFE_INTEGER' });
    const entries = [makeEntry({ index: 1 }), makeEntry({ index: bad })];
    expect(() => encodeEntries(entries)).toThrow(code);
    expect(entries[1]?.wire).toBeUndefined();
    expect(decodeEntries(encodeEntries(entries.slice(0, 1)))[0]?.index).toBe(1);
    encodeEntries(someEntries(20));
    expect(decodeEntries(encodeEntries(entries.slice(0, 1)))[0]?.index).toBe(1);
    expect(() => encodeEntries([makeEntry({ key: bad })])).toThrow(code);
    expect(() => encodeMessage(makeMessage({ type: 12, commit: bad }))).toThrow(code);
  });

  it('an entry type that does not exist is refused', () => {
    const entry = makeEntry({ type: 3 as EntryType });
    expect(() => encodeEntries([entry])).toThrow(expect.objectContaining({ code: 'ERR_MALFORMED' }));
  });

  it.each([-1n, 1n << 64n])('%s is refused where 64 bits are kept', (bad) => {
    const code = expect.objectContaining({ code: 'ERR_UNSAFE_INTEGER' });
    expect(() => encodeEntries([makeEntry({ clientID: bad })])).toThrow(code);
    expect(() => encodeMessage(makeMessage({ type: 12, hint: bad }))).toThrow(code);
  });
});
