import { describe, expect, it } from '@jest/globals';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { decodeControl, encodeControl } from './control.js';
import { FRAME_HEADER_BYTES, FrameType, readFrame, sealFrame } from './frame.js';
import { OpType, makeOp, opSeedOf, opSizeBytes, putOp, readOp, readOps } from './ops.js';
import { decodeSegmentHeader, encodeSegmentHeader } from './segment-header.js';

const ID = { segment: 3, salt: 0x0123_4567_89ab_cdefn };
const OP = makeOp(
  OpType.entries,
  { clusterID: 2 ** 53 - 1, nodeID: 7 },
  { index: 5, count: 2, body: Buffer.from('body') },
);

function frameOf(offset: number, seq = 9): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEADER_BYTES + opSizeBytes(OP));
  putOp(bytes, FRAME_HEADER_BYTES, OP, { seed: opSeedOf(ID), fileOffset: offset + FRAME_HEADER_BYTES });
  sealFrame(bytes, {
    ...{ type: FrameType.ops, ...ID, offset, seq, proven: seq - 1 },
    ...{ payloadBytes: opSizeBytes(OP), opCount: 1, chain: 0xfedc_ba98 },
  });
  return bytes;
}

describe('the format on disk', () => {
  it.each([
    ['format version', 12, /it has format version 9, which is not known/],
    ['features', 16, /it needs features 9, which are not known/],
  ])('refuses a segment with an unknown %s', (_what, offset, problem) => {
    const bytes = encodeSegmentHeader({
      ...{ segment: 2, salt: 1n, logID: new Uint8Array(16), epoch: 1, firstSeq: 5, alignmentBytes: 512 },
      ...{ previous: { segment: 1, seq: 4, offset: 8192, chain: 7 }, copiedSeq: 0 },
    });
    const view = new DataView(bytes.buffer);
    view.setUint32(offset, 9, true);
    view.setUint32(0, crc32(bytes.subarray(4)), true);
    expect(decodeSegmentHeader(bytes)).toMatchObject({ problem: expect.stringMatching(problem) });
  });

  it('keeps the bytes of version 1', () => {
    expect(Buffer.from(frameOf(4096)).toString('hex')).toBe(GOLDEN_FRAME);
    const header = {
      ...{ segment: 3, salt: ID.salt, logID: new Uint8Array(16).fill(0xaa), epoch: 2, firstSeq: 8 },
      ...{ alignmentBytes: 4096, previous: { segment: 2, seq: 7, offset: 8192, chain: 5 }, copiedSeq: 8 },
    };
    const bytes = encodeSegmentHeader(header);
    expect(Buffer.from(bytes.subarray(0, 104)).toString('hex')).toBe(GOLDEN_HEADER);
    expect(decodeSegmentHeader(bytes)).toEqual(header);
    const control = { logID: new Uint8Array(16).fill(0xaa), first: 2, active: 3, proven: 8 };
    expect(Buffer.from(encodeControl(control)).toString('hex')).toBe(GOLDEN_CONTROL);
    expect(decodeControl(encodeControl(control))).toEqual(control);
  });

  it('refuses a version or a feature that is not known, and names it', () => {
    const bytes = encodeSegmentHeader({
      ...{ segment: 1, salt: 1n, logID: new Uint8Array(16), epoch: 1, firstSeq: 1, alignmentBytes: 32 },
      ...{ previous: { segment: 0, seq: 0, offset: 0, chain: 0 }, copiedSeq: 0 },
    });
    expect(decodeSegmentHeader(bytes)).toEqual({
      problem: 'frames in it are aligned to 32 bytes, which is not known',
    });
  });

  it('reads a frame at its place alone, and of its segment alone', () => {
    const bytes = new Uint8Array(8192);
    bytes.set(frameOf(4096), 4096);
    expect(readFrame(bytes, 4096, ID)).toMatchObject({ seq: 9, proven: 8, opCount: 1 });
    expect(readFrame(bytes, 4096, { ...ID, salt: 1n })).toBeUndefined();
    expect(readFrame(bytes, 4096, { ...ID, segment: 2 })).toBeUndefined();
    bytes.set(frameOf(4096), 2048);
    expect(readFrame(bytes, 2048, ID)).toBeUndefined();
  });

  it('finds each changed bit of a frame and of an op', () => {
    const bytes = frameOf(0);
    const place = { seed: opSeedOf(ID), fileOffset: FRAME_HEADER_BYTES };
    expect(readOp(bytes, FRAME_HEADER_BYTES, place)).toMatchObject({ index: 5, count: 2, nodeID: 7 });
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const changed = bytes.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(readFrame(changed, 0, ID)).toBeUndefined();
      if (bit >= 8 * FRAME_HEADER_BYTES) expect(readOp(changed, FRAME_HEADER_BYTES, place)).toBeUndefined();
    }
  });

  it('binds an op to its place in its segment', () => {
    const bytes = frameOf(0);
    const place = { seed: opSeedOf(ID), fileOffset: FRAME_HEADER_BYTES };
    expect(readOp(bytes, FRAME_HEADER_BYTES, { ...place, fileOffset: 64 + 512 })).toBeUndefined();
    expect(
      readOp(bytes, FRAME_HEADER_BYTES, { ...place, seed: opSeedOf({ ...ID, segment: 4 }) }),
    ).toBeUndefined();
  });

  it('takes any bytes without an exception', () => {
    const chunk = fc.uint8Array({ maxLength: 300 });
    const property = fc.property(chunk, fc.nat(200), (bytes, at) => {
      readFrame(bytes, at, ID);
      readOps(bytes, 1, { seed: 1, payloadOffset: 0 });
      decodeSegmentHeader(bytes);
      decodeControl(bytes);
    });
    fc.assert(property, { numRuns: 300 });
  });
});

const GOLDEN_FRAME =
  'f0d545cf010100000300000001000000efcdab8967452301001000000000000009000000000000000800000000000000' +
  '2c000000663e88c598badcfe000000007d42d510030000000400000002000000ffffffffffff1f000700000000000000' +
  '0500000000000000626f6479';
const GOLDEN_HEADER =
  '17dc787d4452414b5f57414c010000000000000003000000aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaefcdab8967452301' +
  '020000000000000008000000000000000010000002000000070000000000000000200000000000000500000000000000' +
  '0800000000000000';
const GOLDEN_CONTROL =
  'e29092bb4452414b5f57434c01000000aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa02000000030000000800000000000000' +
  '00000000000000000000000000000000';
