import { ByteReader } from './byte-reader.js';
import { maskedCrc32c } from './crc32c.js';

/*
 * A table: data blocks, a filter block, the block that names it, the index of the data blocks, and a footer that names
 * the last two. Behind each block: its compression (1 byte), and a masked CRC-32C of both (4, little-endian).
 */
const FOOTER_BYTES = 48;
const MAGIC = 0xdb4775248b80fb57n;
const TRAILER_BYTES = 5;
const RESTART_BYTES = 4;
const NOT_COMPRESSED = 0;

interface BlockHandle {
  offset: number;
  sizeBytes: number;
}

function readHandle(reader: ByteReader): BlockHandle {
  return { offset: reader.varint(), sizeBytes: reader.varint() };
}

/** Throws RangeError unless the block is as it was written. */
function checkBlock(data: Buffer, { offset, sizeBytes }: BlockHandle): void {
  const end = offset + sizeBytes;
  if (end + TRAILER_BYTES > data.length - FOOTER_BYTES) throw new RangeError(`no block ends at byte ${end}`);
  if (data.readUInt32LE(end + 1) !== maskedCrc32c(data, offset, end + 1)) {
    throw new RangeError(`the checksum of the block at byte ${offset} does not match`);
  }
}

/** The handles that a checked block holds as values of its entries. */
function handlesIn(data: Buffer, { offset, sizeBytes }: BlockHandle): BlockHandle[] {
  const end = offset + sizeBytes;
  if (data[end] !== NOT_COMPRESSED) throw new RangeError('it is compressed, which this LogDB never asks for');
  const restarts = data.readUInt32LE(end - RESTART_BYTES);
  const reader = new ByteReader(data, offset, end - RESTART_BYTES * (restarts + 1));
  const handles: BlockHandle[] = [];
  while (!reader.isAtEnd) {
    reader.varint(); // bytes of the key that are those of the key before
    const keyBytes = reader.varint();
    const valueBytes = reader.varint();
    reader.skip(keyBytes);
    const next = reader.position + valueBytes;
    handles.push(readHandle(reader));
    reader.skip(next - reader.position);
  }
  return handles;
}

/** Reads all of a table. Throws RangeError when a byte of it that means something is not as it was written. */
export function checkTable(data: Buffer): void {
  if (data.length < FOOTER_BYTES) throw new RangeError('it is cut off');
  if (data.readBigUInt64LE(data.length - 8) !== MAGIC)
    throw new RangeError('its last bytes are not those of a table');
  const footer = new ByteReader(data, data.length - FOOTER_BYTES, data.length - 8);
  const roots = [readHandle(footer), readHandle(footer)];
  for (const root of roots) checkBlock(data, root);
  const named = roots.flatMap((root) => handlesIn(data, root));
  for (const handle of named) checkBlock(data, handle);
  const covered = [...roots, ...named].reduce((sum, { sizeBytes }) => sum + sizeBytes + TRAILER_BYTES, 0);
  if (covered !== data.length - FOOTER_BYTES) {
    throw new RangeError(`its blocks take up ${covered} of ${data.length - FOOTER_BYTES} bytes`);
  }
}
