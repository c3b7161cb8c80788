import { crc32 } from 'node:zlib';
import {
  ChecksumType,
  SNAPSHOT_HEADER_BLOCK_BYTES,
  type SnapshotHeader,
  decodeSnapshotHeader,
  encodeSnapshotHeader,
} from '@drakkar/raftio';
import { messageOf } from '../../errors/inspect.js';
import { ErrIncompatibleData } from '../../errors/host.js';
import { corrupt } from './corrupt.js';

/*
 * A snapshot file, all integers little-endian:
 *
 *   header block, 1,024 bytes:
 *     8 bytes  "DRAKSNAP"
 *     u64      offset of the description section
 *     u32      size of the SnapshotHeader
 *     …        SnapshotHeader (protobuf), then zeros
 *   blocks (see block.ts) of three sections in this order: client sessions, state machine data, description
 *
 * SnapshotHeader.headerChecksum is the CRC-32 of the header block as it is with a headerChecksum of four zero bytes,
 * and payloadChecksum that of all bytes after the header block; both big-endian, as Go's hash.Sum gives them.
 * sessionSize and dataStoreSize count bytes before compression. The header is written last.
 */

export const FORMAT_VERSION = 1;
const MAGIC = new TextEncoder().encode('DRAKSNAP');
const FIXED_BYTES = MAGIC.length + 12;
const NO_CHECKSUM = new Uint8Array(4);

/** What the header block says, apart from its own checksum. */
export interface FileHeader {
  sessionSize: number;
  dataStoreSize: number;
  unreliableTime: SnapshotHeader['unreliableTime'];
  gitVersion: string;
  /** CRC-32 of everything after the header block. */
  payloadChecksum: number;
  version: number;
  descriptionOffset: number;
}

function checksumBytes(checksum: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, checksum);
  return bytes;
}

function layOut(header: FileHeader, headerChecksum: Uint8Array): Uint8Array {
  const encoded = encodeSnapshotHeader({
    sessionSize: header.sessionSize,
    dataStoreSize: header.dataStoreSize,
    unreliableTime: header.unreliableTime,
    gitVersion: header.gitVersion,
    headerChecksum,
    payloadChecksum: checksumBytes(header.payloadChecksum),
    checksumType: ChecksumType.CRC32IEEE,
    version: header.version,
  });
  const block = new Uint8Array(SNAPSHOT_HEADER_BLOCK_BYTES);
  const view = new DataView(block.buffer);
  block.set(MAGIC);
  view.setBigUint64(MAGIC.length, BigInt(header.descriptionOffset), true);
  view.setUint32(MAGIC.length + 8, encoded.length, true);
  block.set(encoded, FIXED_BYTES);
  return block;
}

export function encodeHeaderBlock(header: FileHeader): Uint8Array {
  return layOut(header, checksumBytes(crc32(layOut(header, NO_CHECKSUM))));
}

function parse(block: Uint8Array): FileHeader {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  const sizeBytes = view.getUint32(MAGIC.length + 8, true);
  if (sizeBytes > block.length - FIXED_BYTES) throw new Error(`a header of ${sizeBytes} bytes`);
  const header = decodeSnapshotHeader(block.subarray(FIXED_BYTES, FIXED_BYTES + sizeBytes));
  const { payloadChecksum } = header;
  if (payloadChecksum.length !== 4) throw new Error('no payload checksum');
  const payloadView = new DataView(payloadChecksum.buffer, payloadChecksum.byteOffset, 4);
  return {
    sessionSize: header.sessionSize,
    dataStoreSize: header.dataStoreSize,
    unreliableTime: header.unreliableTime,
    gitVersion: header.gitVersion,
    payloadChecksum: payloadView.getUint32(0),
    version: header.version,
    descriptionOffset: Number(view.getBigUint64(MAGIC.length, true)),
  };
}

/**
 * @param block the first SNAPSHOT_HEADER_BLOCK_BYTES of the file at `path`
 * @throws ErrSnapshotCorrupt unless the block is, bit for bit, what `encodeHeaderBlock` writes
 * @throws ErrIncompatibleData when it is of another format version
 */
export function decodeHeaderBlock(block: Uint8Array, path: string): FileHeader {
  if (Buffer.compare(block.subarray(0, MAGIC.length), MAGIC) !== 0) {
    throw corrupt(path, 0, 'it does not begin as a snapshot file does');
  }
  let header: FileHeader;
  let expected: Uint8Array;
  try {
    header = parse(block);
    expected = encodeHeaderBlock(header);
  } catch (error) {
    throw corrupt(path, 0, `the header can't be read (${messageOf(error)})`, error);
  }
  if (Buffer.compare(block, expected) !== 0) throw corrupt(path, 0, 'wrong checksum of the header');
  if (header.version !== FORMAT_VERSION) {
    throw new ErrIncompatibleData(
      `${path} is a snapshot of format version ${header.version}; this release reads ${FORMAT_VERSION}`,
      { details: { path, version: header.version } },
    );
  }
  if (header.descriptionOffset < SNAPSHOT_HEADER_BLOCK_BYTES) {
    throw corrupt(path, 0, `the description can't be at ${header.descriptionOffset}`);
  }
  return header;
}
