import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodedMessageBatchSize, encodeMessageBatch } from './message-codec.js';
import * as arbitrary from './testing/arbitraries.js';
import { CODECS } from './testing/codecs.js';
import { encodeByReference, encodeSparselyByReference } from './testing/reference.js';

describe.each(CODECS)('$name against a reference implementation', ({ name, samples, decodeToPlain }) => {
  it('is encoded to the same bytes, zeros written', () => {
    fc.assert(
      fc.property(samples, ({ plain, encoded }) => {
        expect(Buffer.from(encoded)).toEqual(Buffer.from(encodeByReference(name, plain)));
      }),
    );
  });

  it('is decoded from what the reference writes, with and without zeros', () => {
    fc.assert(
      fc.property(samples, ({ plain }) => {
        expect(decodeToPlain(encodeByReference(name, plain))).toEqual(plain);
        expect(decodeToPlain(encodeSparselyByReference(name, plain))).toEqual(plain);
      }),
    );
  });

  it('ignores fields that it does not know', () => {
    // Fields 31 (varint), 1000 (fixed64), 32 (length-delimited) and 31 (fixed32), before and after the known ones.
    const unknown = Buffer.from(
      'f801ffffffffffffffffff01c13e0102030405060708820203aabbccfd0101020304',
      'hex',
    );
    fc.assert(
      fc.property(samples, ({ plain, encoded }) => {
        expect(decodeToPlain(Buffer.concat([unknown, encoded, unknown]))).toEqual(plain);
      }),
      { numRuns: 20 },
    );
  });

  it('is decoded from a part of a larger buffer without looking beyond it', () => {
    fc.assert(
      fc.property(samples, fc.uint8Array({ minLength: 1, maxLength: 20 }), ({ plain, encoded }, around) => {
        const whole = Buffer.concat([around, encoded, around]);
        expect(decodeToPlain(whole.subarray(around.length, around.length + encoded.length))).toEqual(plain);
      }),
      { numRuns: 20 },
    );
  });
});

describe('encodedMessageBatchSize', () => {
  it('is the length of the encoded batch, before and after its entries are encoded', () => {
    fc.assert(
      fc.property(arbitrary.messageBatch, (batch) => {
        const before = encodedMessageBatchSize(batch);
        expect(before).toBe(encodeMessageBatch(batch).length);
        expect(encodedMessageBatchSize(batch)).toBe(before);
      }),
    );
  });
});
