import { crc32 } from 'node:zlib';
import {
  ChecksumType,
  EMPTY_BYTES,
  SNAPSHOT_HEADER_BLOCK_BYTES,
  type SnapshotHeader,
  decodeSnapshotHeader,
  encodeSnapshotHeader,
} from '@drakkar/raftio';
import { messageOf } from '../../errors/inspect.js';
import { corrupt } from './corrupt.js';

/*
 * The header block of a snapshot file of Dragonboat v2.1.7, 1,024 bytes:
 *
 *   u64  size n of the header, little-endian, at most 1,016
 *   n    SnapshotHeader (protobuf)
 *   …    anything
 *
 * Behind it lie the client sessions, then the bytes of the state machine, as they are. payloadChecksum is the CRC-32
 * of everything behind the block; headerChecksum that of the header encoded without a headerChecksum. Both big-endian.
 */
const SIZE_BYTES = 8;
export const MAX_DRAGONBOAT_HEADER_BYTES = SNAPSHOT_HEADER_BLOCK_BYTES - SIZE_BYTES;
const VERSION = 1;
const CHECKSUM_BYTES = 4;

export interface DragonboatHeader {
  /** Size in bytes of the client sessions, with which the payload begins. */
  sessionSize: number;
  /** Size in bytes of the state machine's part. */
  dataStoreSize: number;
  /** When it was written, in nanoseconds since 1970. */
  unreliableTime: SnapshotHeader['unreliableTime'];
  /** CRC-32 of everything behind the header block. */
  payloadChecksum: number;
}

function checksumBytes(checksum: number): Uint8Array {
  const bytes = new Uint8Array(CHECKSUM_BYTES);
  new DataView(bytes.buffer).setUint32(0, checksum);
  return bytes;
}

/** Whether a snapshot file that begins with these bytes, eight at least, may be one of Dragonboat v2.1.7. */
export function isDragonboatFile(first: Uint8Array): boolean {
  if (first.length < SIZE_BYTES) return false;
  const view = new DataView(first.buffer, first.byteOffset, SIZE_BYTES);
  const sizeBytes = view.getBigUint64(0, true);
  return sizeBytes > 0n && sizeBytes <= BigInt(MAX_DRAGONBOAT_HEADER_BYTES);
}

export function encodeDragonboatHeader(header: DragonboatHeader): Uint8Array {
  const fields: SnapshotHeader = {
    sessionSize: header.sessionSize,
    dataStoreSize: header.dataStoreSize,
    unreliableTime: header.unreliableTime,
    gitVersion: '',
    headerChecksum: EMPTY_BYTES,
    payloadChecksum: checksumBytes(header.payloadChecksum),
    checksumType: ChecksumType.CRC32IEEE,
    version: VERSION,
  };
  const headerChecksum = checksumBytes(crc32(encodeSnapshotHeader(fields)));
  const encoded = encodeSnapshotHeader({ ...fields, headerChecksum });
  const block = new Uint8Array(SNAPSHOT_HEADER_BLOCK_BYTES);
  new DataView(block.buffer).setBigUint64(0, BigInt(encoded.length), true);
  block.set(encoded, SIZE_BYTES);
  return block;
}

/**
 * @param block the first SNAPSHOT_HEADER_BLOCK_BYTES of the file at `path`
 * @throws ErrSnapshotCorrupt when it is no such block, or damaged
 */
export function decodeDragonboatHeader(block: Uint8Array, path: string): DragonboatHeader {
  if (block.length < SNAPSHOT_HEADER_BLOCK_BYTES || !isDragonboatFile(block)) {
    throw corrupt(path, 0, 'it does not begin as a snapshot file of Dragonboat does');
  }
  const size = Number(new DataView(block.buffer, block.byteOffset, SIZE_BYTES).getBigUint64(0, true));
  let header: SnapshotHeader;
  try {
    header = decodeSnapshotHeader(block.subarray(SIZE_BYTES, SIZE_BYTES + size));
  } catch (error) {
    throw corrupt(path, 0, `the header can't be read (${messageOf(error)})`, error);
  }
  checkHeader(header, path);
  const again = encodeSnapshotHeader(header);
  if (Buffer.compare(again, block.subarray(SIZE_BYTES, SIZE_BYTES + size)) !== 0) {
    throw corrupt(path, 0, 'the header is not as Dragonboat writes it');
  }
  return {
    sessionSize: header.sessionSize,
    dataStoreSize: header.dataStoreSize,
    unreliableTime: header.unreliableTime,
    payloadChecksum: Buffer.from(header.payloadChecksum).readUInt32BE(),
  };
}

function checkHeader(header: SnapshotHeader, path: string): void {
  const { headerChecksum, payloadChecksum, version, checksumType } = header;
  const expected = checksumBytes(crc32(encodeSnapshotHeader({ ...header, headerChecksum: EMPTY_BYTES })));
  if (Buffer.compare(headerChecksum, expected) !== 0) throw corrupt(path, 0, 'wrong checksum of the header');
  if (version !== VERSION) throw corrupt(path, 0, `format version ${version} of Dragonboat, not ${VERSION}`);
  if (checksumType !== ChecksumType.CRC32IEEE || payloadChecksum.length !== CHECKSUM_BYTES) {
    throw corrupt(path, 0, `no CRC-32 of the payload, but checksum type ${checksumType}`);
  }
}
