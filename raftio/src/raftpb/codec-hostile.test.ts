import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isDrakkarError } from '../errors.js';
import { decodeSnapshotChunk } from './chunk-codec.js';
import { decodeEntries, encodeEntries } from './entry-codec.js';
import { decodeMessage, decodeMessageBatch } from './message-codec.js';
import * as records from './record-codec.js';
import { decodeMembership, decodeSnapshot } from './snapshot-codec.js';
import * as arbitrary from './testing/arbitraries.js';
import { CODECS, type CodecCase } from './testing/codecs.js';
import { toPlain } from './testing/reference.js';

const MALFORMED = 'ERR_MALFORMED';
const UNSAFE = 'ERR_UNSAFE_INTEGER';

const BLOCK: CodecCase = {
  name: 'a block of entries',
  samples: fc
    .array(arbitrary.entry, { maxLength: 6 })
    .map((entries) => ({ plain: toPlain(entries), encoded: encodeEntries(entries) })),
  decodeToPlain: (bytes) => toPlain(decodeEntries(bytes)),
};
const ALL = [...CODECS, BLOCK];

/** Code of the error that `decode` throws, undefined when it throws none; any error but the two makes the test fail. */
function outcome(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): string | undefined {
  try {
    decode(bytes);
    return undefined;
  } catch (error) {
    if (isDrakkarError(error) && (error.code === MALFORMED || error.code === UNSAFE)) return error.code;
    throw new Error(`another error than the codec's on ${Buffer.from(bytes).toString('hex')}`, {
      cause: error,
    });
  }
}

interface Mutation {
  at: number;
  remove: number;
  insert: Uint8Array;
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: fc.nat(2000),
  remove: fc.nat(3),
  insert: fc.oneof(
    fc.uint8Array({ maxLength: 3 }),
    fc.constantFrom(
      new Uint8Array(10).fill(0xff),
      new Uint8Array([0xff, 0xff, 0xff, 0xff, 0x0f]),
      new Uint8Array([0x80]),
      new Uint8Array([0x7f]),
    ),
  ),
});

function mutate(bytes: Uint8Array, mutations: readonly Mutation[]): Buffer {
  let result = Buffer.from(bytes);
  for (const { at, remove, insert } of mutations) {
    const start = at % (result.length + 1);
    result = Buffer.concat([result.subarray(0, start), insert, result.subarray(start + remove)]);
  }
  return result;
}

describe.each(ALL)('hostile bytes for $name', ({ samples, decodeToPlain }) => {
  it('give a value or one of the two errors, whichever kind', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        outcome(decodeToPlain, bytes);
      }),
    );
  });

  it('give a value or one of the two errors when they are a changed message', () => {
    fc.assert(
      fc.property(samples, fc.array(mutation, { minLength: 1, maxLength: 4 }), ({ encoded }, mutations) => {
        outcome(decodeToPlain, mutate(encoded, mutations));
      }),
    );
  });

  it('give one of the two errors, or what stood before, when they end too early', () => {
    fc.assert(
      fc.property(samples, ({ plain, encoded }) => {
        for (let length = 0; length < encoded.length; length++) {
          const cut = encoded.slice(0, length);
          if (outcome(decodeToPlain, cut) !== undefined) continue;
          // A cut between two fields is a shorter message. Bytes that follow the cut must have had no influence.
          expect(decodeToPlain(encoded.subarray(0, length))).toEqual(decodeToPlain(cut));
        }
        expect(decodeToPlain(encoded)).toEqual(plain);
      }),
      { numRuns: 25 },
    );
  });
});

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

