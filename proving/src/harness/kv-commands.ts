import { Buffer } from 'node:buffer';

/** First byte of a command: `op, key length (u16 LE), key, value`. */
export const KVOp = Object.freeze({ put: 1, delete: 2 } as const);
/** First byte of a query: `op, key`. */
export const KVQuery = Object.freeze({ get: 1, digest: 2, scan: 3 } as const);

export interface KVCommand {
  op: (typeof KVOp)[keyof typeof KVOp];
  key: string;
  value: Uint8Array;
}

/** A key as it stands. */
export interface KVRecord {
  key: string;
  /** How many puts it has had since it was created; a delete starts it afresh. */
  version: number;
  value: Uint8Array;
}

/** What two replicas compare to tell whether they are the same. */
export interface KVDigest {
  /** Puts and deletes applied since the beginning. */
  writeCount: number;
  keyCount: number;
  /** Two 32-bit halves, in hexadecimal. */
  hash: string;
}

const KEY_OFFSET = 3;
const NO_VALUE = new Uint8Array(0);

export function encodePut(key: string, value: Uint8Array): Uint8Array {
  return encodeCommand(KVOp.put, key, value);
}

export function encodeDelete(key: string): Uint8Array {
  return encodeCommand(KVOp.delete, key, NO_VALUE);
}

function encodeCommand(op: KVCommand['op'], key: string, value: Uint8Array): Uint8Array {
  const keySizeBytes = Buffer.byteLength(key);
  if (keySizeBytes > 0xffff) throw new RangeError(`a key of ${keySizeBytes} bytes is too long`);
  const cmd = Buffer.allocUnsafe(KEY_OFFSET + keySizeBytes + value.length);
  cmd[0] = op;
  cmd.writeUInt16LE(keySizeBytes, 1);
  cmd.write(key, KEY_OFFSET);
  cmd.set(value, KEY_OFFSET + keySizeBytes);
  return cmd;
}

/** `undefined` for what is no command, or is cut short: anybody who may propose can propose anything. */
export function decodeCommand(cmd: Uint8Array): KVCommand | undefined {
  const bytes = asBuffer(cmd);
  const op = bytes[0];
  if ((op !== KVOp.put && op !== KVOp.delete) || bytes.length < KEY_OFFSET) return undefined;
  const valueOffset = KEY_OFFSET + bytes.readUInt16LE(1);
  if (valueOffset > bytes.length) return undefined;
  return { op, key: bytes.toString('utf8', KEY_OFFSET, valueOffset), value: bytes.subarray(valueOffset) };
}

export function encodeGet(key: string): Uint8Array {
  return Buffer.from(`${String.fromCharCode(KVQuery.get)}${key}`);
}

/** Asks for records in the order of their keys, those above `after` first. */
export function encodeScan(after: string): Uint8Array {
  return Buffer.from(`${String.fromCharCode(KVQuery.scan)}${after}`);
}

export function encodeDigest(): Uint8Array {
  return Uint8Array.of(KVQuery.digest);
}

/** A record as `key length (u16), value length (u32), version (f64), key, value`; all little-endian. */
const RECORD_HEADER_BYTES = 14;

export function encodeRecord({ key, version, value }: KVRecord): Uint8Array {
  const keySizeBytes = Buffer.byteLength(key);
  const bytes = Buffer.allocUnsafe(RECORD_HEADER_BYTES + keySizeBytes + value.length);
  bytes.writeUInt16LE(keySizeBytes, 0);
  bytes.writeUInt32LE(value.length, 2);
  bytes.writeDoubleLE(version, 6);
  bytes.write(key, RECORD_HEADER_BYTES);
  bytes.set(value, RECORD_HEADER_BYTES + keySizeBytes);
  return bytes;
}

/** The record at `offset` and where the next one starts; `undefined` when there is not all of it. */
export function decodeRecord(
  bytes: Buffer,
  offset: number,
): { record: KVRecord; nextOffset: number } | undefined {
  const keyOffset = offset + RECORD_HEADER_BYTES;
  if (keyOffset > bytes.length) return undefined;
  const valueOffset = keyOffset + bytes.readUInt16LE(offset);
  const nextOffset = valueOffset + bytes.readUInt32LE(offset + 2);
  if (nextOffset > bytes.length) return undefined;
  const record = {
    key: bytes.toString('utf8', keyOffset, valueOffset),
    version: bytes.readDoubleLE(offset + 6),
    value: bytes.subarray(valueOffset, nextOffset),
  };
  return { record, nextOffset };
}

/** The records in an answer to `get` (none or one) or `scan`. */
export function decodeRecords(answer: Uint8Array): KVRecord[] {
  const bytes = asBuffer(answer);
  const records: KVRecord[] = [];
  for (let offset = 0; offset < bytes.length;) {
    const decoded = decodeRecord(bytes, offset);
    if (decoded === undefined) throw new RangeError('a record that is cut short');
    records.push(decoded.record);
    offset = decoded.nextOffset;
  }
  return records;
}

export function encodeDigestAnswer(digest: KVDigest): Uint8Array {
  return Buffer.from(JSON.stringify(digest));
}

export function decodeDigestAnswer(answer: Uint8Array): KVDigest {
  return JSON.parse(asBuffer(answer).toString()) as KVDigest;
}

/** The same bytes as a Buffer, not copied. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
