import { FRAME_HEADER_BYTES, type IntactFrame, type SegmentID, readFrame } from './frame.js';
import { type PlacedOp, opSeedOf, readOps } from './ops.js';
import {
  SEGMENT_HEADER_BYTES,
  type SegmentEnd,
  type SegmentHeader,
  chainOfHeader,
} from './segment-header.js';

export interface AcceptedFrame extends IntactFrame {
  ops: PlacedOp[];
  /** Where the next frame begins. */
  end: number;
}

/** Where a log ends, or what is damaged there. */
export interface Verdict {
  kind: 'end' | 'corrupt';
  offset: number;
  /** Of the frame that was expected at `offset`. */
  seq: number;
  /** Why it is known that this frame was durable. */
  proof?: string;
}

export interface Classified extends Verdict {
  /** Header checksum of the last frame, or of the segment. */
  chain: number;
  /** The greatest frame that is known to be durable, of those that count. */
  proven: number;
}

export interface Expectation {
  header: SegmentHeader;
  /** As the header of the successor states it; undefined for the last segment. */
  sealedEnd: SegmentEnd | undefined;
  /** A frame that is known to be durable from elsewhere: the control file. */
  proven: number;
}

/**
 * Which frames of a segment count; `onFrame` is called with each in order. `bytes` is the whole file.
 *
 * The frame that is expected somewhere may be damaged, or may never have been written whole, for want of a sync. It was
 * durable if anything proves that its sync had returned: then it is damaged, which nobody may pass over. Without a proof
 * it was never acknowledged, and neither was what lies behind it: the log ends there. See docs/internals/wal.md.
 */
export function classify(
  bytes: Uint8Array,
  expectation: Expectation,
  onFrame: (frame: AcceptedFrame) => void,
): Classified {
  const { header, sealedEnd } = expectation;
  let offset = SEGMENT_HEADER_BYTES;
  let seq = header.firstSeq;
  let chain = chainOfHeader(bytes);
  let proven = Math.max(seq - 1, header.copiedSeq, expectation.proven);
  while (sealedEnd === undefined || seq <= sealedEnd.seq) {
    const frame = acceptFrame(bytes, header, { offset, seq, chain });
    if (frame === undefined) break;
    onFrame(frame);
    offset = frame.end;
    chain = frame.ownChain;
    proven = Math.max(proven, frame.proven);
    seq += 1;
  }
  const verdict =
    sealedEnd === undefined
      ? judgeTail(bytes, expectation, { offset, seq })
      : judgeSealed(sealedEnd, { offset, seq, chain });
  return { ...verdict, chain, proven };
}

interface Expected {
  offset: number;
  seq: number;
  chain: number;
}

function acceptFrame(
  bytes: Uint8Array,
  header: SegmentHeader,
  { offset, seq, chain }: Expected,
): AcceptedFrame | undefined {
  const frame = readFrame(bytes, offset, header);
  if (frame?.seq !== seq || frame.chain !== chain) return undefined;
  const payloadOffset = offset + FRAME_HEADER_BYTES;
  const payload = bytes.subarray(payloadOffset, payloadOffset + frame.payloadBytes);
  const ops = readOps(payload, frame.opCount, { seed: opSeedOf(header), payloadOffset });
  if (ops === undefined) return undefined;
  return { ...frame, ops, end: frameEnd(frame, header.alignmentBytes) };
}

export function frameEnd(
  { offset, payloadBytes }: { offset: number; payloadBytes: number },
  alignmentBytes: number,
): number {
  return Math.ceil((offset + FRAME_HEADER_BYTES + payloadBytes) / alignmentBytes) * alignmentBytes;
}

/** A sealed segment has all that its successor says, and nothing torn. */
function judgeSealed(sealed: SegmentEnd, { offset, seq, chain }: Expected): Verdict {
  const isWhole = seq === sealed.seq + 1 && offset === sealed.offset && chain === sealed.chain;
  if (isWhole) return { kind: 'end', offset, seq };
  return {
    kind: 'corrupt',
    offset,
    seq,
    proof: `the next segment says that this one goes on to frame ${sealed.seq}`,
  };
}

function judgeTail(
  bytes: Uint8Array,
  { header, proven }: Expectation,
  { offset, seq }: { offset: number; seq: number },
): Verdict {
  if (proven >= seq)
    return { kind: 'corrupt', offset, seq, proof: `the control file knows of frame ${proven}` };
  if (header.copiedSeq >= seq)
    return { kind: 'corrupt', offset, seq, proof: `the segment began with frames up to ${header.copiedSeq}` };
  const witness = findWitness(bytes, { id: header, alignmentBytes: header.alignmentBytes, offset, seq });
  if (witness === undefined) return { kind: 'end', offset, seq };
  const proof = `frame ${witness.seq} at byte ${witness.offset} was written when frame ${witness.proven} was durable`;
  return { kind: 'corrupt', offset, seq, proof };
}

/**
 * A frame behind that was written when the sync of `seq` had returned. Every place up to the end of the file is looked
 * at: what is torn need not be zero, and behind zeros there may be more.
 */
function findWitness(
  bytes: Uint8Array,
  from: { id: SegmentID; alignmentBytes: number; offset: number; seq: number },
): IntactFrame | undefined {
  for (let at = from.offset; at + FRAME_HEADER_BYTES <= bytes.length; at += from.alignmentBytes) {
    const frame = readFrame(bytes, at, from.id);
    if (frame !== undefined && frame.proven >= from.seq) return frame;
  }
  return undefined;
}
