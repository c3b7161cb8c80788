import { crc32 } from 'node:zlib';
import type { NodeInfo } from '@drakkar/raftio';

/** What a record says. The numbers are on disk: never give one a new meaning. */
export enum Kind {
  Bootstrap = 1,
  State = 2,
  /** Ends the log at its index first. */
  Entry = 3,
  /** An entry that was copied out of the oldest segment: it only says where the entry lies now. */
  Moved = 4,
  Snapshot = 5,
  SnapshotDeleted = 6,
  /** Ends the whole log. */
  LogRestarted = 7,
  RemovedTo = 8,
  /** Nothing of the replica is left. */
  Dropped = 9,
}

export interface LogRecord extends NodeInfo {
  kind: Kind;
  /** Of the entry, the snapshot or the removal. */
  index: number;
  body: Uint8Array;
}

/** Where something begins. */
export interface Position {
  segment: number;
  offset: number;
}

const NO_BODY = new Uint8Array(0);
const MAGIC = Buffer.from('DSeg');
/** Magic, length of the payload, its CRC-32, CRC-32 of these and of the position. */
const FRAME_HEADER_BYTES = 16;
/** Kind, clusterID, nodeID, index, length of the body. */
export const RECORD_HEADER_BYTES = 29;

export function record(of: NodeInfo, kind: Kind, index = 0, body: Uint8Array = NO_BODY): LogRecord {
  return { clusterID: of.clusterID, nodeID: of.nodeID, kind, index, body };
}

/** One frame for each call, so that after a crash all of the call is there or nothing. */
export function encodeFrame(records: readonly LogRecord[], position: Position): Buffer {
  const sizeBytes = records.reduce((sum, { body }) => sum + RECORD_HEADER_BYTES + body.length, 0);
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + sizeBytes);
  let at = FRAME_HEADER_BYTES;
  for (const { kind, clusterID, nodeID, index, body } of records) {
    at = frame.writeUInt8(kind, at);
    for (const number of [clusterID, nodeID, index]) at = frame.writeDoubleLE(number, at);
    at = frame.writeUInt32LE(body.length, at);
    frame.set(body, at);
    at += body.length;
  }
  MAGIC.copy(frame);
  frame.writeUInt32LE(sizeBytes, 4);
  frame.writeUInt32LE(crc32(frame.subarray(FRAME_HEADER_BYTES)), 8);
  frame.writeUInt32LE(headerChecksum(frame, position), 12);
  return frame;
}

/** With the position in it, bytes of a command that look like a frame are none. */
function headerChecksum(header: Buffer, { segment, offset }: Position): number {
  return crc32(`${segment}/${offset}`, crc32(header.subarray(0, 12)));
}

/** Offset behind the frame that begins at the position, or undefined when there is no sound one. */
export function endOfFrame(file: Buffer, position: Position): number | undefined {
  const header = file.subarray(position.offset, position.offset + FRAME_HEADER_BYTES);
  if (header.length < FRAME_HEADER_BYTES || MAGIC.compare(header, 0, 4) !== 0) return undefined;
  if (header.readUInt32LE(12) !== headerChecksum(header, position)) return undefined;
  const start = position.offset + FRAME_HEADER_BYTES;
  const end = start + header.readUInt32LE(4);
  if (end > file.length || crc32(file.subarray(start, end)) !== header.readUInt32LE(8)) return undefined;
  return end;
}

/** Whether a sound frame begins anywhere after the position. */
export function hasFrameAfter(file: Buffer, { segment, offset }: Position): boolean {
  for (let at = file.indexOf(MAGIC, offset + 1); at >= 0; at = file.indexOf(MAGIC, at + 1)) {
    if (endOfFrame(file, { segment, offset: at }) !== undefined) return true;
  }
  return false;
}

/** The records of the frame at `offset`, each with the offset of its body. Bodies are views of `file`. */
export function* recordsOf(file: Buffer, offset: number, end: number): Generator<[LogRecord, number]> {
  for (let at = offset + FRAME_HEADER_BYTES; at < end;) {
    const bodyAt = at + RECORD_HEADER_BYTES;
    const body = file.subarray(bodyAt, bodyAt + file.readUInt32LE(at + 25));
    const kind = file.readUInt8(at) as Kind;
    const of = { clusterID: file.readDoubleLE(at + 1), nodeID: file.readDoubleLE(at + 9) };
    yield [record(of, kind, file.readDoubleLE(at + 17), body), bodyAt];
    at = bodyAt + body.length;
  }
}
