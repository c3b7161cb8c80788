const POLYNOMIAL = 0x82f63b78;
const SLICES = 8;

/** At slice * 256 + byte: what that byte does to the checksum, with `slice` bytes behind it. */
const TABLE = makeTable();

function makeTable(): Uint32Array {
  const table = new Uint32Array(SLICES * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    table[byte] = crc;
  }
  for (let i = 256; i < table.length; i++) {
    const before = table[i - 256]!;
    table[i] = (before >>> 8) ^ table[before & 0xff]!;
  }
  return table;
}

/** CRC-32C (Castagnoli) of data[start..end), which LevelDB has in its files; eight bytes a step. */
export function crc32c(data: Buffer, start: number, end: number): number {
  let crc = 0xffff_ffff;
  let i = start;
  for (; i + SLICES <= end; i += SLICES) {
    crc ^= data[i]! | (data[i + 1]! << 8) | (data[i + 2]! << 16) | (data[i + 3]! << 24);
    crc =
      TABLE[0x700 + (crc & 0xff)]! ^
      TABLE[0x600 + ((crc >>> 8) & 0xff)]! ^
      TABLE[0x500 + ((crc >>> 16) & 0xff)]! ^
      TABLE[0x400 + (crc >>> 24)]! ^
      TABLE[0x300 + data[i + 4]!]! ^
      TABLE[0x200 + data[i + 5]!]! ^
      TABLE[0x100 + data[i + 6]!]! ^
      TABLE[data[i + 7]!]!;
  }
  for (; i < end; i++) crc = (crc >>> 8) ^ TABLE[(crc ^ data[i]!) & 0xff]!;
  return ~crc >>> 0;
}

const MASK_DELTA = 0xa282ead8;

/** As LevelDB stores it: data that holds checksums of its own would make bad input for another one. */
export function maskedCrc32c(data: Buffer, start: number, end: number): number {
  const crc = crc32c(data, start, end);
  return (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0;
}
