import {
  FRAGMENT_BYTES,
  FRAME_HEADER_BYTES,
  FrameType,
  MESSAGE_LENGTH_BYTES,
  makeFrame,
  writeHeader,
  writeUint32,
} from './frames.js';

/** A message of few bytes goes out whole or waits; of a longer one, no piece is smaller than this but the last. */
const MIN_FRAGMENT_BYTES = 1024;
const OVERHEAD_BYTES = FRAME_HEADER_BYTES + MESSAGE_LENGTH_BYTES;

/**
 * Messages on their way out, cut into frames as far as the credit goes that the receiver has given. That bounds what
 * is in flight, in the receiver, and in every buffer between, whatever the network below does or does not hold back.
 */
export class Outbox {
  readonly #windowBytes: number;
  readonly #write: (frame: Uint8Array) => void;
  readonly #queue: (Uint8Array | typeof FrameType.End)[] = [];
  #creditBytes: number;
  #queuedBytes = 0;
  /** Bytes of the first message in the queue that have gone. */
  #sentOfFirst = 0;

  constructor(windowBytes: number, write: (frame: Uint8Array) => void) {
    this.#windowBytes = windowBytes;
    this.#creditBytes = windowBytes;
    this.#write = write;
  }

  /** Bytes given that the receiver has not taken: waiting here, on their way, or held there. */
  get outstandingBytes(): number {
    return this.#queuedBytes + this.#windowBytes - this.#creditBytes;
  }

  /** Whether something that was given has not gone out. */
  get hasUnsent(): boolean {
    return this.#queue.length > 0;
  }

  /** The bytes must not change any more. */
  push(message: Uint8Array): void {
    this.#queue.push(message);
    this.#queuedBytes += message.length;
    this.#pump();
  }

  /** An End frame behind everything that was pushed. */
  pushEnd(): void {
    this.#queue.push(FrameType.End);
    this.#pump();
  }

  /** The receiver has taken so many bytes. Returns false when it can't have: they were not sent. */
  credit(sizeBytes: number): boolean {
    if (sizeBytes > this.#windowBytes - this.#creditBytes) return false;
    this.#creditBytes += sizeBytes;
    this.#pump();
    return true;
  }

  #pump(): void {
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      if (first === FrameType.End) {
        this.#write(makeFrame(FrameType.End));
      } else if (!this.#pumpMessage(first)) {
        return;
      }
      this.#queue.shift();
      this.#sentOfFirst = 0;
    }
  }

  /** Returns whether all of the message has gone. */
  #pumpMessage(message: Uint8Array): boolean {
    do {
      const left = message.length - this.#sentOfFirst;
      const room = Math.min(FRAGMENT_BYTES, this.#creditBytes - OVERHEAD_BYTES);
      if (room < Math.min(left, MIN_FRAGMENT_BYTES)) return false;
      this.#sendFragment(message, Math.min(left, room));
    } while (this.#sentOfFirst < message.length);
    return true;
  }

  #sendFragment(message: Uint8Array, sizeBytes: number): void {
    const isFirst = this.#sentOfFirst === 0;
    const prefix = isFirst ? MESSAGE_LENGTH_BYTES : 0;
    const frame = new Uint8Array(FRAME_HEADER_BYTES + prefix + sizeBytes);
    writeHeader(frame, 0, isFirst ? FrameType.Begin : FrameType.More, prefix + sizeBytes);
    if (isFirst) writeUint32(frame, FRAME_HEADER_BYTES, message.length);
    frame.set(
      message.subarray(this.#sentOfFirst, this.#sentOfFirst + sizeBytes),
      FRAME_HEADER_BYTES + prefix,
    );
    this.#sentOfFirst += sizeBytes;
    this.#queuedBytes -= sizeBytes;
    this.#creditBytes -= frame.length;
    this.#write(frame);
  }
}
