import { decodeEntries, encodeEntries } from '../raftpb/codec.js';
import type { Entry } from '../raftpb/entry.js';
import { CONTENT_OFFSET, corrupt, makeUnsealed, seal, unseal } from './records.js';

/**
 * The entries of one append, as they are encoded for the wire, behind their number (4 bytes, big-endian). Their first
 * index is that of the key.
 */
const COUNT_BYTES = 4;

export function encodeBlock(key: Uint8Array, entries: readonly Entry[]): Uint8Array {
  const bytes = encodeEntries(entries);
  const value = makeUnsealed(COUNT_BYTES + bytes.length);
  new DataView(value.buffer).setUint32(CONTENT_OFFSET, entries.length);
  value.set(bytes, CONTENT_OFFSET + COUNT_BYTES);
  return seal(key, value);
}

/** Entries first..last of the block, or as many of them as it has. */
export function decodeBlock(
  key: Uint8Array,
  value: Uint8Array,
  firstOfBlock: number,
  range: { first: number; last: number },
): Entry[] {
  const content = unseal(key, value);
  if (content.length < COUNT_BYTES) throw corrupt(key, 'the record is cut short');
  const count = new DataView(content.buffer, content.byteOffset).getUint32(0);
  let entries: Entry[];
  try {
    entries = decodeEntries(content.subarray(COUNT_BYTES));
  } catch (error) {
    throw corrupt(key, 'the entries do not decode', error);
  }
  if (entries.length !== count || entries[0]?.index !== firstOfBlock) {
    throw corrupt(key, 'the entries are not those of the record');
  }
  return entries.slice(Math.max(0, range.first - firstOfBlock), range.last - firstOfBlock + 1);
}
