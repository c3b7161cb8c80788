import { CHECKSUM_FIELD_BYTES, type ChecksumRule, checkSeal, sealMessage } from './checksum.js';
import { colferEntriesSize, putColferEntries } from './colfer.js';
import { readEntries } from './entry-decoder.js';
import { copyBytes, encodedEntriesSize, ensureEncoded, putEntries } from './entry-encoder.js';
import { knownFeatures } from '../features.js';
import { encodeSnapshot, isZeroSnapshot, readNested, readSnapshot } from './snapshot-codec.js';
import type { Entry } from './entry.js';
import type { Message, MessageBatch, MessageType, Snapshot } from './types.js';
import type { Uint64 } from './uint64.js';
import { Arena } from './wire/arena.js';
import { Reader, fieldSet } from './wire/reader.js';
import { putFixedUint, putUint, putUint64, sizeOfUint, sizeOfUint64 } from './wire/varint.js';
import { AddressTexts } from './wire/address-texts.js';

/**
 * How the bodies of entries are written: `protobuf` is what our logs and messages hold, so that an entry is encoded
 * once; `colfer` is what Dragonboat v2.1.7 reads and writes.
 */
export type EntryForm = 'protobuf' | 'colfer';

interface EntryWriter {
  /** Bytes that `put` writes, tags and lengths included. */
  size: (entries: readonly Entry[]) => number;
  put: (buf: Uint8Array, start: number, entries: readonly Entry[]) => number;
}

const ENTRY_WRITERS: Readonly<Record<EntryForm, EntryWriter>> = {
  protobuf: { size: ensureEncoded, put: putEntries },
  colfer: { size: colferEntriesSize, put: putColferEntries },
};

const MESSAGE_FIELDS = fieldSet(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13);
const BATCH_FIELDS = fieldSet(1, 2, 3, 4);
/**
 * Field 100, a varint, and 110 and 111, fixed64 since they are large numbers in every message: more than fit into a set
 * of field numbers. Their tags take two bytes, and they are left out when they are zero.
 */
const FEATURES_TAG = 0x320;
const GROUP_ID_TAG = 0x371;
const SETTINGS_TAG = 0x379;
const LARGE_TAG_BYTES = 2;
const FIXED64_BYTES = 8;
const LARGEST_ENUM_VALUE = 0x7fff_ffff;
/** Tags of fields 1 to 10 and 13, the value of `reject`, and the tag of field 12. */
const FIXED_MESSAGE_BYTES = 13;

/** Of messages on their way, apart from that of entries, which live longer. */
const arena = new Arena(64 * 1024);

/** What Go writes where there is no snapshot: one with all its fields zero. */
const NO_SNAPSHOT = encodeSnapshot({
  filepath: '',
  fileSize: 0,
  index: 0,
  term: 0,
  membership: { configChangeID: 0, addresses: new Map(), removed: new Map(), observers: new Map() },
  files: [],
});

/** The few hosts that batches come from, and this one, which names itself in each that it sends. */
const addresses = new AddressTexts();

function snapshotBytes(message: Message): Uint8Array {
  return message.snapshot === undefined ? NO_SNAPSHOT : encodeSnapshot(message.snapshot);
}

function optionalSize(value: number): number {
  return value === 0 ? 0 : LARGE_TAG_BYTES + sizeOfUint(value);
}

function fixedSize(value: number): number {
  return value === 0 ? 0 : LARGE_TAG_BYTES + FIXED64_BYTES;
}

function putFixed(buf: Uint8Array, pos: number, tag: number, value: number): number {
  return value === 0 ? pos : putFixedUint(buf, putUint(buf, pos, tag), value);
}

function putOptional(buf: Uint8Array, pos: number, tag: number, value: number): number {
  return value === 0 ? pos : putUint(buf, putUint(buf, pos, tag), value);
}

function messageBodySize(message: Message, entriesSize: number, snapshotSize: number): number {
  return (
    FIXED_MESSAGE_BYTES +
    sizeOfUint(message.type) +
    sizeOfUint(message.to) +
    sizeOfUint(message.from) +
    sizeOfUint(message.clusterID) +
    sizeOfUint(message.term) +
    sizeOfUint(message.logTerm) +
    sizeOfUint(message.logIndex) +
    sizeOfUint(message.commit) +
    sizeOfUint64(message.hint) +
    sizeOfUint64(message.hintHigh) +
    entriesSize +
    sizeOfUint(snapshotSize) +
    snapshotSize +
    fixedSize(message.groupID) +
    fixedSize(message.settings)
  );
}

