import type { Membership, Snapshot, SnapshotFile } from './types.js';
import { emptyMembership } from './types.js';
import { EMPTY_BYTES } from './entry.js';
import { Reader, fieldSet } from './wire/reader.js';
import { Writer } from './wire/writer.js';

const MAP_ENTRY_FIELDS = fieldSet(1, 2);
const MEMBERSHIP_FIELDS = fieldSet(1, 2, 3, 4);
const FILE_FIELDS = fieldSet(2, 3, 4, 5);
const SNAPSHOT_FIELDS = fieldSet(2, 3, 4, 5, 6, 7);

/** Node ids in ascending order, so that equal maps have equal bytes. */
function sortedKeys(map: ReadonlyMap<number, unknown>): number[] {
  return [...map.keys()].sort((a, b) => a - b);
}

export function writeAddresses(writer: Writer, field: number, addresses: ReadonlyMap<number, string>): void {
  for (const id of sortedKeys(addresses)) {
    writer.nested(field, id, () => {
      writer.uint(1, id);
      writer.string(2, addresses.get(id) ?? '');
    });
  }
}

function writeFlags(writer: Writer, field: number, flags: ReadonlyMap<number, boolean>): void {
  for (const id of sortedKeys(flags)) {
    writer.nested(field, id, () => {
      writer.uint(1, id);
      writer.bool(2, flags.get(id) ?? false);
    });
  }
}

/** Reads one entry of a map: key and value default to zero, and the last value of a key that is repeated counts. */
export function readAddress(reader: Reader, addresses: Map<number, string>): void {
  const outerEnd = reader.enter();
  let id = 0;
  let address = '';
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 0x08) id = reader.uint();
    else if (tag === 0x12) address = reader.string();
    else reader.skip(tag, MAP_ENTRY_FIELDS);
  }
  reader.leave(outerEnd);
  addresses.set(id, address);
}

function readFlag(reader: Reader, flags: Map<number, boolean>): void {
  const outerEnd = reader.enter();
  let id = 0;
  let flag = false;
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 0x08) id = reader.uint();
    else if (tag === 0x10) flag = reader.bool();
    else reader.skip(tag, MAP_ENTRY_FIELDS);
  }
  reader.leave(outerEnd);
  flags.set(id, flag);
}

export function writeMembership(writer: Writer, membership: Membership): void {
  writer.uint(1, membership.configChangeID);
  writeAddresses(writer, 2, membership.addresses);
  writeFlags(writer, 3, membership.removed);
  writeAddresses(writer, 4, membership.observers);
}

export function readMembership(reader: Reader): Membership {
  const membership = emptyMembership();
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    switch (tag) {
      case 0x08:
        membership.configChangeID = reader.uint();
        break;
      case 0x12:
        readAddress(reader, membership.addresses);
        break;
      case 0x1a:
        readFlag(reader, membership.removed);
        break;
      case 0x22:
        readAddress(reader, membership.observers);
        break;
      default:
        reader.skip(tag, MEMBERSHIP_FIELDS);
    }
  }
  return membership;
}

export function writeSnapshotFile(writer: Writer, file: SnapshotFile): void {
  writer.string(2, file.filepath);
  writer.uint(3, file.fileSize);
  writer.uint(4, file.fileID);
  writer.optionalBytes(5, file.metadata);
}

export function readSnapshotFile(reader: Reader): SnapshotFile {
  const file: SnapshotFile = { filepath: '', fileSize: 0, fileID: 0, metadata: EMPTY_BYTES };
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    switch (tag) {
      case 0x12:
        file.filepath = reader.string();
        break;
      case 0x18:
        file.fileSize = reader.uint();
        break;
      case 0x20:
        file.fileID = reader.uint();
        break;
      case 0x2a:
        file.metadata = reader.bytes();
        break;
      default:
        reader.skip(tag, FILE_FIELDS);
    }
  }
  return file;
}

function writeSnapshot(writer: Writer, snapshot: Snapshot): void {
  writer.string(2, snapshot.filepath);
  writer.uint(3, snapshot.fileSize);
  writer.uint(4, snapshot.index);
  writer.uint(5, snapshot.term);
  writer.nested(6, snapshot.membership, writeMembership);
  for (const file of snapshot.files) writer.nested(7, file, writeSnapshotFile);
}

export function readSnapshot(reader: Reader): Snapshot {
  const snapshot: Snapshot = {
    filepath: '',
    fileSize: 0,
    index: 0,
    term: 0,
    membership: emptyMembership(),
    files: [],
  };
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    switch (tag) {
      case 0x12:
        snapshot.filepath = reader.string();
        break;
      case 0x18:
        snapshot.fileSize = reader.uint();
        break;
      case 0x20:
        snapshot.index = reader.uint();
        break;
      case 0x28:
        snapshot.term = reader.uint();
        break;
      case 0x32:
        snapshot.membership = readNested(reader, readMembership);
        break;
      case 0x3a:
        snapshot.files.push(readNested(reader, readSnapshotFile));
        break;
      default:
        reader.skip(tag, SNAPSHOT_FIELDS);
    }
  }
  return snapshot;
}

export function readNested<T>(reader: Reader, read: (reader: Reader) => T): T {
  const outerEnd = reader.enter();
  const value = read(reader);
  reader.leave(outerEnd);
  return value;
}

export function encodeWith<T>(value: T, write: (writer: Writer, value: T) => void): Uint8Array {
  const writer = new Writer();
  write(writer, value);
  return writer.finish();
}

export function encodeMembership(membership: Membership): Uint8Array {
  return encodeWith(membership, writeMembership);
}

export function decodeMembership(bytes: Uint8Array): Membership {
  return readMembership(new Reader(bytes));
}

export function encodeSnapshotFile(file: SnapshotFile): Uint8Array {
  return encodeWith(file, writeSnapshotFile);
}

export function decodeSnapshotFile(bytes: Uint8Array): SnapshotFile {
  return readSnapshotFile(new Reader(bytes));
}

export function encodeSnapshot(snapshot: Snapshot): Uint8Array {
  return encodeWith(snapshot, writeSnapshot);
}

export function decodeSnapshot(bytes: Uint8Array): Snapshot {
  return readSnapshot(new Reader(bytes));
}

/**
 * Whether nothing is said: what Go writes where there is no snapshot, because the field can't be absent there.
 */
export function isZeroSnapshot(snapshot: Snapshot): boolean {
  const { membership } = snapshot;
  return (
    snapshot.index === 0 &&
    snapshot.term === 0 &&
    snapshot.fileSize === 0 &&
    snapshot.filepath === '' &&
    snapshot.files.length === 0 &&
    membership.configChangeID === 0 &&
    membership.addresses.size === 0 &&
    membership.removed.size === 0 &&
    membership.observers.size === 0
  );
}

export function isZeroSnapshotFile(file: SnapshotFile): boolean {
  return file.filepath === '' && file.fileSize === 0 && file.fileID === 0 && file.metadata.length === 0;
}
