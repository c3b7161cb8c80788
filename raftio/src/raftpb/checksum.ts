import { crc32 } from 'node:zlib';
import { ErrMalformed } from '../errors.js';

/**
 * CRC-32 beside what it covers: field 101, fixed32, of an Entry, a MessageBatch and a SnapshotChunk. Version 0.1 and
 * Dragonboat skip it.
 *
 * That of an entry covers what does not change once it was proposed, as it is encoded: type, key, session, command.
 * That of a batch or a chunk is its last field and covers every byte before.
 */
export const CHECKSUM_TAG = 0x32d;
/** The tag, in its two bytes. */
const FIRST_TAG_BYTE = 0xad;
const SECOND_TAG_BYTE = 0x06;
export const CHECKSUM_FIELD_BYTES = 6;

/** Whether a batch or chunk without a checksum is taken: `required`, of a peer that sends them, it is not. */
export type ChecksumRule = 'required' | 'optional';

/** What was damaged, as `details.damaged` of the error says it. */
export type DamagedPart = 'entry' | 'batch' | 'chunk';

/** From here on the native function is faster than a loop, measured with what the calls of each cost. */
const LONG_BYTES = 224;
const POLYNOMIAL = 0xedb8_8320;
const SLICES = 8;

/** For each byte, the remainder when 0 to 7 further bytes follow it, so that eight are taken in one step. */
const TABLE = makeTable();

function makeTable(): Int32Array {
  const table = new Int32Array(SLICES * 256);
  for (let byte = 0; byte < 256; byte++) {
    let rest = byte;
    for (let bit = 0; bit < 8; bit++) rest = (rest & 1) === 1 ? (rest >>> 1) ^ POLYNOMIAL : rest >>> 1;
    table[byte] = rest;
  }
  for (let at = 256; at < table.length; at++) {
    const before = table[at - 256] as number;
    table[at] = (before >>> 8) ^ (table[before & 0xff] as number);
  }
  return table;
}

/** What an entry carries that has none. A checksum that comes out as this is told as -1. */
export const NO_CHECKSUM = 0;

/**
 * CRC-32 of `buf[start, end)`, as a signed integer; never 0. That of an entry is taken of its encoded fields from its
 * type to its command. Of a short piece it takes no memory of its own.
 */
export function checksum(buf: Uint8Array, start: number, end: number): number {
  if (end - start >= LONG_BYTES) return crc32(buf.subarray(start, end)) | 0 || -1;
  let rest = -1;
  let pos = start;
  for (const last = end - SLICES; pos <= last; pos += SLICES) {
    rest ^= int32At(buf, pos);
    rest =
      (TABLE[0x700 | (rest & 0xff)] as number) ^
      (TABLE[0x600 | ((rest >>> 8) & 0xff)] as number) ^
      (TABLE[0x500 | ((rest >>> 16) & 0xff)] as number) ^
      (TABLE[0x400 | (rest >>> 24)] as number) ^
      (TABLE[0x300 | (buf[pos + 4] as number)] as number) ^
      (TABLE[0x200 | (buf[pos + 5] as number)] as number) ^
      (TABLE[0x100 | (buf[pos + 6] as number)] as number) ^
      (TABLE[buf[pos + 7] as number] as number);
  }
  if (pos + 4 <= end) {
    rest ^= int32At(buf, pos);
    rest =
      (TABLE[0x300 | (rest & 0xff)] as number) ^
      (TABLE[0x200 | ((rest >>> 8) & 0xff)] as number) ^
      (TABLE[0x100 | ((rest >>> 16) & 0xff)] as number) ^
      (TABLE[rest >>> 24] as number);
    pos += 4;
  }
  for (; pos < end; pos++) {
    rest = (TABLE[(rest ^ (buf[pos] as number)) & 0xff] as number) ^ (rest >>> 8);
  }
  return ~rest || -1;
}

/** Writes the field; returns the position after it. */
export function putChecksum(buf: Uint8Array, pos: number, sum: number): number {
  buf[pos] = FIRST_TAG_BYTE;
  buf[pos + 1] = SECOND_TAG_BYTE;
  buf[pos + 2] = sum;
  buf[pos + 3] = sum >>> 8;
  buf[pos + 4] = sum >>> 16;
  buf[pos + 5] = sum >>> 24;
  return pos + CHECKSUM_FIELD_BYTES;
}

/** Four bytes at `pos`, little-endian, as a signed integer: those of a checksum, for one. */
export function int32At(buf: Uint8Array, pos: number): number {
  return (
    (buf[pos] as number) |
    ((buf[pos + 1] as number) << 8) |
    ((buf[pos + 2] as number) << 16) |
    ((buf[pos + 3] as number) << 24)
  );
}

/** Whether the field with a checksum lies at `pos`, all of it before `end`. */
export function hasChecksumAt(buf: Uint8Array, pos: number, end: number): boolean {
  return pos + CHECKSUM_FIELD_BYTES <= end && buf[pos] === FIRST_TAG_BYTE && buf[pos + 1] === SECOND_TAG_BYTE;
}

/** Ends a batch or chunk, `buf[start, pos)`, with its checksum; returns the position after it. */
export function sealMessage(buf: Uint8Array, start: number, pos: number): number {
  return putChecksum(buf, pos, checksum(buf, start, pos));
}

/**
 * Looks at the checksum that a batch or chunk ends with before any of it is read; returns whether there is one.
 * Throws ErrMalformed with `details.damaged`.
 */
export function checkSeal(bytes: Uint8Array, part: 'batch' | 'chunk', rule: ChecksumRule): boolean {
  if (!isSealed(bytes)) {
    if (rule === 'required')
      throw damaged(part, `a ${part} without the checksum that its sender gives to each`);
    return false;
  }
  const end = bytes.length - CHECKSUM_FIELD_BYTES;
  if (checksum(bytes, 0, end) === int32At(bytes, end + 2)) return true;
  throw damaged(part, `the checksum of a ${part} does not match`);
}

/** Whether a batch or chunk ends with a checksum. */
export function isSealed(bytes: Uint8Array): boolean {
  const end = bytes.length - CHECKSUM_FIELD_BYTES;
  return end >= 0 && hasChecksumAt(bytes, end, bytes.length);
}

export function damaged(part: DamagedPart, message: string, details: object = {}): ErrMalformed {
  return new ErrMalformed(message, { details: { damaged: part, ...details } });
}
