import { crc32 } from 'node:zlib';

/**
 * What travels: frames of a type (1 byte), a length and a checksum (4 bytes each, big-endian), and the payload. Both sides
 * begin with a Hello; then the client sends Data, and on a snapshot's connection the server answers each.
 */
export const FrameType = Object.freeze({
  /** Name and version of the protocol, and what the connection is for: see `helloOf`. */
  Hello: 1,
  /** A sign of life, without payload. */
  Ping: 2,
  /** An encoded MessageBatch or SnapshotChunk. */
  Data: 3,
  /** No more chunks. */
  End: 4,
  /** The oldest chunk not yet answered was taken. */
  Taken: 5,
  /** A chunk was refused: the stream is over. */
  Refused: 6,
  /** Every chunk was taken: the stream is complete. */
  Done: 7,
} as const);
export type FrameType = (typeof FrameType)[keyof typeof FrameType];

export interface Frame {
  type: FrameType;
  payload: Uint8Array;
}

export type Channel = 'messages' | 'snapshot';
export const MAX_HELLO_BYTES = 640;

export interface Hello {
  who: Channel | 'host';
  /** Raft address of the side that says it. */
  from?: string | undefined;
  /** Raft address of the host that a client means; absent when any will do. */
  to?: string | undefined;
}

/** What a client says that opens a channel, and what a host answers: a line each for the protocol, `from` and `to`. */
export const helloOf = (who: Hello['who'], from = '', to = ''): Buffer =>
  Buffer.from([`drakkar-tcp/2 ${who}`, from, to].join('\n').trimEnd());

/** Undefined: it is none. */
export function readHello({ type, payload }: Frame): Hello | undefined {
  const [line = '', from, to] = Buffer.from(payload).toString().split('\n');
  const who = (['messages', 'snapshot', 'host'] as const).find((each) => line === `drakkar-tcp/2 ${each}`);
  if (type !== FrameType.Hello || who === undefined) return undefined;
  return { who, from: from === '' ? undefined : from, to };
}

export const HEADER_BYTES = 9;
const CHECKSUM_OFFSET = 5;

/**
 * A length that was damaged on the way would have a host wait for what never comes. So a header ends with the CRC-32 of
 * what is before it, and of the payload of a Hello; Data has a checksum of its own, and nothing else has a payload.
 */
function checksumOf(type: FrameType, header: Uint8Array, payload: Uint8Array): number {
  const sum = crc32(header.subarray(0, CHECKSUM_OFFSET));
  return type === FrameType.Hello ? crc32(payload, sum) : sum;
}

export function encodeHeader(type: FrameType, payload: Uint8Array): Uint8Array {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header.writeUInt8(type, 0);
  header.writeUInt32BE(payload.length, 1);
  header.writeUInt32BE(checksumOf(type, header, payload), CHECKSUM_OFFSET);
  return header;
}

/** Whether the header is as it was sent, and with it the payload of a Hello. */
export function isWhole(header: Buffer, payload: Uint8Array): boolean {
  return header.readUInt32BE(CHECKSUM_OFFSET) === checksumOf(header[0] as FrameType, header, payload);
}
