import { ErrMalformed } from '../errors.js';
import { EMPTY_BYTES, Entry, type EntryType } from './entry.js';
import type { EntryBatch } from './types.js';
import type { Uint64 } from './uint64.js';
import { Arena } from './wire/arena.js';
import { Reader, fieldSet } from './wire/reader.js';
import { putUint, putUint64, sizeOfUint, sizeOfUint64 } from './wire/varint.js';

/** Tag of field 11, length-delimited: an entry inside a Message. */
export const ENTRY_TAG = 0x5a;
const BATCH_TAG = 0x0a;
const LAST_ENTRY_TYPE = 1;
const ENTRY_FIELDS = fieldSet(1, 2, 3, 4, 5, 6, 7, 8);
/** Tags of the seven fields that are always written. */
const FIXED_TAG_BYTES = 7;
/** Below this, a loop is faster than the two calls of `set(subarray())`. */
const SHORT_COPY_BYTES = 48;

/** Of entries only, so that runs encoded one after the other lie back to back as well. */
const arena = new Arena();

/** Sizes of the entries that are being encoded: computed in one pass, used in the next. */
const bodySizes: number[] = [];

function entryBodySize(entry: Entry): number {
  const size =
    FIXED_TAG_BYTES +
    sizeOfUint(entry.term) +
    sizeOfUint(entry.index) +
    sizeOfUint(entry.type) +
    sizeOfUint64(entry.key) +
    sizeOfUint64(entry.clientID) +
    sizeOfUint64(entry.seriesID) +
    sizeOfUint64(entry.respondedTo);
  const cmdLength = entry.cmdEnd - entry.cmdStart;
  return cmdLength === 0 ? size : size + 1 + sizeOfUint(cmdLength) + cmdLength;
}

function putEntryBody(buf: Uint8Array, start: number, entry: Entry): number {
  let pos = start;
  buf[pos] = 0x08;
  pos = putUint(buf, pos + 1, entry.term);
  buf[pos] = 0x10;
  pos = putUint(buf, pos + 1, entry.index);
  buf[pos] = 0x18;
  pos = putUint(buf, pos + 1, entry.type);
  buf[pos] = 0x20;
  pos = putUint64(buf, pos + 1, entry.key);
  buf[pos] = 0x28;
  pos = putUint64(buf, pos + 1, entry.clientID);
  buf[pos] = 0x30;
  pos = putUint64(buf, pos + 1, entry.seriesID);
  buf[pos] = 0x38;
  pos = putUint64(buf, pos + 1, entry.respondedTo);
  const { cmdStart, cmdEnd } = entry;
  if (cmdEnd > cmdStart) {
    buf[pos] = 0x42;
    pos = putUint(buf, pos + 1, cmdEnd - cmdStart);
    pos = copyBytes(entry.cmdSource, cmdStart, cmdEnd, buf, pos);
  }
  return pos;
}

/** Copies `source[start, end)` to `target` at `pos`; returns the position after it. */
export function copyBytes(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  pos: number,
): number {
  const length = end - start;
  if (length < SHORT_COPY_BYTES) {
    for (let i = 0; i < length; i++) target[pos + i] = source[start + i] as number;
  } else {
    target.set(source.subarray(start, end), pos);
  }
  return pos + length;
}

/** Encodes `entries[from, to)`, none of which carries wire bytes, back to back into memory of their own. */
function encodeRun(entries: readonly Entry[], from: number, to: number): void {
  let total = 0;
  for (let i = from; i < to; i++) {
    const size = entryBodySize(entries[i] as Entry);
    bodySizes[i - from] = size;
    total += 1 + sizeOfUint(size) + size;
  }
  const buf = arena.allocate(total);
  let pos = arena.start;
  for (let i = from; i < to; i++) {
    const entry = entries[i] as Entry;
    const start = pos;
    buf[pos] = ENTRY_TAG;
    pos = putUint(buf, pos + 1, bodySizes[i - from] as number);
    pos = putEntryBody(buf, pos, entry);
    entry.wire = buf;
    entry.wireStart = start;
    entry.wireEnd = pos;
    if (entry.cmdView === undefined) {
      // Nobody holds a view of the payload: let go of the message that it came in.
      entry.cmdStart = pos - (entry.cmdEnd - entry.cmdStart);
      entry.cmdEnd = pos;
      entry.cmdSource = buf;
    }
  }
}

/** Makes every entry carry its wire bytes; returns how many bytes they have in all. */
export function ensureEncoded(entries: readonly Entry[]): number {
  let total = 0;
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i] as Entry;
    if (entry.wire === undefined) {
      let to = i + 1;
      while (to < entries.length && (entries[to] as Entry).wire === undefined) to++;
      encodeRun(entries, i, to);
    }
    total += entry.wireEnd - entry.wireStart;
  }
  return total;
}

/** Encoded size in bytes of `entries` as field 11 of a Message; encodes nothing. */
export function encodedEntriesSize(entries: readonly Entry[]): number {
  let total = 0;
  for (const entry of entries) {
    if (entry.wire !== undefined) {
      total += entry.wireEnd - entry.wireStart;
    } else {
      const size = entryBodySize(entry);
      total += 1 + sizeOfUint(size) + size;
    }
  }
  return total;
}

/** Index after the last entry of the run that starts at `from` and lies back to back in one array. */
function endOfRun(entries: readonly Entry[], from: number): number {
  let last = entries[from] as Entry;
  const { wire } = last;
  let to = from + 1;
  for (; to < entries.length; to++) {
    const next = entries[to] as Entry;
    if (next.wire !== wire || next.wireStart !== last.wireEnd) break;
    last = next;
  }
  return to;
}

