/**
 * What travels: frames of a type (1 byte), a length (4 bytes, big-endian) and so many bytes of payload. Both sides
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
  Buffer.from([`drakkar-tcp/1 ${who}`, from, to].join('\n').trimEnd());

/** Undefined: it is none. */
export function readHello({ type, payload }: Frame): Hello | undefined {
  const [line = '', from, to] = Buffer.from(payload).toString().split('\n');
  const who = (['messages', 'snapshot', 'host'] as const).find((each) => line === `drakkar-tcp/1 ${each}`);
  if (type !== FrameType.Hello || who === undefined) return undefined;
  return { who, from: from === '' ? undefined : from, to };
}

export const HEADER_BYTES = 5;

export function encodeHeader(type: FrameType, payloadBytes: number): Uint8Array {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header.writeUInt8(type, 0);
  header.writeUInt32BE(payloadBytes, 1);
  return header;
}
