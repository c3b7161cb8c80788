import { ErrMalformed, ErrUnsafeInteger } from '../../errors.js';
import type { Uint64 } from '../uint64.js';
import { MAX_VARINT_BYTES, bigintOfHalves } from './varint.js';

/** What the low three bits of a field's tag say of the bytes that follow. */
const WireType = Object.freeze({ Varint: 0, Fixed64: 1, Bytes: 2, Fixed32: 5 } as const);

/**
 * Nested messages (entries, map entries, files, messages) that one call decodes at most. Two bytes can make an
 * object of a hundred, so the length of what arrives does not bound the memory it takes; this does. Real traffic
 * stays below: entries are accounted for with 128 bytes each, and 66 MiB hold half as many of those.
 */
export const MAX_NESTED_MESSAGES = 1 << 20;

const TWO_32 = 0x1_0000_0000;
const HIGH_LIMIT = 0x20_0000;
const strictUTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads one protobuf message, never past `end`. Every failure is ErrMalformed or ErrUnsafeInteger. */
export class Reader {
  readonly buf: Uint8Array;
  pos: number;
  /** Where the message being read ends: that of a nested one while it is read. */
  end: number;
  /** Whether bodies of entries in colfer are read, which is to be said before; others are always. */
  takesColfer = false;
  /** Whether one was read. */
  sawColfer = false;
  /** Of the number read last, as signed halves: unsigned ones would be objects on the heap. */
  private high = 0;
  private low = 0;
  private nestedLeft = MAX_NESTED_MESSAGES;

  constructor(bytes: Uint8Array) {
    // One hidden class (no Buffer) keeps reads monomorphic, and views handed out are plain Uint8Arrays.
    this.buf =
      bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    this.pos = 0;
    this.end = bytes.length;
  }

  /** Tag of the next field: number and wire type in one. The caller has checked that `pos < end`. */
  tag(): number {
    const first = this.buf[this.pos] as number;
    if (first >= 0x08 && first < 0x80) {
      this.pos++;
      return first;
    }
    this.halves();
    const tag = this.low >>> 0;
    if (this.high !== 0 || tag < 0x08) throw new ErrMalformed('field number out of range');
    return tag;
  }

  /** A varint that must fit a safe integer. */
  uint(): number {
    const short = this.shortUint();
    if (short >= 0) return short;
    this.halves();
    const high = this.high >>> 0;
    if (high >= HIGH_LIMIT)
      throw new ErrUnsafeInteger(
        'an id, index, term or other number of 2^53 or more, which this release does not take',
      );
    return high * TWO_32 + (this.low >>> 0);
  }

  /** A varint with all its 64 bits, in canonical form. */
  uint64(): Uint64 {
    const short = this.shortUint();
    if (short >= 0) return short;
    this.halves();
    const high = this.high >>> 0;
    const low = this.low >>> 0;
    return high < HIGH_LIMIT ? high * TWO_32 + low : bigintOfHalves(high, low);
  }

  /** Eight bytes, little-endian, that must be a safe integer. */
  fixedUint(): number {
    const low = this.fixed32() >>> 0;
    const high = this.fixed32() >>> 0;
    if (high >= HIGH_LIMIT)
      throw new ErrUnsafeInteger(
        'an id, index, term or other number of 2^53 or more, which this release does not take',
      );
    return high * TWO_32 + low;
  }

  /** A varint of at most three bytes, nearly all there are; -1 when it is longer or cut. */
  private shortUint(): number {
    const { buf, pos, end } = this;
    if (pos >= end) return -1;
    const first = buf[pos] as number;
    if (first < 0x80) {
      this.pos = pos + 1;
      return first;
    }
    if (pos + 2 >= end) return -1;
    const second = buf[pos + 1] as number;
    if (second < 0x80) {
      this.pos = pos + 2;
      return (second << 7) | (first & 0x7f);
    }
    const third = buf[pos + 2] as number;
    if (third >= 0x80) return -1;
    this.pos = pos + 3;
    return (third << 14) | ((second & 0x7f) << 7) | (first & 0x7f);
  }

