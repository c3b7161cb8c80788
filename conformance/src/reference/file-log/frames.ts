import { crc32 } from 'node:zlib';
import { deserialize, serialize } from 'node:v8';
import type { Bootstrap, NodeInfo, Snapshot, State } from '@drakkar/raftio';
import type { Faults } from './faults.js';

/** An entry as it lies in a frame. */
export type StoredEntry = readonly [
  term: number,
  index: number,
  type: number,
  key: number | bigint,
  clientID: number | bigint,
  seriesID: number | bigint,
  respondedTo: number | bigint,
  cmd: Uint8Array,
];

export interface StoredUpdate extends NodeInfo {
  state: State | undefined;
  entries: readonly StoredEntry[];
  snapshot: Snapshot | undefined;
}

/** One call; a frame holds one, so that it is there as a whole or not at all. */
export type Op =
  | { op: 'save' | 'snapshots'; updates: readonly StoredUpdate[] }
  | { op: 'bootstrap'; of: NodeInfo; bootstrap: Bootstrap | undefined }
  | { op: 'removeTo' | 'deleteSnapshot' | 'truncate'; of: NodeInfo; index: number }
  | { op: 'drop'; of: NodeInfo }
  | { op: 'import'; of: NodeInfo; snapshot: Snapshot }
  /** What is still in use of the oldest segment, before that is removed. */
  | { op: 'carry'; of: NodeInfo; kept: Kept; entries: readonly StoredEntry[] };

/** Everything of a replica but its entries. */
export interface Kept {
  bootstrap: Bootstrap | undefined;
  state: State | undefined;
  removedTo: number;
  snapshots: Snapshot[];
}

/** Length and CRC-32 of the payload, and CRC-32 of these two, so that a damaged length is no end of the log. */
export const HEADER_BYTES = 12;

export function encodeFrame(op: Op, faults: Faults): Buffer {
  const payload = serialize(op);
  if (faults.has('framesOf16MiB') && payload.length >= 1 << 24) throw new Error('the call is too large');
  const frame = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  frame.writeUInt32LE(payload.length, 0);
  frame.writeUInt32LE(crc32(payload), 4);
  frame.writeUInt32LE(crc32(frame.subarray(0, 8)), 8);
  payload.copy(frame, HEADER_BYTES);
  return frame;
}

export interface Header {
  lengthBytes: number;
  checksum: number;
}

/** Undefined when it is damaged. */
export function readHeader(bytes: Buffer, at: number, faults: Faults): Header | undefined {
  if (at + HEADER_BYTES > bytes.length) return undefined;
  const lengthBytes = bytes.readUInt32LE(at);
  const isSound = bytes.readUInt32LE(at + 8) === crc32(bytes.subarray(at, at + 8));
  if (!isSound && !faults.has('noChecksum')) return undefined;
  return { lengthBytes, checksum: bytes.readUInt32LE(at + 4) };
}

/** Undefined when the payload is damaged. */
export function decodePayload(payload: Buffer, checksum: number, looksAtSum: boolean): Op | undefined {
  if (looksAtSum && crc32(payload) !== checksum) return undefined;
  try {
    return deserialize(payload) as Op;
  } catch {
    return undefined;
  }
}