/** Copies the wire bytes of entries that all carry them, one copy a run; returns the position after them. */
export function putEntries(buf: Uint8Array, start: number, entries: readonly Entry[]): number {
  let pos = start;
  for (let from = 0; from < entries.length;) {
    const to = endOfRun(entries, from);
    const first = entries[from] as Entry;
    const last = entries[to - 1] as Entry;
    pos = copyBytes(first.wire as Uint8Array, first.wireStart, last.wireEnd, buf, pos);
    from = to;
  }
  return pos;
}

/** Reads the entry whose tag begins at `wireStart` and whose length is next; `reader` ends up after it. */
export function readEntry(reader: Reader, wireStart: number): Entry {
  const outerEnd = reader.enter();
  const entry = readEntryBody(reader);
  entry.wire = reader.buf;
  entry.wireStart = wireStart;
  entry.wireEnd = reader.pos;
  reader.leave(outerEnd);
  return entry;
}

function readEntryBody(reader: Reader): Entry {
  const { end } = reader;
  let term = 0;
  let index = 0;
  let type = 0;
  let key: Uint64 = 0;
  let clientID: Uint64 = 0;
  let seriesID: Uint64 = 0;
  let respondedTo: Uint64 = 0;
  let cmdStart = 0;
  let cmdEnd = 0;
  while (reader.pos < end) {
    const tag = reader.tag();
    switch (tag) {
      case 0x08:
        term = reader.uint();
        break;
      case 0x10:
        index = reader.uint();
        break;
      case 0x18:
        type = reader.enumValue(LAST_ENTRY_TYPE);
        break;
      case 0x20:
        key = reader.uint64();
        break;
      case 0x28:
        clientID = reader.uint64();
        break;
      case 0x30:
        seriesID = reader.uint64();
        break;
      case 0x38:
        respondedTo = reader.uint64();
        break;
      case 0x42:
        cmdEnd = reader.length();
        cmdStart = reader.pos;
        cmdEnd += cmdStart;
        reader.pos = cmdEnd;
        break;
      default:
        reader.skip(tag, ENTRY_FIELDS);
    }
  }
  const entry = new Entry(term, index, type as EntryType, key, clientID, seriesID, respondedTo, EMPTY_BYTES);
  if (cmdEnd > cmdStart) {
    entry.cmdSource = reader.buf;
    entry.cmdStart = cmdStart;
    entry.cmdEnd = cmdEnd;
    entry.cmdView = undefined;
  }
  return entry;
}

/**
 * A block: `entries` as they lie inside a Message, field 11 each, back to back. When they carry such bytes already,
 * and in one piece, the result is a view of those: it must not be modified.
 */
export function encodeEntries(entries: readonly Entry[]): Uint8Array {
  const size = ensureEncoded(entries);
  if (size === 0) return EMPTY_BYTES;
  const first = entries[0] as Entry;
  if (endOfRun(entries, 0) === entries.length) {
    return (first.wire as Uint8Array).subarray(first.wireStart, first.wireStart + size);
  }
  const block = new Uint8Array(size);
  putEntries(block, 0, entries);
  return block;
}

/**
 * The entries of a block. They keep `bytes` in memory, which must not be modified afterwards.
 * Throws ErrMalformed or ErrUnsafeInteger.
 */
export function decodeEntries(bytes: Uint8Array): Entry[] {
  const reader = new Reader(bytes);
  const entries: Entry[] = [];
  while (reader.pos < reader.end) {
    const start = reader.pos;
    if (reader.buf[start] !== ENTRY_TAG)
      throw new ErrMalformed('a block of entries has something else in it');
    reader.pos = start + 1;
    entries.push(readEntry(reader, start));
  }
  return entries;
}

export function encodeEntryBatch(batch: EntryBatch): Uint8Array {
  const bytes = new Uint8Array(ensureEncoded(batch.entries));
  let pos = 0;
  for (const entry of batch.entries) {
    const start = pos;
    pos = copyBytes(entry.wire as Uint8Array, entry.wireStart, entry.wireEnd, bytes, pos);
    bytes[start] = BATCH_TAG;
  }
  return bytes;
}

/** Its entries keep `bytes` in memory, which must not be modified afterwards. */
export function decodeEntryBatch(bytes: Uint8Array): EntryBatch {
  const reader = new Reader(bytes);
  const entries: Entry[] = [];
  while (reader.pos < reader.end) {
    const start = reader.pos;
    const tag = reader.tag();
    if (tag !== BATCH_TAG) {
      reader.skip(tag, fieldSet(1));
      continue;
    }
    const entry = readEntry(reader, start);
    entry.wire = undefined; // framed as field 1, not as field 11
    entries.push(entry);
  }
  return { entries };
}

/**
 * Moves `entries`, in place, to memory that holds nothing else: for entries that will outlive most of what arrived
 * with them in a large message. A `cmd` taken from one before still refers to the old memory.
 */
export function detachEntries(entries: readonly Entry[]): void {
  const bytes = new Uint8Array(ensureEncoded(entries));
  putEntries(bytes, 0, entries);
  let start = 0;
  for (const entry of entries) {
    const shift = start - entry.wireStart;
    if (entry.cmdSource === entry.wire) {
      entry.cmdSource = bytes;
      entry.cmdStart += shift;
      entry.cmdEnd += shift;
      entry.cmdView = undefined;
    }
    entry.wire = bytes;
    entry.wireStart = start;
    entry.wireEnd += shift;
    start = entry.wireEnd;
  }
}
