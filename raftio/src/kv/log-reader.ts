import type { EntrySlice } from '../logdb.js';
import { type Entry, entrySizeBytes } from '../raftpb/entry.js';
import type { IOrderedKV, KVPair } from './contract.js';
import { decodeBlock } from './entry-block.js';
import { indexOfKey } from './keys.js';
import { corrupt } from './records.js';
import type { Replica } from './replica.js';
import type { Run } from './runs.js';

const RECORDS_PER_PAGE = 64;
const PAGE_SIZE_BYTES = 4 * 1024 * 1024;

/** Gathers entries up to a size, and finds out whether one is missing. */
class Gatherer {
  readonly entries: Entry[] = [];
  sizeBytes = 0;
  full = false;
  readonly #maxSizeBytes: number;
  #next: number;

  constructor(first: number, maxSizeBytes: number) {
    this.#next = first;
    this.#maxSizeBytes = maxSizeBytes;
  }

  /** Takes what is still wanted of a record up to index `last`, all of which must be there. */
  add(record: KVPair, last: number): void {
    if (this.full || last < this.#next) return;
    const range = { first: this.#next, last };
    for (const entry of decodeBlock(record.key, record.value, indexOfKey(record.key), range)) {
      if (entry.index !== this.#next) throw corrupt(record.key, `entry ${this.#next} is not in its place`);
      const sizeBytes = entrySizeBytes(entry);
      if (this.entries.length > 0 && this.sizeBytes + sizeBytes > this.#maxSizeBytes) {
        this.full = true;
        return;
      }
      this.entries.push(entry);
      this.sizeBytes += sizeBytes;
      this.#next++;
    }
    if (this.#next <= last) throw corrupt(record.key, `entry ${this.#next} is missing`);
  }
}

/**
 * Reads the entries of `wanted`, all of which are known to be stored. A record counts up to where the next one
 * starts, so each is held back until the next is seen.
 */
export async function readEntries(
  kv: IOrderedKV,
  replica: Replica,
  wanted: Readonly<Run>,
  maxSizeBytes: number,
): Promise<EntrySlice> {
  const { first, last } = wanted;
  const start = await kv.getFloorKey(replica.recordKey(first), replica.recordKey(0));
  if (start === undefined) throw corrupt(replica.recordKey(first), 'the record is missing');
  const gatherer = new Gatherer(first, maxSizeBytes);
  const end = replica.recordKey(last + 1);
  let held: KVPair | undefined;
  let from: Uint8Array | undefined = start;
  while (from !== undefined && !gatherer.full) {
    const page = await kv.getRange({
      start: from,
      end,
      limit: RECORDS_PER_PAGE,
      maxSizeBytes: Math.min(maxSizeBytes, PAGE_SIZE_BYTES),
    });
    for (const record of page.pairs) {
      if (held !== undefined) gatherer.add(held, indexOfKey(record.key) - 1);
      held = record;
    }
    from = page.more && held !== undefined ? replica.recordKey(indexOfKey(held.key) + 1) : undefined;
  }
  if (held !== undefined) gatherer.add(held, last);
  return { entries: gatherer.entries, sizeBytes: gatherer.sizeBytes };
}
