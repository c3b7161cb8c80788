import { describe, expect, it } from '@jest/globals';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { type ChecksumRule, int32At, checksum, putChecksum } from './checksum.js';
import { decodeSnapshotChunk, encodeSnapshotChunk } from './chunk-codec.js';
import { decodeEntries, decodeEntryBatch, encodeEntries } from './entry-codec.js';
import { checksumOf } from './entry-encoder.js';
import { type Entry, makeEntry } from './entry.js';
import { decodeMessageBatch, encodeMessageBatch } from './message-codec.js';
import * as arbitrary from './testing/arbitraries.js';

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

function errorOf(run: () => unknown): { code?: string; details?: Record<string, unknown> } {
  try {
    run();
  } catch (error) {
    return error as { code?: string };
  }
  return {};
}

describe('checksum', () => {
  it('is the CRC-32 that zlib gives, whatever the length and wherever the bytes lie', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat(9), (bytes, skip) => {
        const start = Math.min(skip, bytes.length);
        const expected = crc32(bytes.subarray(start)) | 0;
        expect(checksum(bytes, start, bytes.length)).toBe(expected === 0 ? -1 : expected);
      }),
    );
  });

  it('is never 0, which stands for none', () => {
    expect(crc32(hex('9d0ad96d'))).toBe(0);
    expect(checksum(hex('9d0ad96d'), 0, 4)).toBe(-1);
  });

  it('is written and read as four bytes', () => {
    const buf = new Uint8Array(6);
    expect(putChecksum(buf, 0, -2)).toBe(6);
    expect(Buffer.from(buf).toString('hex')).toBe('ad06feffffff');
    expect(int32At(buf, 2)).toBe(-2);
  });
});

describe('the checksum of an entry', () => {
  it('stays what its proposer made when the entry is forwarded, placed and encoded again', () => {
    fc.assert(
      fc.property(arbitrary.entry, arbitrary.uint, arbitrary.uint, (proposed, term, index) => {
        const [forwarded] = decodeEntries(encodeEntries([proposed])) as [Entry];
        expect(forwarded.checksum).toBe(checksumOf(proposed));
        forwarded.place(term, index);
        const [logged] = decodeEntries(encodeEntries([forwarded])) as [Entry];
        expect(logged).toMatchObject({ term, index, checksum: proposed.checksum });
      }),
    );
  });

  it('is not made again by who encodes the entry after its proposer', () => {
    const proposed = makeEntry({ key: 7, clientID: 300, seriesID: 1, cmd: hex('616263') });
    const [forwarded] = decodeEntries(encodeEntries([proposed])) as [Entry];
    forwarded.place(3, 10);
    forwarded.key = 8; // As a fault in memory would.
    const error = errorOf(() => decodeEntries(encodeEntries([forwarded])));
    expect(error).toMatchObject({ code: 'ERR_MALFORMED', details: { damaged: 'entry', index: 10, term: 3 } });
  });

  it('is seen not to match, whichever bit of what it covers, or of itself, was flipped', () => {
    for (const cmd of [new Uint8Array(0), new Uint8Array(40).fill(7), new Uint8Array(300).fill(7)]) {
      const entry = makeEntry({ term: 2, index: 9, key: 70_000, clientID: 1n << 60n, seriesID: 1, cmd });
      const bytes = encodeEntries([entry]);
      const first = bytes.length - entry.cmdLength - 40;
      for (let bit = first * 8; bit < bytes.length * 8; bit++) {
        const flipped = Buffer.from(bytes);
        flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
        let decoded: Entry[];
        try {
          decoded = decodeEntries(flipped);
        } catch {
          continue;
        }
        // Not covered: term, index, and what makes the checksum a field that is not known.
        const { key, clientID, seriesID } = entry;
        expect(decoded).toHaveLength(1);
        expect(decoded[0]).toMatchObject({ key, clientID, seriesID, type: 0, respondedTo: 0 });
        expect(decoded[0]?.cmd).toEqual(cmd);
      }
    }
  });

  it('is compared with the fields when their bytes are not those of an encoder', () => {
    // The key of two bytes that could be one; the command before the session.
    for (const body of ['0802 1009 1800 208700 2800 3000 3800', '0802 4200 1009 2007']) {
      const right = makeEntry({ term: 2, index: 9, key: 7 });
      for (const off of [0, 1]) {
        const checksum = Buffer.alloc(4);
        checksum.writeInt32LE(checksumOf(right) ^ off);
        const content = Buffer.concat([hex(body), hex('ad06'), checksum]);
        const block = Buffer.concat([Buffer.from([0x5a, content.length]), content]);
        const error = errorOf(() => decodeEntries(block));
        expect(error.details?.['damaged']).toBe(off === 0 ? undefined : 'entry');
      }
    }
  });

  it('is not that of bytes in another form in an entry that is encoded again', () => {
    const framed = (tag: string, head: string, proposed: string): Uint8Array => {
      const covered = hex(proposed);
      const field = new Uint8Array(6);
      putChecksum(field, 0, checksum(covered, 0, covered.length));
      const body = Buffer.concat([hex(head), covered, field]);
      return Buffer.concat([hex(tag), Buffer.from([body.length]), body]);
    };
    // What one field of a proposal is too long, another lacks: its size is right.
    const forms = [
      '1800 20878000 2800 3000',
      '2007 2800 3000 38808000',
      '1800 2007 28808000 3800',
      '1800 2007 2800 3000 42818000 61',
      // Numbers that look like tags where tags should be.
      '1800 288028 308030 388038 42818000 61',
    ];
    for (const form of forms) {
      const error = errorOf(() => decodeEntries(framed('5a', '0802 1000', form)));
      expect(error.details?.['damaged']).toBe('entry');
    }
    const long = '1800 208700 2800 3000 3800';
    // A proposal that claims a place.
    const [placed] = decodeEntries(framed('5a', '0802 1009', long)) as [Entry];
    placed.place(3, 10);
    expect(decodeEntries(encodeEntries([placed]))).toMatchObject([{ key: 7, index: 10 }]);
    // An entry whose bytes can't be passed on, for its tag.
    const { entries } = decodeEntryBatch(framed('0a', '0802 1009', long));
    expect(decodeEntries(encodeEntries(entries))).toMatchObject([{ key: 7, index: 9 }]);
  });

  it('may be absent: entries of version 0.1 and of Go have none, and get one where they are encoded first', () => {
    const [bare] = decodeEntries(hex('5a0e 0802 1009 1800 2007 2800 3000 3800')) as [Entry];
    expect(bare.checksum).toBe(0);
    bare.place(3, 9);
    expect(decodeEntries(encodeEntries([bare]))[0]?.checksum).toBe(checksumOf(bare));
  });
});

