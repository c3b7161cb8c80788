import { ErrMalformed, ErrUnsafeInteger } from '../errors.js';
import type { Entry, EntryType } from './entry.js';
import { ENTRY_TAG, copyBytes } from './entry-encoder.js';
import type { Uint64 } from './uint64.js';
import type { Reader } from './wire/reader.js';
import { bigintOfHalves, putUint, putUint64, sizeOfUint, sizeOfUint64 } from './wire/varint.js';

/*
 * The body of an entry as Dragonboat v2.0 to v3.3 writes it: colfer, where the schema file still says protobuf.
 * Fields come in ascending order, those that are zero are left out, and one byte ends the body.
 *
 *   0 term  1 index  2 type (signed, 32 bits)  3 key  4 clientID  5 seriesID  6 respondedTo  7 cmd
 *
 * A 64-bit field below 2^49 is its number and a varint; from there on its number with the high bit set, then eight
 * bytes, big-endian. Source: the bytes that a host of v2.1.7 sends, see testdata/go-v2.1.7.
 */

const END = 0x7f;
const FIXED = 0x80;
const TYPE_FIELD = 2;
const CMD_FIELD = 7;
const FIRST_FIXED = 2 ** 49;
const FIXED_BYTES = 8;
/** A varint below 2^49 has at most seven groups of seven bits. */
const MAX_VARINT_BYTES = 7;
const TWO_32 = 0x1_0000_0000;
const HIGH_LIMIT = 0x20_0000;
const LAST_ENTRY_TYPE = 2;

/**
 * Whether an entry's body that begins with `first` is colfer. A protobuf body begins with the tag of one of its eight
 * fields, 0x08 to 0x42; a colfer body with a field's number, with or without the high bit, or with the end byte.
 */
export function isColferBody(first: number): boolean {
  return first < 0x08 || first >= END;
}

function sizeOfField(value: Uint64): number {
  if (value === 0) return 0;
  return value < FIRST_FIXED ? 1 + sizeOfUint64(value) : 1 + FIXED_BYTES;
}

/** Size in bytes of the colfer body of `entry`. */
export function colferBodySize(entry: Entry): number {
  const cmdLength = entry.cmdEnd - entry.cmdStart;
  return (
    sizeOfField(entry.term) +
    sizeOfField(entry.index) +
    (entry.type === 0 ? 0 : 1 + sizeOfUint(entry.type)) +
    sizeOfField(entry.key) +
    sizeOfField(entry.clientID) +
    sizeOfField(entry.seriesID) +
    sizeOfField(entry.respondedTo) +
    (cmdLength === 0 ? 0 : 1 + sizeOfUint(cmdLength) + cmdLength) +
    1
  );
}

function putField(buf: Uint8Array, pos: number, field: number, value: Uint64): number {
  if (value === 0) return pos;
  if (value < FIRST_FIXED) {
    buf[pos] = field;
    return putUint64(buf, pos + 1, value);
  }
  buf[pos] = field | FIXED;
  const view = new DataView(buf.buffer, buf.byteOffset + pos + 1, FIXED_BYTES);
  view.setBigUint64(0, BigInt(value));
  return pos + 1 + FIXED_BYTES;
}

/** Writes the colfer body of `entry`, which is `colferBodySize` bytes; returns the position after it. */
export function putColferBody(buf: Uint8Array, start: number, entry: Entry): number {
  let pos = putField(buf, start, 0, entry.term);
  pos = putField(buf, pos, 1, entry.index);
  if (entry.type !== 0) {
    buf[pos] = TYPE_FIELD;
    pos = putUint(buf, pos + 1, entry.type);
  }
  pos = putField(buf, pos, 3, entry.key);
  pos = putField(buf, pos, 4, entry.clientID);
  pos = putField(buf, pos, 5, entry.seriesID);
  pos = putField(buf, pos, 6, entry.respondedTo);
  const { cmdStart, cmdEnd } = entry;
  if (cmdEnd > cmdStart) {
    buf[pos] = CMD_FIELD;
    pos = putUint(buf, pos + 1, cmdEnd - cmdStart);
    pos = copyBytes(entry.cmdSource, cmdStart, cmdEnd, buf, pos);
  }
  buf[pos] = END;
  return pos + 1;
}

function byteAt(reader: Reader): number {
  if (reader.pos >= reader.end) throw new ErrMalformed('cut in the middle of a colfer entry');
  return reader.buf[reader.pos++] as number;
}

