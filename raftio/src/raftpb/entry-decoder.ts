import { ErrMalformed } from '../errors.js';
import {
  CHECKSUM_FIELD_BYTES,
  CHECKSUM_TAG,
  NO_CHECKSUM,
  int32At,
  damaged,
  checksum,
  hasChecksumAt,
} from './checksum.js';
import { isColferBody, readColferBody } from './colfer.js';
import { EMPTY_BYTES, Entry, type EntryType } from './entry.js';
import { ENTRY_TAG, checksumOf, proposedSize } from './entry-encoder.js';
import type { Uint64 } from './uint64.js';
import { type Reader, fieldSet } from './wire/reader.js';
import { MAX_VARINT_BYTES, sizeOfUint, sizeOfUint64 } from './wire/varint.js';

const LAST_ENTRY_TYPE = 2;
const TWO_28 = 0x1000_0000;
/** Of a safe integer, the part above its lowest 28 bits is below this. */
const HIGH_LIMIT = 0x200_0000;
const ENTRY_FIELDS = fieldSet(1, 2, 3, 4, 5, 6, 7, 8);

/**
 * Reads the entries that follow one another, the first of which has its tag at `wireStart`, just before where
 * `reader` is; it ends up after the last.
 */
export function readEntries(reader: Reader, wireStart: number, entries: Entry[]): void {
  const { buf, end } = reader;
  let start = wireStart;
  for (;;) {
    entries.push(readEntry(reader, start));
    start = reader.pos;
    if (start >= end || buf[start] !== ENTRY_TAG) return;
    reader.pos = start + 1;
  }
}

/** Reads the entry whose tag begins at `wireStart` and whose length is next; `reader` ends up after it. */
export function readEntry(reader: Reader, wireStart: number): Entry {
  const outerEnd = reader.enter();
  const entry = new Entry(0, 0, 0, 0, 0, 0, 0, EMPTY_BYTES);
  if (reader.pos < reader.end && isColferBody(reader.buf[reader.pos] as number)) {
    if (!reader.takesColfer)
      throw new ErrMalformed('an entry in the form of Dragonboat, from none of its hosts');
    reader.sawColfer = true;
    // Its bytes are not those of our logs: it carries none, and is encoded again where it is needed.
    readColferBody(reader, entry);
  } else {
    readEntryBody(reader, entry);
    // A tag longer than it need be, or of another message, must not be passed on to where this one stands.
    // So it is encoded again, and its checksum is made with its bytes.
    if (reader.buf[wireStart] === ENTRY_TAG) entry.wire = reader.buf;
    else entry.checksum = NO_CHECKSUM;
  }
  entry.wireStart = wireStart;
  entry.wireEnd = reader.pos;
  reader.leave(outerEnd);
  return entry;
}

/** Where the number that `varint` read last has ended: a module's variable, since an object for two results costs more. */
let numberEnd = 0;

/**
 * The number at `pos`, when it is a safe integer of at most eight bytes with as many as a number may have before `end`;
 * else -1: it is left to the reader.
 */
function varint(buf: Uint8Array, pos: number, end: number): number {
  if (end - pos < MAX_VARINT_BYTES) return -1;
  let byte = buf[pos] as number;
  let low = byte & 0x7f;
  let at = pos + 1;
  for (let shift = 7; byte >= 0x80 && shift <= 21; shift += 7) {
    byte = buf[at++] as number;
    low |= (byte & 0x7f) << shift;
  }
  let high = 0;
  for (let shift = 0; byte >= 0x80 && shift <= 21; shift += 7) {
    byte = buf[at++] as number;
    high |= (byte & 0x7f) << shift;
  }
  if (byte >= 0x80 || high >= HIGH_LIMIT) return -1;
  numberEnd = at;
  return high * TWO_28 + low;
}

/**
 * Reads what is in the order in which encoders write it without going through the reader, which gets whatever is longer
 * or comes in another order. Every call counts here: this is done for each entry on each host.
 */
function readEntryBody(reader: Reader, entry: Entry): void {
  const { buf, end } = reader;
  let { pos } = reader;
  let value: number;
  if (pos < end && buf[pos] === 0x08 && (value = varint(buf, pos + 1, end)) >= 0) {
    entry.term = value;
    pos = numberEnd;
    if (pos < end && buf[pos] === 0x10 && (value = varint(buf, pos + 1, end)) >= 0) {
      entry.index = value;
      pos = numberEnd;
    }
  }
  const proposed = pos;
  if (pos + 1 < end && buf[pos] === 0x18 && (buf[pos + 1] as number) <= LAST_ENTRY_TYPE) {
    entry.type = buf[pos + 1] as EntryType;
    pos += 2;
  }
  if (pos < end && buf[pos] === 0x20) {
    reader.pos = pos + 1;
    entry.key = readUint64(reader);
    pos = reader.pos;
  }
  pos = readSession(reader, pos, entry);
  if (pos < end && buf[pos] === 0x42) {
    reader.pos = pos + 1;
    readCmd(reader, entry);
    pos = reader.pos;
  }
  if (hasChecksumAt(buf, pos, end)) pos = readChecksum(reader, proposed, pos, entry);
  reader.pos = pos;
  if (pos < end) readEntryFields(reader, entry);
}

