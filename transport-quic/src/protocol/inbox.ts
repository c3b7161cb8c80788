import { ErrMalformed, MAX_MESSAGE_BYTES } from '@drakkar/raftio';
import type { BatchWatch } from '@drakkar/raftio/transport';
import { FRAME_HEADER_BYTES, FrameType, MESSAGE_LENGTH_BYTES, readUint32, writeUint32 } from './frames.js';

/** Made at once for a message that is longer. */
const FIRST_ROOM_BYTES = 256 * 1024;

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
  /** What it will have; room for it is made as it comes. */
  #expectedBytes = 0;
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
    if (this.#message !== undefined && this.#messageBytes === this.#expectedBytes)
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
    this.#message = new Uint8Array(Math.min(length, FIRST_ROOM_BYTES));
    this.#expectedBytes = length;
    this.#messageBytes = 0;
    this.#options.watch?.()?.begin(length);
    this.#put(bytes);
  }

  #add(bytes: Uint8Array): void {
    if (this.#message === undefined) throw new ErrMalformed('more of a message that has not begun');
    if (bytes.length === 0) throw new ErrMalformed('a frame with nothing in it');
    if (bytes.length > this.#expectedBytes - this.#messageBytes) {
      throw new ErrMalformed('a message longer than it says');
    }
    this.#put(bytes);
  }

  #put(bytes: Uint8Array): void {
    this.#roomFor(bytes.length).set(bytes, this.#messageBytes);
    this.#messageBytes += bytes.length;
    if (this.#messageBytes < this.#expectedBytes) this.#options.watch?.()?.add(bytes);
  }

  /** Twice as much as has come, but never more than the message will have: a client may announce what it never sends. */
  #roomFor(sizeBytes: number): Uint8Array {
    const neededBytes = this.#messageBytes + sizeBytes;
    const room = this.#message ?? new Uint8Array(0);
    if (room.length >= neededBytes) return room;
    const larger = new Uint8Array(Math.min(this.#expectedBytes, 2 * neededBytes));
    larger.set(room.subarray(0, this.#messageBytes));
    this.#message = larger;
    return larger;
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
