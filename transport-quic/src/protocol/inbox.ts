import { ErrMalformed, MAX_MESSAGE_BYTES } from '@drakkar/raftio';
import type { BatchWatch } from '@drakkar/raftio/transport';
import { FRAME_HEADER_BYTES, FrameType, MESSAGE_LENGTH_BYTES, readUint32, writeUint32 } from './frames.js';

export interface InboxOptions {
  /** Bytes that the sender may send before it is given credit. */
  windowBytes: number;
  /** Credit is given when so many bytes were taken. */
  creditStepBytes: number;
  sendCredit: (payload: Uint8Array) => void;
  /** Reads along while a message arrives. */
  watch?: () => BatchWatch | undefined;
  /** A whole message. The bytes are the handler's to keep; `heldBytes` are to be released when it is done with them. */
  onMessage: (bytes: Uint8Array, heldBytes: number) => void;
}

/** Messages on their way in: put together from frames, and held against the sender's credit. */
export class Inbox {
  readonly #options: InboxOptions;
  /** What the sender may still send. */
  #allowanceBytes: number;
  /** Taken, and not yet given back as credit. */
  #takenBytes = 0;
  /** Of the message that is being put together: bytes that count against the allowance. */
  #heldBytes = 0;
  #message: Uint8Array | undefined;
  #messageBytes = 0;
  #holding = false;

  constructor(options: InboxOptions) {
    this.#options = options;
    this.#allowanceBytes = options.windowBytes;
  }

  /**
   * While held, nothing is given back by itself: a message's bytes when they are released, those of the one that is
   * being put together when the hold ends. Otherwise bytes are given back as they arrive, so that a message may be
   * longer than the window.
   */
  hold(holding: boolean): void {
    this.#holding = holding;
    if (!holding) this.#releaseHeld();
  }

  /** Gives back bytes of a message. */
  release(sizeBytes: number): void {
    this.#takenBytes += sizeBytes;
    if (this.#takenBytes < this.#options.creditStepBytes) return;
    const payload = new Uint8Array(4);
    writeUint32(payload, 0, this.#takenBytes);
    this.#allowanceBytes += this.#takenBytes;
    this.#takenBytes = 0;
    this.#options.sendCredit(payload);
  }

  /** A Begin or More frame. Throws ErrMalformed. */
  receive(type: typeof FrameType.Begin | typeof FrameType.More, payload: Uint8Array): void {
    const costBytes = FRAME_HEADER_BYTES + payload.length;
    this.#allowanceBytes -= costBytes;
    if (this.#allowanceBytes < 0) throw new ErrMalformed('more bytes than it was given credit for');
    if (type === FrameType.Begin) this.#begin(payload);
    else this.#add(payload);
    this.#heldBytes += costBytes;
    if (!this.#holding) this.#releaseHeld();
    if (this.#message !== undefined && this.#messageBytes === this.#message.length)
      this.#complete(this.#message);
  }

  /** Whether a message has begun and not ended. */
  get isMidway(): boolean {
    return this.#message !== undefined;
  }

  #begin(payload: Uint8Array): void {
    if (this.#message !== undefined) throw new ErrMalformed('a message in the middle of another');
    if (payload.length < MESSAGE_LENGTH_BYTES) throw new ErrMalformed('a message without its length');
    const length = readUint32(payload);
    if (length > MAX_MESSAGE_BYTES) {
      throw new ErrMalformed(`a message of ${length} bytes, of at most ${MAX_MESSAGE_BYTES}`);
    }
    const bytes = payload.subarray(MESSAGE_LENGTH_BYTES);
    if (bytes.length > length) throw new ErrMalformed('a message longer than it says');
    // Of what is long and has not arrived, the operating system holds no memory yet.
    this.#message = new Uint8Array(length);
    this.#messageBytes = 0;
    this.#options.watch?.()?.begin(length);
    this.#put(this.#message, bytes);
  }

  #add(bytes: Uint8Array): void {
    if (this.#message === undefined) throw new ErrMalformed('more of a message that has not begun');
    if (bytes.length === 0) throw new ErrMalformed('a frame with nothing in it');
    if (bytes.length > this.#message.length - this.#messageBytes) {
      throw new ErrMalformed('a message longer than it says');
    }
    this.#put(this.#message, bytes);
  }

  #put(message: Uint8Array, bytes: Uint8Array): void {
    message.set(bytes, this.#messageBytes);
    this.#messageBytes += bytes.length;
    if (this.#messageBytes < message.length) this.#options.watch?.()?.add(bytes);
  }

  #complete(message: Uint8Array): void {
    const heldBytes = this.#heldBytes;
    this.#message = undefined;
    this.#heldBytes = 0;
    this.#options.onMessage(message, heldBytes);
  }

  #releaseHeld(): void {
    const heldBytes = this.#heldBytes;
    this.#heldBytes = 0;
    if (heldBytes > 0) this.release(heldBytes);
  }
}