/** Writes a message whose entries `writer` has measured. */
function putMessageBody(
  buf: Uint8Array,
  start: number,
  message: Message,
  snapshot: Uint8Array,
  writer: EntryWriter = ENTRY_WRITERS.protobuf,
): number {
  let pos = start;
  buf[pos] = 0x08;
  pos = putUint(buf, pos + 1, message.type);
  buf[pos] = 0x10;
  pos = putUint(buf, pos + 1, message.to);
  buf[pos] = 0x18;
  pos = putUint(buf, pos + 1, message.from);
  buf[pos] = 0x20;
  pos = putUint(buf, pos + 1, message.clusterID);
  buf[pos] = 0x28;
  pos = putUint(buf, pos + 1, message.term);
  buf[pos] = 0x30;
  pos = putUint(buf, pos + 1, message.logTerm);
  buf[pos] = 0x38;
  pos = putUint(buf, pos + 1, message.logIndex);
  buf[pos] = 0x40;
  pos = putUint(buf, pos + 1, message.commit);
  buf[pos] = 0x48;
  buf[pos + 1] = message.reject ? 1 : 0;
  buf[pos + 2] = 0x50;
  pos = putUint64(buf, pos + 3, message.hint);
  pos = writer.put(buf, pos, message.entries);
  buf[pos] = 0x62;
  pos = putUint(buf, pos + 1, snapshot.length);
  for (let i = 0; i < snapshot.length; i++) buf[pos++] = snapshot[i] as number;
  buf[pos] = 0x68;
  pos = putUint64(buf, pos + 1, message.hintHigh);
  pos = putFixed(buf, pos, GROUP_ID_TAG, message.groupID);
  return putFixed(buf, pos, SETTINGS_TAG, message.settings);
}

export function encodeMessage(message: Message): Uint8Array {
  const snapshot = snapshotBytes(message);
  const size = messageBodySize(message, ensureEncoded(message.entries), snapshot.length);
  const buf = arena.allocate(size);
  const start = arena.start;
  putMessageBody(buf, start, message, snapshot);
  return buf.subarray(start, start + size);
}

/** Encoded size of the batch without its messages. Who reads colfer does not look at checksums, and gets none. */
function batchTailSize(batch: MessageBatch, address: Uint8Array, entryForm: EntryForm): number {
  return (
    3 +
    (entryForm === 'colfer' ? 0 : CHECKSUM_FIELD_BYTES) +
    sizeOfUint(batch.deploymentID) +
    sizeOfUint(address.length) +
    address.length +
    sizeOfUint(batch.binVer) +
    optionalSize(batch.features ?? 0)
  );
}

/**
 * Encodes a batch. Its entries carry their encoded bytes from then on, so that encoding them again is a copy.
 * Throws ErrUnsafeInteger when a number in it is no unsigned integer.
 */
export function encodeMessageBatch(batch: MessageBatch, entryForm: EntryForm = 'protobuf'): Uint8Array {
  const writer = ENTRY_WRITERS[entryForm];
  const { requests } = batch;
  const address = addresses.encode(batch.sourceAddress);
  const bodySizes: number[] = [];
  const snapshots: Uint8Array[] = [];
  let total = batchTailSize(batch, address, entryForm);
  for (const message of requests) {
    const snapshot = snapshotBytes(message);
    const size = messageBodySize(message, writer.size(message.entries), snapshot.length);
    bodySizes.push(size);
    snapshots.push(snapshot);
    total += 1 + sizeOfUint(size) + size;
  }
  const buf = arena.allocate(total);
  const start = arena.start;
  let pos = start;
  for (let i = 0; i < requests.length; i++) {
    buf[pos] = 0x0a;
    pos = putUint(buf, pos + 1, bodySizes[i] as number);
    pos = putMessageBody(buf, pos, requests[i] as Message, snapshots[i] as Uint8Array, writer);
  }
  buf[pos] = 0x10;
  pos = putUint(buf, pos + 1, batch.deploymentID);
  buf[pos] = 0x1a;
  pos = putUint(buf, pos + 1, address.length);
  pos = copyBytes(address, 0, address.length, buf, pos);
  buf[pos] = 0x20;
  pos = putUint(buf, pos + 1, batch.binVer);
  pos = putOptional(buf, pos, FEATURES_TAG, batch.features ?? 0);
  if (entryForm !== 'colfer') sealMessage(buf, start, pos);
  return buf.subarray(start, start + total);
}