describe('what is refused', () => {
  it.each([
    ['a tag without a value', '08', MALFORMED],
    ['a number that is cut', '0880', MALFORMED],
    ['a number of eleven bytes', '0880808080808080808080 00', MALFORMED],
    ['a number of eleven bytes in an unknown field', '78ffffffffffffffffffff01', MALFORMED],
    ['a number of 65 bits', '08ffffffffffffffffff02', MALFORMED],
    ['2^53 where a number must be safe', '088080808080808010', UNSAFE],
    ['2^64-1 where a number must be safe', '08ffffffffffffffffff01', UNSAFE],
    ['a varint field as fixed32', '0d00000000', MALFORMED],
    ['a varint field as fixed64', '090000000000000000', MALFORMED],
    ['a varint field as bytes', '0a00', MALFORMED],
    ['field number 0', '0000', MALFORMED],
    ['field number 0 in a long tag', '8000 00', MALFORMED],
    ['a field number above 2^29-1', '8080808010 00', MALFORMED],
    ['a tag of 64 bits', 'f8ffffffffffffffff01 00', MALFORMED],
    ['a group', '7b 7c', MALFORMED],
    ['the end of a group', '7c', MALFORMED],
    ['wire type 6', '7e', MALFORMED],
    ['wire type 7', '7f', MALFORMED],
    ['an unknown fixed32 that is cut', '7d000000', MALFORMED],
    ['an unknown fixed64 that is cut', '7900000000000000', MALFORMED],
    ['unknown bytes that are cut', '7a02 00', MALFORMED],
    ['unknown bytes of 2^64-1', '7affffffffffffffffff01', MALFORMED],
  ])('%s', (_, text, code) => {
    expect(outcome(records.decodeState, hex(text))).toBe(code);
  });

  it.each<[string, (bytes: Uint8Array) => unknown, string]>([
    ['an entry longer than its block', decodeEntries, '5a03 0801'],
    ['an entry whose last number goes on after its end', decodeEntries, '5a01 08 05'],
    ['an entry whose tag goes on after its end', decodeEntries, '5a01 88 00'],
    ['an entry whose cmd goes on after its end', decodeEntries, '5a03 420261 62'],
    ['an entry whose cmd has the wrong wire type', decodeEntries, '5a02 4000'],
    ['a block with another field in it', decodeEntries, '5a00 0800'],
    ['a block with a tag longer than it need be', decodeEntries, 'da00 00'],
    ['an entry type', decodeEntries, '5a02 1803'],
    ['an entry type of 64 bits', decodeEntries, '5a0b 1881808080808080808001'],
    ['a config change type', records.decodeConfigChange, '1003'],
    ['a checksum type', records.decodeSnapshotHeader, '3802'],
    ['a negative message type', decodeMessage, '08ffffffffffffffffff01'],
    ['a bin_ver of 33 bits', decodeMessageBatch, '208080808010'],
    ['a nested message longer than the outer one', decodeMessageBatch, '0a05 0801'],
    ['a nested message of 200 bytes that has three', decodeMessageBatch, '0ac801 080110'],
    ['a nested message of 2^33 bytes', decodeMessageBatch, '0a8080808020 0801'],
    ['an entry of 200 bytes that has two', decodeEntries, '5ac801 0801'],
    ['an entry whose cmd of 200 bytes has one', decodeEntries, '5a04 42c80161'],
    ['a snapshot longer than its message', decodeMessageBatch, '0a02 620c 120018002000280032020800'],
    ['a map entry longer than its map', decodeMembership, '1204 0801'],
    ['a map key of the wrong wire type', decodeMembership, '1202 0a00'],
    ['a map value of the wrong wire type', decodeMembership, '1a02 1200'],
    ['a string longer than its file', decodeSnapshot, '3a03 1205 41 41 41 41'],
    ['a string that is not UTF-8', records.decodeRaftDataStatus, '0a02 c328'],
    ['a surrogate in UTF-8', records.decodeRaftDataStatus, '0a03 eda080'],
    ['a string as varint', records.decodeRaftDataStatus, '0800'],
    ['a field above 15 of the wrong wire type', decodeSnapshotChunk, '820100'],
  ])('%s', (_, decode, text) => {
    expect(outcome(decode, hex(text))).toBe(MALFORMED);
  });

  it('keeps a byte order mark: it is part of the text', () => {
    expect(records.decodeRaftDataStatus(hex('0a04 efbbbf61')).address).toBe('\ufeffa');
  });
});

describe('bytes that ask for more memory than they take', () => {
  const FOUR_MILLION_PAIRS = 4 * 1024 * 1024;
  it.each<[string, (bytes: Uint8Array) => unknown, string]>([
    ['empty entries in a block', decodeEntries, '5a00'],
    ['empty entries in a message', decodeMessage, '5a00'],
    ['empty messages', decodeMessageBatch, '0a00'],
    ['empty files', decodeSnapshot, '3a00'],
    ['empty map entries', decodeMembership, '1200'],
    ['empty snapshots', decodeMessage, '6200'],
  ])('%s without end are refused', (_, decode, pair) => {
    expect(outcome(decode, Buffer.alloc(FOUR_MILLION_PAIRS * 2, hex(pair)))).toBe(MALFORMED);
  });

  it('counts over all levels of nesting', () => {
    const message = Buffer.concat([hex('0a80808002'), Buffer.alloc(4 * 1024 * 1024, hex('5a00'))]);
    expect(outcome(decodeMessageBatch, message)).toBe(MALFORMED);
  });

  it('takes as many entries as any real batch has', () => {
    expect(decodeEntries(Buffer.alloc(2 * 540_672, hex('5a00')))).toHaveLength(540_672);
  });
});
