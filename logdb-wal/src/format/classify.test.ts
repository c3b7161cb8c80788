import { describe, expect, it } from '@jest/globals';
import { type Classified, classify } from './classify.js';
import { FRAME_HEADER_BYTES, FrameType, MAX_UNSYNCED_FRAMES, sealFrame } from './frame.js';
import { OpType, makeOp, opSeedOf, opSizeBytes, putOp } from './ops.js';
import {
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  chainOfHeader,
  encodeSegmentHeader,
} from './segment-header.js';

const ALIGNMENT_BYTES = 512;
const FIRST_SEQ = 11;
const HEADER: SegmentHeader = {
  ...{ segment: 2, salt: 99n, logID: new Uint8Array(16), epoch: 1, firstSeq: FIRST_SEQ },
  ...{ alignmentBytes: ALIGNMENT_BYTES, copiedSeq: 0 },
  previous: { segment: 1, seq: FIRST_SEQ - 1, offset: 8192, chain: 1 },
};

interface Written {
  offset: number;
  end: number;
  chain: number;
}

/** A segment with frames of some sizes; `provens` says what each knew to be durable. */
function segmentOf(
  sizes: readonly number[],
  provens: readonly number[] = sizes.map((_, i) => FIRST_SEQ + i - 1),
): { bytes: Uint8Array; frames: Written[] } {
  const bytes = new Uint8Array(32 * 1024);
  bytes.set(encodeSegmentHeader(HEADER));
  let chain = chainOfHeader(bytes);
  let offset = SEGMENT_HEADER_BYTES;
  const frames: Written[] = [];
  for (const [i, size] of sizes.entries()) {
    const op = makeOp(OpType.state, { clusterID: 1, nodeID: 1 }, { body: new Uint8Array(size).fill(i + 1) });
    const payloadBytes = opSizeBytes(op);
    putOp(bytes, offset + FRAME_HEADER_BYTES, op, {
      seed: opSeedOf(HEADER),
      fileOffset: offset + FRAME_HEADER_BYTES,
    });
    const frame = bytes.subarray(offset, offset + FRAME_HEADER_BYTES + payloadBytes);
    const { segment, salt } = HEADER;
    const seq = FIRST_SEQ + i;
    chain = sealFrame(frame, {
      ...{ type: FrameType.ops, segment, salt, offset, seq, chain },
      ...{ proven: provens[i] ?? 0, payloadBytes, opCount: 1 },
    });
    const end = offset + Math.ceil(frame.length / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
    frames.push({ offset, end, chain });
    offset = end;
  }
  return { bytes, frames };
}

function judge(
  bytes: Uint8Array,
  {
    header = HEADER,
    proven = 0,
    sealedSeq,
  }: { header?: SegmentHeader; proven?: number; sealedSeq?: number } = {},
  last?: Written,
): Classified & { seqs: number[] } {
  const seqs: number[] = [];
  const sealedEnd =
    sealedSeq === undefined
      ? undefined
      : { segment: 2, seq: sealedSeq, offset: last?.end ?? 0, chain: last?.chain ?? 0 };
  const verdict = classify(bytes, { header, sealedEnd, proven }, ({ seq }) => seqs.push(seq));
  return { ...verdict, seqs };
}

const SIZES = [100, 1500, 24, 700];

describe('the last segment', () => {
  it('accepts all frames, and ends behind the last', () => {
    const { bytes, frames } = segmentOf(SIZES);
    expect(judge(bytes)).toMatchObject({
      kind: 'end',
      seqs: [11, 12, 13, 14],
      proven: 13,
      offset: frames[3]?.end,
    });
  });

  it('takes a last frame for torn whatever sectors of it are there, unless all are', () => {
    const { bytes, frames } = segmentOf(SIZES);
    const { offset = 0, end = 0 } = frames[3] ?? {};
    const sectors = (end - offset) / ALIGNMENT_BYTES;
    for (let kept = 0; kept < 2 ** sectors; kept++) {
      for (const filler of [0, 0xab]) {
        const torn = bytes.slice();
        for (let i = 0; i < sectors; i++) {
          const at = offset + i * ALIGNMENT_BYTES;
          if ((kept & (1 << i)) === 0) torn.fill(filler, at, at + ALIGNMENT_BYTES);
        }
        const seqs = kept === 2 ** sectors - 1 ? [11, 12, 13, 14] : [11, 12, 13];
        expect(judge(torn)).toMatchObject({ kind: 'end', seqs });
      }
    }
  });

  it('takes each changed byte of a frame that a later one proves for damage, and touches nothing behind', () => {
    const { bytes, frames } = segmentOf(SIZES);
    for (const [i, { offset, end }] of frames.slice(0, -1).entries()) {
      const lengthBytes = FRAME_HEADER_BYTES + 40 + (SIZES[i] ?? 0);
      for (let at = offset; at < Math.min(end, offset + lengthBytes); at += 13) {
        const damaged = bytes.slice();
        damaged[at] = (damaged[at] ?? 0) ^ 0x40;
        expect(judge(damaged)).toMatchObject({ kind: 'corrupt', seq: FIRST_SEQ + i, offset });
      }
    }
  });

  it('finds the proof behind zeros and behind another damaged frame', () => {
    const { bytes, frames } = segmentOf(SIZES);
    const damaged = bytes.slice().fill(0, frames[0]?.offset, frames[2]?.offset);
    expect(judge(damaged)).toMatchObject({ kind: 'corrupt', seq: 11 });
    damaged.fill(0, frames[2]?.offset, frames[3]?.offset);
    expect(judge(damaged)).toMatchObject({ kind: 'corrupt', seq: 11 });
  });

  it('drops a frame that landed without the one before it, which was under way as well', () => {
    const { bytes, frames } = segmentOf([100, 100, 100], [10, 11, 11]);
    const torn = bytes.slice().fill(0, frames[1]?.offset, frames[2]?.offset);
    expect(judge(torn)).toMatchObject({ kind: 'end', seqs: [11] });
  });

  it('refuses a frame that claims more to be under way than can be, or itself to be durable', () => {
    const provens = [
      [10, 11, 13],
      [10, 11, 12 - MAX_UNSYNCED_FRAMES],
    ];
    for (const each of provens) expect(judge(segmentOf([9, 9, 9], each).bytes).seqs).toEqual([11, 12]);
  });

  it('refuses a frame that follows another one than that before it', () => {
    const { bytes, frames } = segmentOf([100, 100]);
    const other = segmentOf([100, 100, 100]).bytes;
    const { offset = 0, end = 0 } = frames[1] ?? {};
    const swapped = other.slice();
    swapped.set(segmentOf([101, 100]).bytes.subarray(offset, end), offset);
    expect(judge(swapped).seqs).toEqual([11]);
    expect(judge(bytes).seqs).toEqual([11, 12]);
  });

  it('does not take a copy of a frame inside a command for a frame', () => {
    const { bytes, frames } = segmentOf(SIZES);
    const forged = bytes.slice();
    const { offset = 0, end = 0 } = frames[3] ?? {};
    forged.set(bytes.subarray(offset, end), offset + 4 * ALIGNMENT_BYTES);
    forged.fill(0, offset, end);
    expect(judge(forged)).toMatchObject({ kind: 'end', seqs: [11, 12, 13] });
  });

  it('takes a missing frame for damage that the control file or the own header knows of', () => {
    const { bytes, frames } = segmentOf([100, 100]);
    const torn = bytes.slice().fill(0, frames[1]?.offset);
    expect(judge(torn)).toMatchObject({ kind: 'end' });
    expect(judge(torn, { proven: 12 })).toMatchObject({ kind: 'corrupt', seq: 12 });
    const header = { ...HEADER, copiedSeq: 12 };
    expect(judge(torn, { header })).toMatchObject({ kind: 'corrupt', seq: 12 });
  });
});

describe('a sealed segment', () => {
  it('has all that its successor says, and nothing behind counts', () => {
    const { bytes, frames } = segmentOf(SIZES);
    expect(judge(bytes, { sealedSeq: 13 }, frames[2])).toMatchObject({ kind: 'end', seqs: [11, 12, 13] });
    bytes.fill(0xff, frames[3]?.offset);
    expect(judge(bytes, { sealedSeq: 13 }, frames[2])).toMatchObject({ kind: 'end', seqs: [11, 12, 13] });
  });

  it('has no torn tail', () => {
    const { bytes, frames } = segmentOf(SIZES);
    const last = frames[3];
    bytes.fill(0, last?.offset);
    expect(judge(bytes, { sealedSeq: 14 }, last)).toMatchObject({ kind: 'corrupt', seq: 14 });
  });

  it('ends where its successor says, with the frame that this says', () => {
    const { bytes, frames } = segmentOf(SIZES);
    const { offset = 0, end = 0, chain = 0 } = frames[2] ?? {};
    expect(judge(bytes, { sealedSeq: 13 }, { offset, end, chain: chain + 1 })).toMatchObject({
      kind: 'corrupt',
    });
    expect(judge(bytes, { sealedSeq: 13 }, { offset, end: end + 512, chain })).toMatchObject({
      kind: 'corrupt',
    });
  });
});
