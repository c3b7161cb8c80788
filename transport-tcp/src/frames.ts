import { crc32 } from 'node:zlib';

/*
 * What travels, in both directions: frames as Dragonboat's own transport on TCP has them. Numbers are big-endian.
 *
 *   0  magic, AE 7D
 *   2  method, 16 bits
 *   4  size of the payload, 32 bits
 *   8  CRC-32 (IEEE) of bytes 2 to 15, taken while this field is zero
 *  12  CRC-32 (IEEE) of the payload
 *  16  the payload
 */
export const HEADER_BYTES = 16;
const MAGIC = 0xae7d;
const FIRST_BYTE = 0xae;
const METHOD_AT = 2;
const SIZE_AT = 4;
const HEADER_SUM_AT = 8;
const PAYLOAD_SUM_AT = 12;

/**
 * What a frame is. Dragonboat knows the first two; the others are ours, and a Go host ends the connection at them. None
 * is from 256 to 511: such a frame would look like the hello of SSL 2 to a server with TLS, which would wait for more.
 */
export const Method = Object.freeze({
  /** An encoded MessageBatch. */
  Batch: 100,
  /** An encoded SnapshotChunk. */
  Chunk: 200,
  /** The first frame of either side: see hello.ts. */
  Hello: 600,
  /** A sign of life, without payload. */
  Ping: 601,
  /** Why the side that says it ends the connection, in words. Its last frame. */
  Farewell: 602,
  /** No more chunks; without payload. */
  SnapshotEnd: 610,
  /** The oldest chunk not yet answered was taken; without payload. */
  Taken: 611,
  /** A chunk was refused: the stream is over; without payload. */
  Refused: 612,
  /** Every chunk was taken: the stream is complete; without payload. */
  Done: 613,
} as const);
export type Method = (typeof Method)[keyof typeof Method];

export interface Header {
  /** As it came: it need not be one that is known. */
  method: number;
  sizeBytes: number;
  payloadSum: number;
}

/** Up to this size, copying a payload behind its header costs less than a write of its own. */
const SMALL_BYTES = 4096;

/** What is to be written for a frame: one piece or two. The second is `payload` itself, which must not change. */
export function encodeFrame(method: Method, payload: Uint8Array): [Uint8Array] | [Uint8Array, Uint8Array] {
  const isSmall = payload.length <= SMALL_BYTES;
  const bytes = Buffer.allocUnsafe(isSmall ? HEADER_BYTES + payload.length : HEADER_BYTES);
  bytes.writeUInt16BE(MAGIC, 0);
  bytes.writeUInt16BE(method, METHOD_AT);
  bytes.writeUInt32BE(payload.length, SIZE_AT);
  bytes.writeUInt32BE(0, HEADER_SUM_AT);
  bytes.writeUInt32BE(crc32(payload), PAYLOAD_SUM_AT);
  bytes.writeUInt32BE(crc32(bytes.subarray(METHOD_AT, HEADER_BYTES)), HEADER_SUM_AT);
  if (!isSmall) return [bytes, payload];
  bytes.set(payload, HEADER_BYTES);
  return [bytes];
}

/** Whether a frame may begin with this byte. */
export function mayBegin(byte: number): boolean {
  return byte === FIRST_BYTE;
}

const scratch = Buffer.alloc(HEADER_BYTES);

/** Undefined: this is no header. `damaged`: it is one by its magic, and its checksum does not match. */
export function decodeHeader(bytes: Uint8Array): Header | 'damaged' | undefined {
  scratch.set(bytes);
  if (scratch.readUInt16BE(0) !== MAGIC) return undefined;
  const sum = scratch.readUInt32BE(HEADER_SUM_AT);
  scratch.writeUInt32BE(0, HEADER_SUM_AT);
  if (crc32(scratch.subarray(METHOD_AT)) !== sum) return 'damaged';
  return {
    method: scratch.readUInt16BE(METHOD_AT),
    sizeBytes: scratch.readUInt32BE(SIZE_AT),
    payloadSum: scratch.readUInt32BE(PAYLOAD_SUM_AT),
  };
}

export function isPayloadOf({ payloadSum }: Header, payload: Uint8Array): boolean {
  return crc32(payload) === payloadSum;
}
