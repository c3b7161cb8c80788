import { type ChecksumRule, checkSeal } from './checksum.js';
import { EMPTY_BYTES } from './entry.js';
import {
  isZeroSnapshotFile,
  readMembership,
  readNested,
  readSnapshotFile,
  writeMembership,
  writeSnapshotFile,
} from './snapshot-codec.js';
import { type SnapshotChunk, type SnapshotFile, emptyMembership } from './types.js';
import { Reader, fieldSet } from './wire/reader.js';
import { Writer } from './wire/writer.js';

const CHUNK_FIELDS = fieldSet(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16, 17, 18, 19);
/** Fields 110 and 111, varints: more than fits into a set of field numbers. */
const GROUP_ID_TAG = 0x370;
const SETTINGS_TAG = 0x378;
/** Room for what a chunk says besides its data, so that the buffer hardly ever has to grow. */
const CHUNK_HEAD_BYTES = 1024;
/** What Go writes where there is none: the field can't be absent there. */
const NO_FILE: SnapshotFile = { filepath: '', fileSize: 0, fileID: 0, metadata: EMPTY_BYTES };

/** Throws ErrUnsafeInteger when a number in the chunk is no unsigned integer. */
export function encodeSnapshotChunk(chunk: SnapshotChunk): Uint8Array {
  const writer = new Writer(chunk.data.length + CHUNK_HEAD_BYTES);
  writer.uint(1, chunk.clusterID);
  writer.uint(2, chunk.nodeID);
  writer.uint(3, chunk.from);
  writer.uint(4, chunk.chunkID);
  writer.uint(5, chunk.chunkSize);
  writer.uint(6, chunk.chunkCount);
  writer.optionalBytes(7, chunk.data);
  writer.uint(8, chunk.index);
  writer.uint(9, chunk.term);
  writer.nested(10, chunk.membership, writeMembership);
  writer.string(12, chunk.filepath);
  writer.uint(13, chunk.fileSize);
  writer.uint(14, chunk.deploymentID);
  writer.uint(15, chunk.fileChunkID);
  writer.uint(16, chunk.fileChunkCount);
  writer.bool(17, chunk.hasFileInfo);
  writer.nested(18, chunk.fileInfo ?? NO_FILE, writeSnapshotFile);
  writer.uint(19, chunk.binVer);
  if (chunk.groupID) writer.uint(110, chunk.groupID);
  if (chunk.settings) writer.uint(111, chunk.settings);
  return writer.finishSealed();
}

function emptyChunk(): SnapshotChunk {
  return {
    clusterID: 0,
    nodeID: 0,
    from: 0,
    chunkID: 0,
    chunkSize: 0,
    chunkCount: 0,
    data: EMPTY_BYTES,
    index: 0,
    term: 0,
    membership: emptyMembership(),
    filepath: '',
    fileSize: 0,
    deploymentID: 0,
    fileChunkID: 0,
    fileChunkCount: 0,
    hasFileInfo: false,
    fileInfo: undefined,
    binVer: 0,
  };
}

/**
 * `data` is a view of `bytes`, which must not be modified while it is used. Nothing is read before the checksum was
 * looked at. Throws ErrMalformed or ErrUnsafeInteger.
 */
export function decodeSnapshotChunk(bytes: Uint8Array, rule: ChecksumRule = 'optional'): SnapshotChunk {
  checkSeal(bytes, 'chunk', rule);
  const reader = new Reader(bytes);
  const chunk = emptyChunk();
  while (reader.pos < reader.end) readChunkField(reader, reader.tag(), chunk);
  if (!chunk.hasFileInfo && chunk.fileInfo !== undefined && isZeroSnapshotFile(chunk.fileInfo)) {
    chunk.fileInfo = undefined;
  }
  return chunk;
}

function readChunkField(reader: Reader, tag: number, chunk: SnapshotChunk): void {
  switch (tag) {
    case 0x08:
      chunk.clusterID = reader.uint();
      return;
    case 0x10:
      chunk.nodeID = reader.uint();
      return;
    case 0x18:
      chunk.from = reader.uint();
      return;
    case 0x20:
      chunk.chunkID = reader.uint();
      return;
    case 0x28:
      chunk.chunkSize = reader.uint();
      return;
    case 0x30:
      chunk.chunkCount = reader.uint();
      return;
    case 0x3a:
      chunk.data = reader.view();
      return;
    case 0x40:
      chunk.index = reader.uint();
      return;
    case 0x48:
      chunk.term = reader.uint();
      return;
    case 0x52:
      chunk.membership = readNested(reader, readMembership);
      return;
    default:
      readChunkFileField(reader, tag, chunk);
  }
}

function readChunkFileField(reader: Reader, tag: number, chunk: SnapshotChunk): void {
  switch (tag) {
    case 0x62:
      chunk.filepath = reader.string();
      return;
    case 0x68:
      chunk.fileSize = reader.uint();
      return;
    case 0x70:
      chunk.deploymentID = reader.uint();
      return;
    case 0x78:
      chunk.fileChunkID = reader.uint();
      return;
    case 0x80:
      chunk.fileChunkCount = reader.uint();
      return;
    case 0x88:
      chunk.hasFileInfo = reader.bool();
      return;
    case 0x92:
      chunk.fileInfo = readNested(reader, readSnapshotFile);
      return;
    case 0x98:
      chunk.binVer = reader.uint32();
      return;
    case GROUP_ID_TAG:
      chunk.groupID = reader.uint();
      return;
    case SETTINGS_TAG:
      chunk.settings = reader.uint();
      return;
    default:
      reader.skip(tag, CHUNK_FIELDS);
  }
}
