import { crc32 } from 'node:zlib';
import { getUint64, putUint64, viewOf } from './integers.js';

/** A header lies within one sector, as frames are aligned to more than its size. */
export const FRAME_HEADER_BYTES = 64;
/** What one file-system call can write has a limit below 2^31. */
export const MAX_PAYLOAD_BYTES = 1 << 30;
/** A frame and a mark behind it may be under way together, not more. */
export const MAX_UNSYNCED_FRAMES = 2;

/** A mark has no ops: it says that what is before it is durable. */
export const FrameType = Object.freeze({ ops: 1, mark: 2 } as const);
export type FrameType = (typeof FrameType)[keyof typeof FrameType];
const FRAME_VERSION = 1;

export interface Frame {
  type: FrameType;
  segment: number;
  salt: bigint;
  /** Its own place in the file. */
  offset: number;
  seq: number;
  /** The greatest seq whose sync had returned when this frame was encoded. */
  proven: number;
  payloadBytes: number;
  opCount: number;
  /** Header checksum of the frame before, or of the segment's header. */
  chain: number;
}

/** What tells the frames of a segment from all others. */
export interface SegmentID {
  segment: number;
  salt: bigint;
}

/** Completes the frame whose payload lies in `bytes` behind room for the header; returns the chain for the next. */
export function sealFrame(bytes: Uint8Array, frame: Frame): number {
  const view = viewOf(bytes);
  bytes.fill(0, 0, FRAME_HEADER_BYTES);
  view.setUint8(4, frame.type);
  view.setUint8(5, FRAME_VERSION);
  view.setUint32(8, frame.segment, true);
  view.setUint32(12, frame.opCount, true);
  view.setBigUint64(16, frame.salt, true);
  putUint64(view, 24, frame.offset);
  putUint64(view, 32, frame.seq);
  putUint64(view, 40, frame.proven);
  view.setUint32(48, frame.payloadBytes, true);
  const payload = bytes.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + frame.payloadBytes);
  view.setUint32(52, crc32(payload), true);
  view.setUint32(56, frame.chain, true);
  const checksum = crc32(bytes.subarray(4, FRAME_HEADER_BYTES));
  view.setUint32(0, checksum, true);
  return checksum;
}

export interface IntactFrame extends Frame {
  /** What the next frame states as its chain. */
  ownChain: number;
}

/**
 * The frame of that segment that lies at `offset`, header and payload as they were written; undefined if there is none.
 * Nothing that the header says is used before the checksum of the header was found right.
 */
export function readFrame(bytes: Uint8Array, offset: number, id: SegmentID): IntactFrame | undefined {
  const frame = readFrameHeader(bytes, offset, id);
  if (frame === undefined) return undefined;
  const payload = bytes.subarray(
    offset + FRAME_HEADER_BYTES,
    offset + FRAME_HEADER_BYTES + frame.payloadBytes,
  );
  const isWhole = payload.length === frame.payloadBytes;
  return isWhole && crc32(payload) === viewOf(bytes).getUint32(offset + 52, true) ? frame : undefined;
}

/** As `readFrame`, whatever the payload is. */
export function readFrameHeader(bytes: Uint8Array, offset: number, id: SegmentID): IntactFrame | undefined {
  if (offset + FRAME_HEADER_BYTES > bytes.length) return undefined;
  const header = bytes.subarray(offset, offset + FRAME_HEADER_BYTES);
  const view = viewOf(header);
  const ownChain = view.getUint32(0, true);
  const type = view.getUint8(4);
  if (type !== FrameType.ops && type !== FrameType.mark) return undefined;
  if (view.getUint8(5) !== FRAME_VERSION || ownChain !== crc32(header.subarray(4))) return undefined;
  const frame: IntactFrame = {
    type,
    segment: view.getUint32(8, true),
    opCount: view.getUint32(12, true),
    salt: view.getBigUint64(16, true),
    offset: getUint64(view, 24),
    seq: getUint64(view, 32),
    proven: getUint64(view, 40),
    payloadBytes: view.getUint32(48, true),
    chain: view.getUint32(56, true),
    ownChain,
  };
  const isHere = frame.segment === id.segment && frame.salt === id.salt && frame.offset === offset;
  const isPossible = frame.proven < frame.seq && frame.proven >= frame.seq - MAX_UNSYNCED_FRAMES;
  return isHere && isPossible && frame.payloadBytes <= MAX_PAYLOAD_BYTES ? frame : undefined;
}