function readVarint(reader: Reader): number {
  let value = 0;
  let unit = 1;
  for (let i = 0; i < MAX_VARINT_BYTES; i += 1) {
    const byte = byteAt(reader);
    value += (byte & 0x7f) * unit;
    if (byte < 0x80) return value;
    unit *= 0x80;
  }
  throw new ErrMalformed(`a colfer number of more than ${MAX_VARINT_BYTES} bytes`);
}

function readFixed(reader: Reader): Uint64 {
  if (reader.end - reader.pos < FIXED_BYTES) throw new ErrMalformed('cut in the middle of a colfer number');
  const view = new DataView(reader.buf.buffer, reader.buf.byteOffset + reader.pos, FIXED_BYTES);
  reader.pos += FIXED_BYTES;
  const high = view.getUint32(0);
  const low = view.getUint32(4);
  return high < HIGH_LIMIT ? high * TWO_32 + low : bigintOfHalves(high, low);
}

/** The value of a 64-bit field whose header has been read. */
function readNumber(reader: Reader, header: number): Uint64 {
  return header < FIXED ? readVarint(reader) : readFixed(reader);
}

function readSafe(reader: Reader, header: number): number {
  const value = readNumber(reader, header);
  if (typeof value !== 'number')
    throw new ErrUnsafeInteger(
      'an id, index, term or other number of 2^53 or more, which this release does not take',
    );
  return value;
}

function readType(reader: Reader): EntryType {
  const value = readVarint(reader);
  if (value > LAST_ENTRY_TYPE) throw new ErrMalformed(`no entry type: ${value}`);
  return value as EntryType;
}

function readColferCmd(reader: Reader, entry: Entry): void {
  const length = readVarint(reader);
  if (length > reader.end - reader.pos) throw new ErrMalformed('a colfer payload past the end of its entry');
  entry.cmdSource = reader.buf;
  entry.cmdStart = reader.pos;
  reader.pos += length;
  entry.cmdEnd = reader.pos;
  entry.cmdView = undefined;
}

/** Reads one field into `entry`; a type or a payload has no form with the high bit. */
function readField(reader: Reader, header: number, entry: Entry): void {
  switch (header) {
    case 0:
    case FIXED:
      entry.term = readSafe(reader, header);
      return;
    case 1:
    case 1 | FIXED:
      entry.index = readSafe(reader, header);
      return;
    case TYPE_FIELD:
      entry.type = readType(reader);
      return;
    case 3:
    case 3 | FIXED:
      entry.key = readNumber(reader, header);
      return;
    case 4:
    case 4 | FIXED:
      entry.clientID = readNumber(reader, header);
      return;
    case 5:
    case 5 | FIXED:
      entry.seriesID = readNumber(reader, header);
      return;
    case 6:
    case 6 | FIXED:
      entry.respondedTo = readNumber(reader, header);
      return;
    case CMD_FIELD:
      readColferCmd(reader, entry);
      return;
    default:
      throw new ErrMalformed(`no field of a colfer entry: byte 0x${header.toString(16)}`);
  }
}

/** Reads the body from `reader.pos` to `reader.end` into `entry`. Throws ErrMalformed or ErrUnsafeInteger. */
export function readColferBody(reader: Reader, entry: Entry): void {
  let previous = -1;
  for (;;) {
    const header = byteAt(reader);
    if (header === END) break;
    const field = header & ~FIXED;
    if (field <= previous) throw new ErrMalformed('colfer fields out of order');
    previous = field;
    readField(reader, header, entry);
  }
  if (reader.pos !== reader.end) throw new ErrMalformed('bytes after the end of a colfer entry');
}

/** Size in bytes of `entries` as field 11 of a Message, bodies in colfer. */
export function colferEntriesSize(entries: readonly Entry[]): number {
  let total = 0;
  for (const entry of entries) {
    const size = colferBodySize(entry);
    total += 1 + sizeOfUint(size) + size;
  }
  return total;
}

/** Writes `entries` as field 11 of a Message, bodies in colfer; returns the position after them. */
export function putColferEntries(buf: Uint8Array, start: number, entries: readonly Entry[]): number {
  let pos = start;
  for (const entry of entries) {
    buf[pos] = ENTRY_TAG;
    pos = putUint(buf, pos + 1, colferBodySize(entry));
    pos = putColferBody(buf, pos, entry);
  }
  return pos;
}