const batch = () => ({ requests: [], deploymentID: 1, sourceAddress: 'a1:1', binVer: 210 });

describe('the checksum of a batch or chunk', () => {
  const parts = [
    {
      part: 'batch',
      bytes: encodeMessageBatch(batch()),
      decode: (bytes: Uint8Array, rule?: ChecksumRule) => decodeMessageBatch(bytes, 'protobuf', rule),
    },
    {
      part: 'chunk',
      bytes: encodeSnapshotChunk(decodeSnapshotChunk(new Uint8Array(0))),
      decode: decodeSnapshotChunk,
    },
  ] as const;

  it.each(parts)(
    'sees every bit that was flipped in a $part of a peer that gives one',
    ({ part, bytes, decode }) => {
      expect(() => decode(bytes, 'required')).not.toThrow();
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const flipped = Buffer.from(bytes);
        flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
        expect(errorOf(() => decode(flipped, 'required'))).toMatchObject({
          code: 'ERR_MALFORMED',
          details: { damaged: part },
        });
      }
    },
  );

  it.each(parts)(
    'may be absent from a $part of a peer that gives none, but not be wrong',
    ({ bytes, decode }) => {
      const bare = bytes.subarray(0, bytes.length - 6);
      expect(() => decode(bare)).not.toThrow();
      expect(() => decode(bare, 'required')).toThrow('without the checksum');
      const wrong = Buffer.from(bytes);
      wrong[0] = (wrong[0] as number) ^ 1;
      expect(() => decode(wrong)).toThrow('does not match');
    },
  );

  it('is not given to who reads colfer', () => {
    expect(encodeMessageBatch(batch(), 'colfer')).toEqual(encodeMessageBatch(batch()).subarray(0, -6));
  });
});
