import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isDrakkarError } from '../errors.js';
import { colferBodySize, isColferBody, putColferBody } from './colfer.js';
import { decodeEntries, encodeEntries } from './entry-codec.js';
import { readEntries } from './entry-decoder.js';
import { type Entry, makeEntry } from './entry.js';
import { decodeMessageBatch, encodeMessageBatch, encodedMessageBatchSize } from './message-codec.js';
import * as arbitrary from './testing/arbitraries.js';
import { decodeColferByReference } from './testing/colfer-reference.js';
import { toPlain } from './testing/reference.js';
import { MAX_UINT64 } from './uint64.js';
import { Reader } from './wire/reader.js';
import { putUint, sizeOfUint } from './wire/varint.js';

function bodyOf(entry: Entry): Uint8Array {
  const body = new Uint8Array(colferBodySize(entry));
  expect(putColferBody(body, 0, entry)).toBe(body.length);
  return body;
}

/** `body` as an entry of a block. */
function framed(body: Uint8Array): Uint8Array {
  const head = new Uint8Array(1 + sizeOfUint(body.length));
  head[0] = 0x5a;
  putUint(head, 1, body.length);
  return Buffer.concat([head, body]);
}

function decodeBody(body: Uint8Array): Entry {
  const reader = new Reader(framed(body));
  reader.takesColfer = true;
  reader.pos = 1;
  const entries: Entry[] = [];
  readEntries(reader, 0, entries);
  return entries[0] as Entry;
}

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

describe('colfer entries', () => {
  it.each([
    ['an empty entry of a new leader', makeEntry({ term: 2, index: 5 }), '0002 0105 7f'],
    ['an entry of zeros', makeEntry(), '7f'],
    [
      'a forwarded proposal',
      makeEntry({ key: 0xab54_a98c_eb1f_0ad2n, cmd: Buffer.from('hello') }),
      '83 ab54a98ceb1f0ad2 07 05 68656c6c6f 7f',
    ],
    ['the largest varint', makeEntry({ clientID: 2 ** 49 - 1 }), '04 ffffffffffff7f 7f'],
    ['the smallest fixed number', makeEntry({ clientID: 2 ** 49 }), '84 0002000000000000 7f'],
    ['the largest number', makeEntry({ seriesID: MAX_UINT64 }), '85 ffffffffffffffff 7f'],
    ['a configuration change', makeEntry({ term: 1, index: 1, type: 1 }), '0001 0101 0201 7f'],
  ])('writes and reads %s', (_name, entry, bytes) => {
    expect(Buffer.from(bodyOf(entry)).toString('hex')).toBe(hex(bytes).toString('hex'));
    expect(toPlain(decodeBody(hex(bytes)))).toEqual(toPlain(entry));
  });

  it('reads back what it writes, and a second reader agrees', () => {
    fc.assert(
      fc.property(arbitrary.entry, (entry) => {
        const body = bodyOf(entry);
        expect(toPlain(decodeBody(body))).toEqual(toPlain(entry));
        const reference = decodeColferByReference(body);
        const { term, index, type, key, clientID, seriesID, respondedTo } = entry;
        const numbers = { term, index, type, key, clientID, seriesID, respondedTo };
        for (const [name, value] of Object.entries(numbers)) {
          expect(reference[name as keyof typeof numbers]).toBe(BigInt(value));
        }
        expect(reference.cmd).toBe(Buffer.from(entry.cmd).toString('hex'));
      }),
    );
  });

  it('is distinguished from protobuf by its first byte', () => {
    fc.assert(
      fc.property(arbitrary.entry, (entry) => {
        expect(isColferBody(bodyOf(entry)[0] as number)).toBe(true);
        const protobuf = encodeEntries([entry]);
        const bodyStart = 1 + sizeOfUint(protobuf.length - 2);
        expect(isColferBody(protobuf[bodyStart] as number)).toBe(false);
      }),
    );
  });

  it('stores an entry that came in colfer as protobuf', () => {
    fc.assert(
      fc.property(arbitrary.entry, (entry) => {
        const stored = encodeEntries([decodeBody(bodyOf(entry))]);
        expect(Buffer.from(stored).equals(encodeEntries([entry]))).toBe(true);
      }),
    );
  });

  it('fills a batch with as many bytes as it announces, and leaves the protobuf form of its entries alone', () => {
    fc.assert(
      fc.property(arbitrary.messageBatch, (batch) => {
        const colfer = encodeMessageBatch(batch, 'colfer');
        expect(colfer.length).toBe(encodedMessageBatchSize(batch, 'colfer'));
        const { isDragonboat, ...decoded } = decodeMessageBatch(colfer, 'colfer');
        expect(isDragonboat).toBe(batch.requests.some(({ entries }) => entries.length > 0) || undefined);
        expect(toPlain(decoded)).toEqual(toPlain(batch));
        const protobuf = Buffer.from(encodeMessageBatch(batch));
        encodeMessageBatch(batch, 'colfer');
        expect(protobuf.equals(encodeMessageBatch(batch))).toBe(true);
      }),
    );
  });

  it.each([
    ['without an end byte', '0002 0105'],
    ['with bytes after its end', '0002 0105 7f 00'],
    ['with fields out of order', '0105 0002 7f'],
    ['with a field twice', '0002 0003 7f'],
    ['with a field in both forms', '0302 83 ab54a98ceb1f0ad2 7f'],
    ['with an unknown field', '0002 0801 7f'],
    ['with a negative type', '8201 7f'],
    ['of an unknown type', '027f 7f'],
    ['with a varint of eight bytes', '03 ffffffffffffff01 7f'],
    ['with a fixed number cut short', '83 ab54a98c'],
    ['with a payload past its end', '07 05 6865 7f'],
  ])('rejects an entry %s', (_name, bytes) => {
    expect(() => decodeBody(hex(bytes))).toThrow(expect.objectContaining({ code: 'ERR_MALFORMED' }));
  });

  it('is rejected where nobody but hosts of Dragonboat writes it', () => {
    fc.assert(
      fc.property(arbitrary.entry, (entry) => {
        const malformed = expect.objectContaining({ code: 'ERR_MALFORMED' });
        expect(() => decodeEntries(framed(bodyOf(entry)))).toThrow(malformed);
      }),
    );
  });

  it('rejects a term above the safe integers', () => {
    expect(() => decodeBody(hex('80 ffffffffffffffff 7f'))).toThrow(
      expect.objectContaining({ code: 'ERR_UNSAFE_INTEGER' }),
    );
  });

  it('fails on hostile bytes with an error of the codec, or reads an entry', () => {
    const first = fc.constantFrom(...[0, 1, 2, 3, 4, 5, 6, 7, 0x7f, 0x80, 0x81, 0x83, 0x84, 0x85, 0x86]);
    fc.assert(
      fc.property(first, fc.uint8Array({ maxLength: 40 }), (head, tail) => {
        try {
          decodeBody(Uint8Array.of(head, ...tail));
        } catch (error) {
          expect(isDrakkarError(error) && ['ERR_MALFORMED', 'ERR_UNSAFE_INTEGER'].includes(error.code)).toBe(
            true,
          );
        }
      }),
    );
  });
});
