import { ErrMalformed } from '@drakkar/raftio';

/**
 * What travels in the one stream of a channel, either way: frames of a type (one byte), a length (four bytes, big
 * endian) and as many bytes of payload. A message of up to MAX_MESSAGE_BYTES is cut into frames, so that no frame is
 * long and short ones get in between.
 */
export const FrameType = Object.freeze({
  /** First of either side; see hello.ts. */
  Hello: 1,
  /** Proves who sends it; see security/proof.ts. */
  Proof: 2,
  /** The listening side lets the other one in. Empty. */
  Ready: 3,
  /** The listening side does not: a reason, as JSON. The last frame. */
  Refuse: 4,
  /** Begins a message: its whole length (four bytes), and its first bytes. */
  Begin: 5,
  /** More bytes of the message that was begun. */
  More: 6,
  /** The sender of a snapshot has sent all of it. Empty. */
  End: 7,
  /** So many more bytes (four bytes) of Begin and More frames may be sent, headers included. */
  Credit: 8,
  /** A sign of life. Empty. */
  Ping: 9,
  /** The receiver of a snapshot has taken all of it. Empty, the last frame. */
  Done: 10,
  /** The receiver of a snapshot wants no more of it. Empty, the last frame. */
  Rejected: 11,
} as const);
export type FrameType = (typeof FrameType)[keyof typeof FrameType];

export const FRAME_HEADER_BYTES = 5;
/** Bytes of a message in one frame, at most. */
export const FRAGMENT_BYTES = 64 * 1024;
/** Where the length of the message stands in a Begin frame. */
export const MESSAGE_LENGTH_BYTES = 4;
export const MAX_FRAME_PAYLOAD_BYTES = FRAGMENT_BYTES + MESSAGE_LENGTH_BYTES;

const HIGHEST_TYPE = FrameType.Rejected;

function isFrameType(byte: number): byte is FrameType {
  return byte >= FrameType.Hello && byte <= HIGHEST_TYPE;
}

/** One frame of few bytes. */
export function makeFrame(type: FrameType, payload: Uint8Array = new Uint8Array(0)): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  writeHeader(frame, 0, type, payload.length);
  frame.set(payload, FRAME_HEADER_BYTES);
  return frame;
}

export function writeHeader(into: Uint8Array, at: number, type: FrameType, payloadBytes: number): void {
  into[at] = type;
  writeUint32(into, at + 1, payloadBytes);
}

export function writeUint32(into: Uint8Array, at: number, value: number): void {
  into[at] = value >>> 24;
  into[at + 1] = value >>> 16;
  into[at + 2] = value >>> 8;
  into[at + 3] = value;
}

export function readUint32(bytes: Uint8Array, at = 0): number {
  const [a = 0, b = 0, c = 0, d = 0] = bytes.subarray(at, at + 4);
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

/** Called with each frame; the payload is valid during the call only. */
export type OnFrame = (type: FrameType, payload: Uint8Array) => void;

/** Puts frames together from whatever pieces the bytes arrive in. Holds at most one frame. */
export class FrameReader {
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES);
  #headerBytes = 0;
  #partial: Uint8Array | undefined;
  #partialBytes = 0;

  /**
   * Throws ErrMalformed for a frame of an unknown type or above MAX_FRAME_PAYLOAD_BYTES, before its payload is read.
   * `isOpen` is asked between frames: nothing is given to `onFrame` once it says no.
   */
  read(bytes: Uint8Array, onFrame: OnFrame, isOpen: () => boolean): void {
    let at = 0;
    while (isOpen()) {
      if (this.#headerBytes < FRAME_HEADER_BYTES) {
        const taken = bytes.subarray(at, at + FRAME_HEADER_BYTES - this.#headerBytes);
        this.#header.set(taken, this.#headerBytes);
        this.#headerBytes += taken.length;
        at += taken.length;
        if (this.#headerBytes < FRAME_HEADER_BYTES) return;
      }
      const payload = this.#payload(bytes, at);
      if (payload === undefined) return;
      at += payload.taken;
      const type = this.#header[0] as FrameType;
      this.#headerBytes = 0;
      this.#partial = undefined;
      this.#partialBytes = 0;
      onFrame(type, payload.bytes);
    }
  }

  /** The payload of the frame whose header was read, and how much of it came from `bytes`; undefined: not all there. */
  #payload(bytes: Uint8Array, at: number): { bytes: Uint8Array; taken: number } | undefined {
    const length = this.#checkHeader();
    if (this.#partial === undefined && bytes.length - at >= length) {
      return { bytes: bytes.subarray(at, at + length), taken: length };
    }
    this.#partial ??= new Uint8Array(length);
    const taken = bytes.subarray(at, at + length - this.#partialBytes);
    this.#partial.set(taken, this.#partialBytes);
    this.#partialBytes += taken.length;
    return this.#partialBytes < length ? undefined : { bytes: this.#partial, taken: taken.length };
  }

  #checkHeader(): number {
    const type = this.#header[0] ?? 0;
    if (!isFrameType(type)) throw new ErrMalformed(`a frame of type ${type}, which does not exist`);
    const length = readUint32(this.#header, 1);
    if (length > MAX_FRAME_PAYLOAD_BYTES) {
      throw new ErrMalformed(`a frame of ${length} bytes, of at most ${MAX_FRAME_PAYLOAD_BYTES}`);
    }
    return length;
  }
}
