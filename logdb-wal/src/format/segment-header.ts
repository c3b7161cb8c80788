import { crc32 } from 'node:zlib';
import { getUint64, putUint64, viewOf } from './integers.js';

/** The header has a block of its own, before the first frame. */
export const SEGMENT_HEADER_BYTES = 4096;
export const FORMAT_VERSION = 1;
const MAGIC = 0x4c41_575f_4b41_5244n;
const LOG_ID_BYTES = 16;
const ALIGNMENTS_BYTES: readonly number[] = [64, 512, 4096];

/** Where a segment ends, as its successor states it: it is durable up to there, and nothing behind counts. */
export interface SegmentEnd {
  /** 0: there is no segment before. */
  segment: number;
  seq: number;
  offset: number;
  chain: number;
}

export interface SegmentHeader {
  segment: number;
  logID: Uint8Array;
  /** Random; new for each file. */
  salt: bigint;
  /** Counts the openings of the log. */
  epoch: number;
  firstSeq: number;
  /** Every frame starts at a multiple of it. */
  alignmentBytes: number;
  previous: SegmentEnd;
  /** Frames up to this one were copied here by an opening, and synced before the segment got its name. */
  copiedSeq: number;
}

export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = viewOf(bytes);
  view.setBigUint64(4, MAGIC, true);
  view.setUint32(12, FORMAT_VERSION, true);
  view.setUint32(20, header.segment, true);
  bytes.set(header.logID, 24);
  view.setBigUint64(40, header.salt, true);
  putUint64(view, 48, header.epoch);
  putUint64(view, 56, header.firstSeq);
  view.setUint32(64, header.alignmentBytes, true);
  view.setUint32(68, header.previous.segment, true);
  putUint64(view, 72, header.previous.seq);
  putUint64(view, 80, header.previous.offset);
  view.setUint32(88, header.previous.chain, true);
  putUint64(view, 96, header.copiedSeq);
  view.setUint32(0, crc32(bytes.subarray(4)), true);
  return bytes;
}

/** The header, or why there is none. */
export function decodeSegmentHeader(bytes: Uint8Array): SegmentHeader | { problem: string } {
  if (bytes.length < SEGMENT_HEADER_BYTES) return { problem: 'its header is cut short' };
  const block = bytes.subarray(0, SEGMENT_HEADER_BYTES);
  const view = viewOf(block);
  if (view.getBigUint64(4, true) !== MAGIC) return { problem: 'it does not begin as a segment does' };
  if (view.getUint32(0, true) !== crc32(block.subarray(4)))
    return { problem: 'the checksum of its header does not match' };
  const version = view.getUint32(12, true);
  if (version !== FORMAT_VERSION) return { problem: `it has format version ${version}, which is not known` };
  const features = view.getUint32(16, true);
  if (features !== 0) return { problem: `it needs features ${features}, which are not known` };
  const alignmentBytes = view.getUint32(64, true);
  if (!ALIGNMENTS_BYTES.includes(alignmentBytes))
    return { problem: `frames in it are aligned to ${alignmentBytes} bytes, which is not known` };
  return {
    segment: view.getUint32(20, true),
    logID: block.slice(24, 24 + LOG_ID_BYTES),
    salt: view.getBigUint64(40, true),
    epoch: getUint64(view, 48),
    firstSeq: getUint64(view, 56),
    alignmentBytes,
    previous: {
      segment: view.getUint32(68, true),
      seq: getUint64(view, 72),
      offset: getUint64(view, 80),
      chain: view.getUint32(88, true),
    },
    copiedSeq: getUint64(view, 96),
  };
}

/** The chain that the first frame continues. */
export function chainOfHeader(bytes: Uint8Array): number {
  return viewOf(bytes).getUint32(0, true);
}
