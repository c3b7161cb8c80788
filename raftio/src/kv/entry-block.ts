import { type DrakkarError, hasErrorCode } from '../errors.js';
import { decodeEntries, sliceEntries } from '../raftpb/entry-codec.js';
import { ensureEncoded, putEntries } from '../raftpb/entry-encoder.js';
import type { Entry } from '../raftpb/entry.js';
import { CONTENT_OFFSET, corrupt, makeUnsealed, seal, unseal } from './records.js';
import type { Run } from './runs.js';

/**
 * The entries of one append, as they are encoded for the wire, behind their number (4 bytes, big-endian). Their first
 * index is that of the key.
 */
const COUNT_BYTES = 4;

export function encodeBlock(key: Uint8Array, entries: readonly Entry[]): Uint8Array {
  const value = makeUnsealed(COUNT_BYTES + ensureEncoded(entries));
  new DataView(value.buffer).setUint32(CONTENT_OFFSET, entries.length);
  putEntries(value, CONTENT_OFFSET + COUNT_BYTES, entries);
  return seal(key, value);
}

/**
 * Those entries of `wanted` that the block has; the others are not decoded. They keep `value` in memory.
 * Throws ErrLogDBCorrupt.
 */
export function decodeBlock(
  key: Uint8Array,
  value: Uint8Array,
  firstOfBlock: number,
  wanted: Readonly<Run>,
): Entry[] {
  const content = unseal(key, value);
  if (content.length < COUNT_BYTES) throw corrupt(key, 'the record is cut short');
  const count = new DataView(content.buffer, content.byteOffset).getUint32(0);
  const before = Math.max(0, wanted.first - firstOfBlock);
  const upTo = Math.min(count, wanted.last - firstOfBlock + 1);
  if (before >= upTo) return [];
  const block = content.subarray(COUNT_BYTES);
  try {
    return decodeEntries(sliceEntries(block, before, upTo === count ? undefined : upTo - before));
  } catch (error) {
    const index = damagedEntryOf(error);
    if (index === undefined) throw corrupt(key, 'the entries do not decode', error);
    throw corrupt(key, `the checksum of entry ${index} does not match`, error, index);
  }
}

/** The index of an entry that was damaged before its record was written, whose own checksum is right. */
function damagedEntryOf(error: unknown): number | undefined {
  if (!hasErrorCode(error, 'ERR_MALFORMED')) return undefined;
  const { damaged, index } = (error as DrakkarError).details;
  return damaged === 'entry' ? (index as number) : undefined;
}
