import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  decodeEntries,
  decodeEntryBatch,
  detachEntries,
  encodeEntries,
  encodeEntryBatch,
} from './entry-codec.js';
import { type Entry, makeEntry } from './entry.js';
import { decodeMessage, encodeMessage, encodeMessageBatch } from './message-codec.js';
import * as arbitrary from './testing/arbitraries.js';
import { type Plain, encodeByReference, toPlain } from './testing/reference.js';
import { MessageType, makeMessage } from './types.js';

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

  it('what an entry says in fields that we do not know is passed on', () => {
    const received = Buffer.from('5a0708011002f801055a0408011003', 'hex');
    const message = makeMessage({ type: MessageType.Replicate, entries: decodeEntries(received) });
    expect(Buffer.from(encodeMessage(message)).includes(received)).toBe(true);
  });

  it('from wherever the entries come, the bytes are those of the reference', () => {
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
  it('of what was encoded is never used again', () => {
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

  it('of a proposal may be changed once it is encoded', () => {
    const cmd = new Uint8Array([1, 2, 3]);
    const entry = makeEntry({ cmd });
    encodeEntries([entry]);
    cmd.fill(9);
    expect(decodeEntries(encodeEntries([entry]))[0]?.cmd).toEqual(new Uint8Array([1, 2, 3]));
  });

  it('that a large message takes is let go by entries that are detached', () => {
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

  it('that a large message takes is let go by a received proposal when it is encoded anew', () => {
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

  it('of a cmd is a plain view that cannot reach beyond it', () => {
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
    expect(() => encodeEntries(entries)).toThrow(code as never);
    expect(entries[0]?.wire).toBeUndefined();
    expect(() => encodeEntries([makeEntry({ key: bad })])).toThrow(code as never);
    expect(() => encodeMessage(makeMessage({ type: 12, commit: bad }))).toThrow(code as never);
  });

  it.each([-1n, 1n << 64n])('%s is refused where 64 bits are kept', (bad) => {
    const code = expect.objectContaining({ code: 'ERR_UNSAFE_INTEGER' });
    expect(() => encodeEntries([makeEntry({ clientID: bad })])).toThrow(code as never);
    expect(() => encodeMessage(makeMessage({ type: 12, hint: bad }))).toThrow(code as never);
  });
});
