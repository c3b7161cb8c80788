import { ErrMalformed } from '../errors.js';
import { CHECKSUM_FIELD_BYTES, NO_CHECKSUM, checksum, putChecksum } from './checksum.js';
import type { Entry } from './entry.js';
import { Arena } from './wire/arena.js';
import { putUint, putUint64, sizeOfUint, sizeOfUint64 } from './wire/varint.js';

/** Tag of field 11, length-delimited: an entry inside a Message. */
export const ENTRY_TAG = 0x5a;
/** Tags of the fields from the type to the session, which are always written. */
const PROPOSED_TAG_BYTES = 5;
/** The one number of two bits that is no entry type. */
const NO_ENTRY_TYPE: number = 3;
/** Below this, a loop is faster than the two calls of `set(subarray())`. */
const SHORT_COPY_BYTES = 48;

/** Of entries only, so that runs encoded one after the other lie back to back as well. */
const arena = new Arena(32 * 1024);

/**
 * Of a body: seven tags, two safe integers, a type, four 64-bit integers, tag and length of the longest cmd, and the
 * checksum.
 */
const LARGEST_HEAD_BYTES = 7 + 2 * 8 + 1 + 4 * 10 + 1 + 5 + CHECKSUM_FIELD_BYTES;
/** With tag and length of the entry itself. */
const LARGEST_FRAMED_HEAD_BYTES = 1 + 5 + LARGEST_HEAD_BYTES;
/** With a cmd up to this the body is below 128 bytes whatever its numbers are, and its length takes one byte. */
const SHORT_CMD_BYTES = 127 - LARGEST_HEAD_BYTES;

/** Size of the encoded fields that its checksum covers. */
export function proposedSize(entry: Entry): number {
  const size =
    PROPOSED_TAG_BYTES +
    sizeOfUint(entry.type) +
    sizeOfUint64(entry.key) +
    sizeOfUint64(entry.clientID) +
    sizeOfUint64(entry.seriesID) +
    sizeOfUint64(entry.respondedTo);
  const cmdLength = entry.cmdEnd - entry.cmdStart;
  return cmdLength === 0 ? size : size + 1 + sizeOfUint(cmdLength) + cmdLength;
}

function entryBodySize(entry: Entry): number {
  return 2 + sizeOfUint(entry.term) + sizeOfUint(entry.index) + proposedSize(entry) + CHECKSUM_FIELD_BYTES;
}

function putSession(buf: Uint8Array, start: number, entry: Entry): number {
  const { clientID, seriesID, respondedTo } = entry;
  let pos = start;
  buf[pos] = 0x28;
  if (clientID === 0 && seriesID === 0 && respondedTo === 0) {
    buf[pos + 1] = 0;
    buf[pos + 2] = 0x30;
    buf[pos + 3] = 0;
    buf[pos + 4] = 0x38;
    buf[pos + 5] = 0;
    return pos + 6;
  }
  pos = putUint64(buf, pos + 1, clientID);
  buf[pos] = 0x30;
  pos = putUint64(buf, pos + 1, seriesID);
  buf[pos] = 0x38;
  return putUint64(buf, pos + 1, respondedTo);
}

function putEntryBody(buf: Uint8Array, start: number, entry: Entry): number {
  buf[start] = 0x08;
  let pos = putUint(buf, start + 1, entry.term);
  buf[pos] = 0x10;
  pos = putUint(buf, pos + 1, entry.index);
  const end = putProposed(buf, pos, entry);
  if (entry.checksum === NO_CHECKSUM) entry.checksum = checksum(buf, pos, end);
  return putChecksum(buf, end, entry.checksum);
}

/** Writes what does not change once the entry was proposed, which its checksum covers. */
function putProposed(buf: Uint8Array, start: number, entry: Entry): number {
  let pos = start;
  buf[pos] = 0x18;
  pos = putUint(buf, pos + 1, entry.type);
  buf[pos] = 0x20;
  pos = putUint64(buf, pos + 1, entry.key);
  pos = putSession(buf, pos, entry);
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
  if (length === source.length) {
    target.set(source, pos);
  } else if (length < SHORT_COPY_BYTES) {
    for (let i = 0; i < length; i++) target[pos + i] = source[start + i] as number;
  } else {
    target.set(source.subarray(start, end), pos);
  }
  return pos + length;
}

/** Writes the entry with its tag and length, and lets it carry these bytes; returns the position after them. */
function encodeEntry(buf: Uint8Array, start: number, entry: Entry): number {
  const cmdLength = entry.cmdEnd - entry.cmdStart;
  if ((entry.type & 3) !== entry.type || entry.type === NO_ENTRY_TYPE)
    throw new ErrMalformed(`no entry type: ${String(entry.type)}`);
  buf[start] = ENTRY_TAG;
  let pos: number;
  if (cmdLength <= SHORT_CMD_BYTES) {
    pos = putEntryBody(buf, start + 2, entry);
    buf[start + 1] = pos - start - 2;
  } else {
    pos = putEntryBody(buf, putUint(buf, start + 1, entryBodySize(entry)), entry);
  }
  entry.wire = buf;
  entry.wireStart = start;
  entry.wireEnd = pos;
  if (entry.cmdView === undefined) {
    // Nobody holds a view of the payload: release the message that it came in.
    entry.cmdSource = buf;
    entry.cmdEnd = pos - CHECKSUM_FIELD_BYTES;
    entry.cmdStart = entry.cmdEnd - cmdLength;
  }
  return pos;
}

/** The checksum of an entry by its fields, whether or not it carries one. */
export function checksumOf(entry: Entry): number {
  const bytes = new Uint8Array(LARGEST_HEAD_BYTES + entry.cmdLength);
  return checksum(bytes, 0, putProposed(bytes, 0, entry));
}

/** Encodes `entries[from, to)`, none of which carries wire bytes, back to back into memory of their own. */
function encodeRun(entries: readonly Entry[], from: number, to: number): void {
  let bound = 0;
  for (let i = from; i < to; i++) {
    const { cmdStart, cmdEnd } = entries[i] as Entry;
    bound += LARGEST_FRAMED_HEAD_BYTES + cmdEnd - cmdStart;
  }
  const shared = bound <= arena.largestSharedBytes;
  const buf = arena.allocate(shared ? bound : exactSize(entries, from, to));
  let pos = arena.start;
  for (let i = from; i < to; i++) pos = encodeEntry(buf, pos, entries[i] as Entry);
  if (shared) arena.giveBack(pos);
}

/** Encoded size of `entries[from, to)`, none of which carries wire bytes; more than a slab's share, or a whole one. */
function exactSize(entries: readonly Entry[], from: number, to: number): number {
  let total = 0;
  for (let i = from; i < to; i++) {
    const size = entryBodySize(entries[i] as Entry);
    total += 1 + sizeOfUint(size) + size;
  }
  return total;
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
export function endOfRun(entries: readonly Entry[], from: number): number {
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
