import { maskedCrc32c } from './crc32c.js';

/*
 * LevelDB's log files and manifests: blocks of 32 KiB, filled with fragments of records. A fragment has a header (masked
 * CRC-32C of the rest, 4 bytes; length, 2; type, 1; all little-endian), lies in one block, and is a whole record, or the
 * first, a middle or the last part of one. Where not even a header fits, a block ends with zeros.
 */
const BLOCK_BYTES = 32_768;
const HEADER_BYTES = 7;
const FragmentType = Object.freeze({ full: 1, first: 2, middle: 3, last: 4 } as const);

export interface RecordFile {
  /** Whole records, each in its parts. */
  records: Buffer[];
  /** Position of the first byte that is not part of a whole record; undefined when there is none. */
  defectAt: number | undefined;
  /** Whether a record begins behind the defect, which one that was cut off by a crash can't have. */
  goesOnBehind: boolean;
}

interface Fragment {
  type: number;
  start: number;
  end: number;
}

/** The fragment whose header is at `position`, if it is sound. */
function fragmentAt(data: Buffer, position: number): Fragment | undefined {
  const blockEnd = Math.min(position - (position % BLOCK_BYTES) + BLOCK_BYTES, data.length);
  const start = position + HEADER_BYTES;
  if (start > blockEnd) return undefined;
  const type = data[position + 6]!;
  if (type < FragmentType.full || type > FragmentType.last) return undefined;
  const end = start + data.readUInt16LE(position + 4);
  if (end > blockEnd) return undefined;
  const isSound = data.readUInt32LE(position) === maskedCrc32c(data, position + 6, end);
  return isSound ? { type, start, end } : undefined;
}

/** Position of the next header: none begins where a block has no room for it. */
function nextPosition(data: Buffer, position: number): number {
  const left = BLOCK_BYTES - (position % BLOCK_BYTES);
  return Math.min(left < HEADER_BYTES ? position + left : position, data.length);
}

/** Reads records up to the end, or to what is no record. */
export function readRecords(data: Buffer): RecordFile {
  const records: Buffer[] = [];
  let parts: Buffer[] = [];
  let recordAt = 0;
  let position = 0;
  while (position < data.length) {
    const fragment = fragmentAt(data, position);
    const begins = isBeginning(fragment);
    if (fragment === undefined || begins !== (parts.length === 0)) {
      return { records, defectAt: position, goesOnBehind: goesOn(data, position) };
    }
    if (begins) recordAt = position;
    parts.push(data.subarray(fragment.start, fragment.end));
    if (fragment.type === FragmentType.full || fragment.type === FragmentType.last) {
      records.push(parts.length === 1 ? parts[0]! : Buffer.concat(parts));
      parts = [];
    }
    position = nextPosition(data, fragment.end);
  }
  return { records, defectAt: parts.length === 0 ? undefined : recordAt, goesOnBehind: false };
}

/** Looks for a record behind a defect: anywhere in its block, for lengths may be wrong, then block by block. */
function goesOn(data: Buffer, defectAt: number): boolean {
  const blockEnd = Math.min(defectAt - (defectAt % BLOCK_BYTES) + BLOCK_BYTES, data.length);
  for (let position = defectAt; position < blockEnd; position++) {
    if (isBeginning(fragmentAt(data, position))) return true;
  }
  for (let block = blockEnd; block < data.length; block += BLOCK_BYTES) {
    let position = block;
    for (
      let fragment = fragmentAt(data, position);
      fragment !== undefined && position < block + BLOCK_BYTES;
      fragment = fragmentAt(data, position)
    ) {
      if (isBeginning(fragment)) return true;
      position = fragment.end;
    }
  }
  return false;
}

function isBeginning(fragment: Fragment | undefined): boolean {
  return fragment?.type === FragmentType.full || fragment?.type === FragmentType.first;
}