  /** A varint that must not exceed `max`, which says what values the field has. */
  enumValue(max: number): number {
    let value = this.shortUint();
    if (value < 0) {
      this.halves();
      value = this.high === 0 ? this.low >>> 0 : Infinity;
    }
    if (value > max) throw new ErrMalformed('value out of the range of its field');
    return value;
  }

  uint32(): number {
    return this.enumValue(0xffff_ffff);
  }

  /** Four bytes, little-endian, as a signed integer. */
  fixed32(): number {
    const { buf, pos } = this;
    this.advance(4);
    return (
      (buf[pos] as number) |
      ((buf[pos + 1] as number) << 8) |
      ((buf[pos + 2] as number) << 16) |
      ((buf[pos + 3] as number) << 24)
    );
  }

  bool(): boolean {
    const short = this.shortUint();
    if (short >= 0) return short !== 0;
    this.halves();
    return this.high !== 0 || this.low !== 0;
  }

  /** Reads the length of a length-delimited field and checks that so much is there. */
  length(): number {
    const short = this.shortUint();
    if (short >= 0 && short <= this.end - this.pos) return short;
    if (short >= 0) throw new ErrMalformed('a length past the end');
    this.halves();
    const length = this.low >>> 0;
    if (this.high !== 0 || length > this.end - this.pos) throw new ErrMalformed('a length past the end');
    return length;
  }

  /** A view of the bytes of a field; shares memory with what is read. */
  view(): Uint8Array {
    const length = this.length();
    const start = this.pos;
    this.pos = start + length;
    return this.buf.subarray(start, this.pos);
  }

  /** The bytes of a field, copied. */
  bytes(): Uint8Array {
    return this.view().slice();
  }

  string(): string {
    const length = this.length();
    const start = this.pos;
    this.pos = start + length;
    if (length === 0) return '';
    try {
      return strictUTF8.decode(this.buf.subarray(start, this.pos));
    } catch (cause) {
      throw new ErrMalformed('text that is not UTF-8', { cause });
    }
  }

  /** Enters a nested message; returns the end of the enclosing one, to be given to `leave`. */
  enter(): number {
    const outerEnd = this.end;
    const length = this.length();
    if (--this.nestedLeft < 0) throw new ErrMalformed('more nested messages than any real message has');
    this.end = this.pos + length;
    return outerEnd;
  }

  leave(outerEnd: number): void {
    this.end = outerEnd;
  }

  /**
   * Skips a field that the message does not have.
   * @param known bit n is set when the message has a field n: then its wire type was wrong.
   */
  skip(tag: number, known: number): void {
    const field = tag >>> 3;
    if (field < 32 && ((known >>> field) & 1) === 1) throw new ErrMalformed('a field of the wrong wire type');
    switch (tag & 7) {
      case WireType.Varint:
        this.halves();
        return;
      case WireType.Fixed64:
        this.advance(8);
        return;
      case WireType.Bytes:
        this.advance(this.length());
        return;
      case WireType.Fixed32:
        this.advance(4);
        return;
      default:
        throw new ErrMalformed('groups are not used, and no other wire type exists');
    }
  }

  private advance(count: number): void {
    if (count > this.end - this.pos) throw new ErrMalformed('cut in the middle of a field');
    this.pos += count;
  }

  /** Reads a varint of any length into `high` and `low`. */
  private halves(): void {
    const { buf, end } = this;
    let pos = this.pos;
    let high = 0;
    let low = 0;
    for (let shift = 0; shift < MAX_VARINT_BYTES * 7; shift += 7) {
      if (pos >= end) throw new ErrMalformed('cut in the middle of a number');
      const byte = buf[pos++] as number;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else {
        if (shift === 63 && byte > 1) throw new ErrMalformed('a number of more than 64 bits');
        high |= bits << (shift - 32);
      }
      if (byte < 0x80) {
        this.pos = pos;
        this.high = high;
        this.low = low;
        return;
      }
    }
    throw new ErrMalformed('a number of more than ten bytes');
  }
}

/** Set of field numbers, for `Reader.skip`. */
export function fieldSet(...numbers: number[]): number {
  return numbers.reduce((set, field) => set | (1 << field), 0);
}