function readUint64(reader: Reader): Uint64 {
  const value = varint(reader.buf, reader.pos, reader.end);
  if (value < 0) return reader.uint64();
  reader.pos = numberEnd;
  return value;
}

/**
 * The checksum at `pos` of what begins at `proposed`; returns the position after it, or `pos` when it is left to
 * `readEntryFields`. An entry without an index is one that a leader will encode again, with this checksum: its bytes
 * must be those that encoders write. Others are passed on as they came.
 */
function readChecksum(reader: Reader, proposed: number, pos: number, entry: Entry): number {
  const { buf } = reader;
  if (entry.index === 0 && !isAsEncoded(buf, proposed, pos, entry)) return pos;
  const sum = int32At(buf, pos + 2);
  if (sum !== checksum(buf, proposed, pos)) return pos;
  entry.checksum = sum;
  return pos + CHECKSUM_FIELD_BYTES;
}

/** Whether `buf[start, end)` is what an encoder makes of the entry: all fields, in their order, no longer than need be. */
function isAsEncoded(buf: Uint8Array, start: number, end: number, entry: Entry): boolean {
  if (end - start !== proposedSize(entry)) return false;
  // By the size alone, what a field is too long may be what another lacks.
  const keyAt = start + 1 + sizeOfUint(entry.type);
  const clientAt = keyAt + 1 + sizeOfUint64(entry.key);
  const seriesAt = clientAt + 1 + sizeOfUint64(entry.clientID);
  const respondedAt = seriesAt + 1 + sizeOfUint64(entry.seriesID);
  return (
    buf[start] === 0x18 &&
    buf[keyAt] === 0x20 &&
    buf[clientAt] === 0x28 &&
    buf[seriesAt] === 0x30 &&
    buf[respondedAt] === 0x38
  );
}

function damagedEntry({ index, term }: Entry): ErrMalformed {
  return damaged('entry', `the checksum of entry ${index} does not match`, { index, term });
}

/** The part of `readEntryBody` for the three fields of the session; returns the position after them. */
function readSession(reader: Reader, start: number, entry: Entry): number {
  const { buf, end } = reader;
  reader.pos = start;
  if (reader.pos < end && buf[reader.pos] === 0x28) {
    reader.pos++;
    entry.clientID = readUint64(reader);
  }
  const { pos } = reader;
  if (
    pos + 4 <= end &&
    buf[pos] === 0x30 &&
    buf[pos + 1] === 0 &&
    buf[pos + 2] === 0x38 &&
    buf[pos + 3] === 0
  )
    return pos + 4; // as in most
  if (reader.pos < end && buf[reader.pos] === 0x30) {
    reader.pos++;
    entry.seriesID = reader.uint64();
  }
  if (reader.pos < end && buf[reader.pos] === 0x38) {
    reader.pos++;
    entry.respondedTo = reader.uint64();
  }
  return reader.pos;
}

/** Reads what is left of an entry, fields in any order; its checksum is then compared with what has come out. */
function readEntryFields(reader: Reader, entry: Entry): void {
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    switch (tag) {
      case 0x08:
        entry.term = reader.uint();
        break;
      case 0x10:
        entry.index = reader.uint();
        break;
      case 0x18:
        entry.type = reader.enumValue(LAST_ENTRY_TYPE) as EntryType;
        break;
      case 0x20:
        entry.key = reader.uint64();
        break;
      case 0x28:
        entry.clientID = reader.uint64();
        break;
      case 0x30:
        entry.seriesID = reader.uint64();
        break;
      case 0x38:
        entry.respondedTo = reader.uint64();
        break;
      case 0x42:
        readCmd(reader, entry);
        break;
      case CHECKSUM_TAG:
        entry.checksum = reader.fixed32();
        break;
      default:
        reader.skip(tag, ENTRY_FIELDS);
    }
  }
  if (entry.checksum !== NO_CHECKSUM && entry.checksum !== checksumOf(entry)) throw damagedEntry(entry);
}

function readCmd(reader: Reader, entry: Entry): void {
  const length = reader.length();
  entry.cmdSource = reader.buf;
  entry.cmdStart = reader.pos;
  reader.pos += length;
  entry.cmdEnd = reader.pos;
  entry.cmdView = undefined;
}
