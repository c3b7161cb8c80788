import { ErrMalformed } from '../errors.js';
import { EMPTY_BYTES, type Entry } from './entry.js';
import { readEntries, readEntry } from './entry-decoder.js';
import { ENTRY_TAG, copyBytes, endOfRun, ensureEncoded, putEntries } from './entry-encoder.js';
import type { EntryBatch } from './types.js';
import { Reader, fieldSet } from './wire/reader.js';

const BATCH_TAG = 0x0a;
const BATCH_FIELDS = fieldSet(1);

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
    if (reader.buf[start] !== ENTRY_TAG) throw new ErrMalformed('a block has more than entries in it');
    reader.pos = start + 1;
    readEntries(reader, start, entries);
  }
  return entries;
}

/**
 * Of a block, the part with `count` entries behind the first `skip`, or with all of them, as a view; entries are not
 * decoded. Throws RangeError or ErrMalformed if it has fewer.
 */
export function sliceEntries(block: Uint8Array, skip: number, count?: number): Uint8Array {
  const start = skipEntries(block, 0, skip);
  return block.subarray(start, count === undefined ? block.length : skipEntries(block, start, count));
}

/** Position of what follows `count` entries. */
function skipEntries(block: Uint8Array, start: number, count: number): number {
  const reader = new Reader(block);
  reader.pos = start;
  for (let i = 0; i < count; i++) {
    if (block[reader.pos] !== ENTRY_TAG) throw new RangeError(`no entry at byte ${reader.pos}`);
    reader.pos++;
    const length = reader.length();
    reader.pos += length;
  }
  return reader.pos;
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
      reader.skip(tag, BATCH_FIELDS);
      continue;
    }
    entries.push(readEntry(reader, start));
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
