import { ErrMalformed } from '@drakkar/raftio';
import { type BatchWatch, ownBytes } from '@drakkar/raftio/transport';
import { HEADER_BYTES, type Header, Method, decodeHeader, isPayloadOf, mayBegin } from './frames.js';

export interface FrameRules {
  /** Largest payload of a frame of this method, as far as one is due now; undefined: none is. */
  limitOf: (method: number) => number | undefined;
  /** A frame whose checksums are right. Its payload is the receiver's to keep. */
  onFrame: (method: number, payload: Uint8Array) => void;
  /** Whether frames are not wanted for the moment. */
  isPaused: () => boolean;
  /** Reads along while a batch arrives. */
  watch?: () => BatchWatch | undefined;
  /** The checksum of the payload of a frame does not match; an error that says so is thrown next. */
  onDamaged: (method: number, reason: string) => void;
}

/** First bytes of a TLS handshake, and of what a server with TLS answers who does not begin one. */
const TLS_HANDSHAKE = 0x16;
const TLS_ALERT = 0x15;

/** Smaller pieces that wait for the rest of their frame are joined: each costs some hundred bytes beside its own. */
const SMALL_PIECE_BYTES = 4096;

/** Makes frames of bytes that come in pieces of any size. A size is checked before anything is waited for. */
export class FrameReader {
  readonly #rules: FrameRules;
  #pieces: Uint8Array[] = [];
  #sizeBytes = 0;
  #header: Header | undefined;
  #hasBegun = false;

  constructor(rules: FrameRules) {
    this.#rules = rules;
  }

  /** Pieces that are held. */
  get pieceCount(): number {
    return this.#pieces.length;
  }

  /** Whether a part of a frame has come, and not all of it. */
  get isMidFrame(): boolean {
    return this.#header !== undefined || this.#sizeBytes > 0;
  }

  /** Throws ErrMalformed for what is no frame, too large, not due, or spoilt: nothing can be read behind it. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const before = this.#header;
    this.#pieces.push(bytes);
    this.#sizeBytes += bytes.length;
    this.drain();
    this.#joinSmallPieces();
    const header = this.#header;
    if (header?.method !== Method.Batch) return;
    const watch = this.#rules.watch?.();
    if (header === before) {
      watch?.add(bytes);
    } else {
      watch?.begin(header.sizeBytes);
      for (const piece of this.#pieces) watch?.add(piece);
    }
  }

  /** Reads what came before a pause. Throws as `push` does. */
  drain(): void {
    while (!this.#rules.isPaused() && this.#readFrame());
  }

  /** Forgets what has come. */
  clear(): void {
    this.#pieces = [];
    this.#sizeBytes = 0;
    this.#header = undefined;
  }

  #readFrame(): boolean {
    this.#header ??= this.#readHeader();
    const header = this.#header;
    if (header === undefined || this.#sizeBytes < header.sizeBytes) return false;
    this.#header = undefined;
    this.#hasBegun = true;
    const payload = ownBytes(this.#take(header.sizeBytes));
    if (!isPayloadOf(header, payload)) {
      const reason = `the checksum of a frame of method ${header.method} and ${header.sizeBytes} bytes does not match`;
      this.#rules.onDamaged(header.method, reason);
      throw new ErrMalformed(reason);
    }
    this.#rules.onFrame(header.method, payload);
    return true;
  }

  #readHeader(): Header | undefined {
    const first = this.#pieces[0]?.[0];
    if (first === undefined) return undefined;
    if (!mayBegin(first)) throw new ErrMalformed(this.#describeStranger(first));
    if (this.#sizeBytes < HEADER_BYTES) return undefined;
    const header = decodeHeader(this.#take(HEADER_BYTES));
    if (header === undefined) throw new ErrMalformed('bytes that are no frame');
    if (header === 'damaged') throw new ErrMalformed('the checksum of the header of a frame does not match');
    const { method, sizeBytes } = header;
    const limitBytes = this.#rules.limitOf(method);
    if (limitBytes === undefined) throw new ErrMalformed(`a frame of method ${method} where none is due`);
    if (sizeBytes > limitBytes) {
      throw new ErrMalformed(
        `a frame of method ${method} and ${sizeBytes} bytes, of at most ${limitBytes} bytes`,
      );
    }
    return header;
  }

  /** Of small pieces each is larger than the one behind it: they stay few, and a byte is copied a few times at most. */
  #joinSmallPieces(): void {
    while (this.#pieces.length > 1) {
      const [before, last] = this.#pieces.slice(-2) as [Uint8Array, Uint8Array];
      if (before.length >= SMALL_PIECE_BYTES || before.length > last.length) return;
      this.#pieces.splice(-2, 2, Buffer.concat([before, last]));
    }
  }

  #describeStranger(first: number): string {
    if (first === TLS_HANDSHAKE && !this.#hasBegun) return 'it has mutual TLS on and this host has it off';
    if (first === TLS_ALERT && !this.#hasBegun) return 'it has mutual TLS on, which this host has not';
    return 'bytes that are no frame';
  }

  /** So many bytes, which are there. A view where they lie in one piece. */
  #take(sizeBytes: number): Uint8Array {
    this.#sizeBytes -= sizeBytes;
    const first = this.#pieces[0];
    if (first !== undefined && first.length >= sizeBytes) {
      if (first.length === sizeBytes) this.#pieces.shift();
      else this.#pieces[0] = first.subarray(sizeBytes);
      return first.subarray(0, sizeBytes);
    }
    const taken = new Uint8Array(sizeBytes);
    let at = 0;
    let used = 0;
    while (at < sizeBytes) {
      const piece = this.#pieces[used] as Uint8Array;
      const part = piece.subarray(0, sizeBytes - at);
      taken.set(part, at);
      at += part.length;
      if (part.length === piece.length) used += 1;
      else this.#pieces[used] = piece.subarray(part.length);
    }
    this.#pieces.splice(0, used);
    return taken;
  }
}