/** Length in bytes of what `encodeMessageBatch` gives, exactly, at a fraction of its cost. */
export function encodedMessageBatchSize(batch: MessageBatch, entryForm: EntryForm = 'protobuf'): number {
  const sizeOfEntries = entryForm === 'colfer' ? colferEntriesSize : encodedEntriesSize;
  let total = batchTailSize(batch, addresses.encode(batch.sourceAddress), entryForm);
  for (const message of batch.requests) {
    const snapshotSize = snapshotBytes(message).length;
    const size = messageBodySize(message, sizeOfEntries(message.entries), snapshotSize);
    total += 1 + sizeOfUint(size) + size;
  }
  return total;
}

function readMessage(reader: Reader): Message {
  const { end } = reader;
  let type = 0;
  let to = 0;
  let from = 0;
  let clusterID = 0;
  let term = 0;
  let logTerm = 0;
  let logIndex = 0;
  let commit = 0;
  let reject = false;
  let hint: Uint64 = 0;
  let hintHigh: Uint64 = 0;
  const entries: Entry[] = [];
  let snapshot: Snapshot | undefined;
  let groupID = 0;
  let settings = 0;
  while (reader.pos < end) {
    const start = reader.pos;
    const tag = reader.tag();
    switch (tag) {
      case 0x08:
        type = reader.enumValue(LARGEST_ENUM_VALUE);
        break;
      case 0x10:
        to = reader.uint();
        break;
      case 0x18:
        from = reader.uint();
        break;
      case 0x20:
        clusterID = reader.uint();
        break;
      case 0x28:
        term = reader.uint();
        break;
      case 0x30:
        logTerm = reader.uint();
        break;
      case 0x38:
        logIndex = reader.uint();
        break;
      case 0x40:
        commit = reader.uint();
        break;
      case 0x48:
        reject = reader.bool();
        break;
      case 0x50:
        hint = reader.uint64();
        break;
      case 0x5a:
        readEntries(reader, start, entries);
        break;
      case 0x62:
        snapshot = readMessageSnapshot(reader);
        break;
      case 0x68:
        hintHigh = reader.uint64();
        break;
      case GROUP_ID_TAG:
        groupID = reader.fixedUint();
        break;
      case SETTINGS_TAG:
        settings = reader.fixedUint();
        break;
      default:
        reader.skip(tag, MESSAGE_FIELDS);
    }
  }
  return {
    type: type as MessageType,
    to,
    from,
    clusterID,
    term,
    logTerm,
    logIndex,
    commit,
    reject,
    hint,
    hintHigh,
    entries,
    snapshot,
    groupID,
    settings,
  };
}

/** Nearly every message of a Go peer carries the zero snapshot: seen by its bytes, it costs no objects. */
function readMessageSnapshot(reader: Reader): Snapshot | undefined {
  const { buf, pos } = reader;
  if (buf[pos] === NO_SNAPSHOT.length && reader.end - pos > NO_SNAPSHOT.length) {
    let i = 0;
    while (i < NO_SNAPSHOT.length && buf[pos + 1 + i] === NO_SNAPSHOT[i]) i++;
    if (i === NO_SNAPSHOT.length) {
      reader.pos = pos + 1 + i;
      return undefined;
    }
  }
  const snapshot = readNested(reader, readSnapshot);
  return isZeroSnapshot(snapshot) ? undefined : snapshot;
}

/**
 * Entries of the message keep `bytes` in memory, which must not be modified afterwards. An unknown message type is
 * kept as its number. Throws ErrMalformed or ErrUnsafeInteger.
 */
export function decodeMessage(bytes: Uint8Array): Message {
  return readMessage(new Reader(bytes));
}

/**
 * As `decodeMessage`. Nothing is read before the checksum was looked at.
 *
 * @param entryForm `colfer` when the sender may be a host of Dragonboat: entries in either form are read
 * @param rule `required` when the sender is known to give each batch a checksum: see `Arrivals`
 */
export function decodeMessageBatch(
  bytes: Uint8Array,
  entryForm: EntryForm = 'protobuf',
  rule: ChecksumRule = 'optional',
): MessageBatch {
  checkSeal(bytes, 'batch', rule);
  const reader = new Reader(bytes);
  reader.takesColfer = entryForm === 'colfer';
  const batch: MessageBatch = { requests: [], deploymentID: 0, sourceAddress: '', binVer: 0 };
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    switch (tag) {
      case 0x0a:
        batch.requests.push(readNested(reader, readMessage));
        break;
      case 0x10:
        batch.deploymentID = reader.uint();
        break;
      case 0x1a:
        batch.sourceAddress = addresses.read(reader);
        break;
      case 0x20:
        batch.binVer = reader.uint32();
        break;
      case FEATURES_TAG:
        batch.features = knownFeatures(reader.uint64());
        break;
      default:
        reader.skip(tag, BATCH_FIELDS);
    }
  }
  if (reader.sawColfer) batch.isDragonboat = true;
  return batch;
}
