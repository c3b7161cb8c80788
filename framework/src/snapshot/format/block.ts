import { crc32 } from 'node:zlib';
import { corrupt } from './corrupt.js';

/*
 * A block, all integers little-endian:
 *
 *   u8   section     u8 encoding (0 as it is, 1 snappy)     u16 0
 *   u32  size as stored     u32 size before compression
 *   u32  CRC-32 of: the block's offset in the file as u64, the 12 bytes before, the stored bytes
 *   …    stored bytes
 *
 * The offset in the checksum is what tells a block at its own place from the same block elsewhere.
 */

export const Section = Object.freeze({ Sessions: 1, Data: 2, Description: 3 });
export type Section = (typeof Section)[keyof typeof Section];

export const BLOCK_HEADER_BYTES = 16;
const CHECKED_BYTES = 12;
/** Bound of a block before compression: also of what reading a damaged or hostile file can make us allocate. */
export const MAX_BLOCK_BYTES = 1024 * 1024;

export interface BlockHeader {
  section: Section;
  compressed: boolean;
  storedBytes: number;
  rawBytes: number;
  checksum: number;
}

/** What the checksum of a block begins with; to go on with its stored bytes. */
export function blockChecksumSeed(headerBytes: Uint8Array, offset: number): number {
  const place = new Uint8Array(8);
  new DataView(place.buffer).setBigUint64(0, BigInt(offset), true);
  return crc32(headerBytes.subarray(0, CHECKED_BYTES), crc32(place));
}

/** Writes the header of the block that begins at `offset` of its file to the first 16 bytes of `target`. */
export function putBlockHeader(
  target: Uint8Array,
  block: Pick<BlockHeader, 'section' | 'compressed' | 'rawBytes'>,
  stored: Uint8Array,
  offset: number,
): void {
  const view = new DataView(target.buffer, target.byteOffset, BLOCK_HEADER_BYTES);
  view.setUint32(0, block.section | (block.compressed ? 0x100 : 0), true);
  view.setUint32(4, stored.length, true);
  view.setUint32(8, block.rawBytes, true);
  view.setUint32(CHECKED_BYTES, crc32(stored, blockChecksumSeed(target, offset)), true);
}

/** Throws ErrSnapshotCorrupt when no writer could have written such a header. The checksum is not checked yet. */
export function readBlockHeader(bytes: Uint8Array, path: string, offset: number): BlockHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, BLOCK_HEADER_BYTES);
  const kind = view.getUint32(0, true);
  const section = kind & 0xff;
  const compressed = kind >>> 8 === 1;
  const storedBytes = view.getUint32(4, true);
  const rawBytes = view.getUint32(8, true);
  const isSection =
    section === Section.Sessions || section === Section.Data || section === Section.Description;
  if (!isSection || kind >>> 8 > 1) throw corrupt(path, offset, 'no block begins there');
  const sizeFits = compressed ? storedBytes < rawBytes : storedBytes === rawBytes;
  if (storedBytes === 0 || rawBytes > MAX_BLOCK_BYTES || !sizeFits) {
    throw corrupt(path, offset, 'the size of the block is impossible');
  }
  return { section, compressed, storedBytes, rawBytes, checksum: view.getUint32(CHECKED_BYTES, true) };
}
