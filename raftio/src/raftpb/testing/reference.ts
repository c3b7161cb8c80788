import { crc32 } from 'node:zlib';
import protobuf from 'protobufjs';
import { Entry } from '../entry.js';
import { WIRE_SCHEMA } from './schema.js';

/** A value with nothing but strings, booleans, bytes, arrays and plain objects in it: comparable and convertible. */
export type Plain = string | boolean | Uint8Array | Plain[] | { [key: string]: Plain };

const withZeros = protobuf.parse(WIRE_SCHEMA).root;
const withoutZeros = protobuf.parse(WIRE_SCHEMA.replaceAll('required', 'optional')).root;

const NO_FILE = { filepath: '', fileSize: '0', fileID: '0' };
const NO_SNAPSHOT = {
  filepath: '',
  fileSize: '0',
  index: '0',
  term: '0',
  membership: { configChangeID: '0', addresses: {}, removed: {}, observers: {} },
  files: [],
};
/** What stands on the wire where we say undefined. */
const ZERO_MESSAGES: Record<string, Plain> = { snapshot: NO_SNAPSHOT, fileInfo: NO_FILE };

function plainFields(entries: Iterable<[string, unknown]>): Plain {
  const result: { [key: string]: Plain } = {};
  for (const [name, value] of entries) {
    const plain = value === undefined ? ZERO_MESSAGES[name] : toPlain(value);
    if (plain === undefined) throw new Error(`${name} is undefined`);
    // Go and the reference tell absent bytes from empty ones; our types don't.
    if (!(plain instanceof Uint8Array && plain.length === 0)) result[name] = plain;
  }
  return result;
}

/** The value as the reference takes it; numbers become strings, so that none is rounded on the way. */
export function toPlain(value: unknown): Plain {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (Array.isArray(value)) return value.map(toPlain);
  if (value instanceof Map) {
    const pairs = [...(value as Map<number, unknown>)].sort(([a], [b]) => a - b);
    return plainFields(pairs.map(([key, item]) => [String(key), item]));
  }
  if (value instanceof Entry) {
    const { term, index, type, key, clientID, seriesID, respondedTo, cmd } = value;
    return plainFields(Object.entries({ term, index, type, key, clientID, seriesID, respondedTo, cmd }));
  }
  if (typeof value === 'object' && value !== null) return plainFields(Object.entries(value));
  throw new Error(`not a value of a message: ${typeof value}`);
}

/** Without the fields that are zero, as an encoder writes it that leaves those out. */
function withoutZeroFields(value: Plain): Plain {
  if (Array.isArray(value)) return value.map(withoutZeroFields);
  if (typeof value !== 'object' || value instanceof Uint8Array) return value;
  const isMap = Object.keys(value).every((key) => /^\d+$/.test(key));
  if (isMap) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== '0' && field !== '' && field !== false)
      .map(([name, field]) => [name, withoutZeroFields(field)]),
  );
}

/** Encoded by the reference, zeros written, with checksums: what our encoders write. */
export function encodeByReference(type: string, value: Plain): Uint8Array {
  const bytes = encodeWith(withZeros, type, withEntryChecksums(value));
  if (type !== 'MessageBatch' && type !== 'SnapshotChunk') return bytes;
  // Field 101, fixed32.
  const checksum = Buffer.from([0xad, 0x06, 0, 0, 0, 0]);
  checksum.writeUInt32LE(crc32(bytes), 2);
  return new Uint8Array(Buffer.concat([bytes, checksum]));
}

function withEntryChecksums(value: Plain): Plain {
  if (Array.isArray(value)) return value.map(withEntryChecksums);
  if (typeof value !== 'object' || value instanceof Uint8Array) return value;
  const fields = Object.fromEntries(
    Object.entries(value).map(([name, field]) => [name, withEntryChecksums(field)]),
  );
  if (!('respondedTo' in fields && 'key' in fields)) return fields;
  return { ...fields, checksum: String(crc32(encodeWith(withZeros, 'Proposed', fields)) || 0xffff_ffff) };
}

/** Encoded by the reference, zeros left out. */
export function encodeSparselyByReference(type: string, value: Plain): Uint8Array {
  return encodeWith(withoutZeros, type, withoutZeroFields(value));
}

function encodeWith(root: protobuf.Root, typeName: string, value: Plain): Uint8Array {
  const type = root.lookupType(`raftpb.${typeName}`);
  return new Uint8Array(type.encode(type.fromObject(value as Record<string, unknown>)).finish());
}
