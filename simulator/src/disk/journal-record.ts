import { crc32 } from 'node:zlib';
import type { KVOp } from '@drakkar/raftio/kv';

/*
 * A record of the journal, integers little-endian:
 *
 *   u32 magic   u32 number of the record   u32 length of the body   u32 CRC-32 of the 12 bytes before
 *   …   body: operations
 *   u32 CRC-32 of the body
 */

const MAGIC = 0x4b4e_5244;
const HEADER_BYTES = 16;
const TRAILER_BYTES = 4;

const OpCode = { put: 1, delete: 2, deleteRange: 3 } as const;

/** An operation as it lies in the journal: of a value only its place is told. */
export type StoredOp =
  | { type: 'put'; key: Uint8Array; valueOffset: number; valueBytes: number }
  | { type: 'delete'; key: Uint8Array }
  | { type: 'deleteRange'; start: Uint8Array; end: Uint8Array };

export interface StoredRecord {
  offset: number;
  /** Where the next one begins. */
  end: number;
  ops: StoredOp[];
  /** False when the body is not what was written. */
  isWhole: boolean;
}

function bodySize(ops: readonly KVOp[]): number {
  let size = 0;
  for (const op of ops) {
    if (op.type === 'put') size += 6 + op.key.length + op.value.length;
    else if (op.type === 'delete') size += 2 + op.key.length;
    else size += 3 + op.start.length + op.end.length;
  }
  return size;
}

export function encodeRecord(number: number, ops: readonly KVOp[]): Uint8Array {
  const size = bodySize(ops);
  const bytes = new Uint8Array(HEADER_BYTES + size + TRAILER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, number, true);
  view.setUint32(8, size, true);
  view.setUint32(12, crc32(bytes.subarray(0, 12)), true);
  let at = HEADER_BYTES;
  const put = (data: Uint8Array): void => {
    bytes.set(data, at);
    at += data.length;
  };
  const putKey = (key: Uint8Array): void => {
    bytes[at++] = key.length;
    put(key);
  };
  for (const op of ops) {
    bytes[at++] = OpCode[op.type];
    if (op.type === 'deleteRange') {
      putKey(op.start);
      putKey(op.end);
      continue;
    }
    putKey(op.key);
    if (op.type === 'delete') continue;
    view.setUint32(at, op.value.length, true);
    at += 4;
    put(op.value);
  }
  view.setUint32(at, crc32(bytes.subarray(HEADER_BYTES, at)), true);
  return bytes;
}

function headerAt(bytes: Uint8Array, offset: number, number: number): { bodyBytes: number } | undefined {
  if (offset + HEADER_BYTES > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, HEADER_BYTES);
  const isSound =
    view.getUint32(0, true) === MAGIC &&
    view.getUint32(4, true) === number &&
    view.getUint32(12, true) === crc32(bytes.subarray(offset, offset + 12));
  return isSound ? { bodyBytes: view.getUint32(8, true) } : undefined;
}

function decodeBody(bytes: Uint8Array, start: number, end: number): StoredOp[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const ops: StoredOp[] = [];
  let at = start;
  const key = (): Uint8Array => {
    const length = bytes[at++] ?? 0;
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < end) {
    const code = bytes[at++];
    if (code === OpCode.deleteRange) {
      ops.push({ type: 'deleteRange', start: key(), end: key() });
    } else if (code === OpCode.delete) {
      ops.push({ type: 'delete', key: key() });
    } else {
      const name = key();
      const valueBytes = view.getUint32(at, true);
      at += 4;
      ops.push({ type: 'put', key: name, valueOffset: at, valueBytes });
      at += valueBytes;
    }
  }
  return ops;
}

/** The operations of one encoded record; places of values are told from its beginning. */
export function decodeOps(record: Uint8Array): StoredOp[] {
  return decodeBody(record, HEADER_BYTES, record.length - TRAILER_BYTES);
}

/** Where the values lie that a changed bit may hit without making the journal end there: all but the last record's. */
export function valuePlaces(bytes: Uint8Array): { offset: number; sizeBytes: number }[] {
  const places: { offset: number; sizeBytes: number }[] = [];
  for (const { ops } of readJournal(bytes).slice(0, -1)) {
    for (const op of ops) {
      if (op.type === 'put' && op.valueBytes > 0)
        places.push({ offset: op.valueOffset, sizeBytes: op.valueBytes });
    }
  }
  return places;
}

/**
 * The records of a journal, up to where a crash has cut it. The last one counts only if it is whole. One before that
 * was durable, so if it is not whole its bytes have changed since; it counts, and a reader of its values finds out.
 */
export function readJournal(bytes: Uint8Array): StoredRecord[] {
  const records: StoredRecord[] = [];
  let offset = 0;
  for (let number = 0; ; number++) {
    const header = headerAt(bytes, offset, number);
    if (header === undefined) return records;
    const bodyStart = offset + HEADER_BYTES;
    const bodyEnd = bodyStart + header.bodyBytes;
    const end = bodyEnd + TRAILER_BYTES;
    if (end > bytes.length) return records;
    const stored = new DataView(bytes.buffer, bytes.byteOffset + bodyEnd, TRAILER_BYTES).getUint32(0, true);
    const isWhole = crc32(bytes.subarray(bodyStart, bodyEnd)) === stored;
    if (!isWhole && headerAt(bytes, end, number + 1) === undefined) return records;
    records.push({ offset, end, ops: decodeBody(bytes, bodyStart, bodyEnd), isWhole });
    offset = end;
  }
}
