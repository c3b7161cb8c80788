import { ErrMessageTooLarge } from '../../errors.js';
import { CHECKSUM_FIELD_BYTES, sealMessage } from '../checksum.js';
import type { Uint64 } from '../uint64.js';
import { putUint, putUint64, sizeOfUint, sizeOfUint64 } from './varint.js';

const LARGEST_LENGTH_BYTES = 5;
const encoder = new TextEncoder();

/** Size in bytes of a string field's content. */
export function utf8Size(text: string): number {
  return Buffer.byteLength(text, 'utf8');
}

/** Writes `text` at `pos`; returns the position after it. The caller has made sure of the room. */
export function putString(buf: Uint8Array, pos: number, text: string): number {
  return pos + encoder.encodeInto(text, buf.subarray(pos)).written;
}

/**
 * Builds one protobuf message in a buffer that grows. For records off the hot path; a nested message is written in
 * place and moved when its length turns out to need more than one byte.
 */
export class Writer {
  private buf: Uint8Array;
  private pos = 0;

  constructor(capacityBytes = 128) {
    this.buf = new Uint8Array(capacityBytes);
  }

  /** What was written: a view of a buffer that belongs to the caller from now on. */
  finish(): Uint8Array {
    return this.buf.subarray(0, this.pos);
  }

  /** As `finish`, with the checksum that a batch or chunk ends with. */
  finishSealed(): Uint8Array {
    this.reserve(CHECKSUM_FIELD_BYTES);
    this.pos = sealMessage(this.buf, 0, this.pos);
    return this.finish();
  }

  uint(field: number, value: number): void {
    const size = sizeOfUint(value);
    this.head(field << 3, size);
    this.pos = putUint(this.buf, this.pos, value);
  }

  uint64(field: number, value: Uint64): void {
    const size = sizeOfUint64(value);
    this.head(field << 3, size);
    this.pos = putUint64(this.buf, this.pos, value);
  }

  bool(field: number, value: boolean): void {
    this.uint(field, value ? 1 : 0);
  }

  string(field: number, text: string): void {
    const size = utf8Size(text);
    this.head((field << 3) | 2, size + LARGEST_LENGTH_BYTES);
    this.pos = putUint(this.buf, this.pos, size);
    if (size > 0) this.pos = putString(this.buf, this.pos, text);
  }

  bytes(field: number, bytes: Uint8Array): void {
    this.head((field << 3) | 2, bytes.length + LARGEST_LENGTH_BYTES);
    this.pos = putUint(this.buf, this.pos, bytes.length);
    this.buf.set(bytes, this.pos);
    this.pos += bytes.length;
  }

  /** As Go writes a byte slice: not at all when there is none. */
  optionalBytes(field: number, bytes: Uint8Array): void {
    if (bytes.length > 0) this.bytes(field, bytes);
  }

  nested<T>(field: number, value: T, write: (writer: Writer, value: T) => void): void {
    this.head((field << 3) | 2, 1);
    const start = this.pos + 1;
    this.pos = start;
    write(this, value);
    const size = this.pos - start;
    const extra = sizeOfUint(size) - 1;
    if (extra > 0) {
      this.reserve(extra);
      this.buf.copyWithin(start + extra, start, this.pos);
      this.pos += extra;
    }
    putUint(this.buf, start - 1, size);
  }

  /** Writes a tag and makes room for it and `size` bytes more. */
  private head(tag: number, size: number): void {
    this.reserve(size + 2);
    this.pos = putUint(this.buf, this.pos, tag);
  }

  private reserve(size: number): void {
    const needed = this.pos + size;
    if (needed <= this.buf.length) return;
    if (needed > 0x7fff_ffff) throw new ErrMessageTooLarge('a record of more than 2 GiB');
    const larger = new Uint8Array(Math.max(needed, this.buf.length * 2));
    larger.set(this.buf.subarray(0, this.pos));
    this.buf = larger;
  }
}
