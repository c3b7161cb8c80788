import { type FileHandle, open } from 'node:fs/promises';
import { endianness } from 'node:os';
import { ErrLogDBCorrupt } from '@drakkar/raftio';
import { isNotFound } from '@drakkar/raftio/kv';

/*
 * LMDB as it comes to Node.js ends the process, instead of failing, when the first pages of a file are not what they
 * should be. So they are looked at before. Two meta pages begin the file; each has a header (page number, transaction
 * id and flags, 8 bytes each), then, at 24, the fields of the meta record, in the machine's own byte order.
 */
const MAGIC = 0xbeefc0de;
const MAGIC_OFFSET = 24;
const VERSION_OFFSET = 28;
const PAGE_SIZE_OFFSET = 48;
/** Root pages of the list of free pages and of the data, as the last field of a record of 48 bytes each. */
const ROOT_OFFSETS = [PAGE_SIZE_OFFSET + 40, PAGE_SIZE_OFFSET + 88];
const META_BYTES = 168;
/** The format whose fields are known here; any other is left to LMDB to judge. */
const KNOWN_VERSION = 2;
const NO_PAGE = 0xffff_ffff_ffff_ffffn;
const MIN_PAGE_BYTES = 256;
const MAX_PAGE_BYTES = 65_536;

export type FileState = 'missing' | 'blank' | 'good';

/**
 * Whether LMDB may be let at the file. `blank`: it is empty or begins with nothing but zeros, as a crash in the middle
 * of making it may leave it. Rejects with ErrLogDBCorrupt when it is not a file of LMDB, or one cut off.
 */
export async function checkFile(path: string): Promise<FileState> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if (isNotFound(error)) return 'missing';
    throw error;
  }
  try {
    return await checkPages(path, file);
  } finally {
    await file.close();
  }
}

async function checkPages(path: string, file: FileHandle): Promise<FileState> {
  const first = await readMeta(file, 0);
  if (first.every((byte) => byte === 0)) return 'blank';
  const pageSize = checkMeta(path, first);
  if (pageSize === undefined) return 'good';
  const second = await readMeta(file, pageSize);
  checkMeta(path, second);
  const { size } = await file.stat({ bigint: true });
  for (const meta of [first, second]) {
    for (const root of rootPages(meta)) {
      if ((root + 1n) * BigInt(pageSize) > size) throw damage(path, 'it is cut off');
    }
  }
  return 'good';
}

/** As many bytes as there are, at most those of a meta page's fields. */
async function readMeta(file: FileHandle, position: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(META_BYTES), 0, META_BYTES, position);
  return buffer.subarray(0, bytesRead);
}

/** Returns the page size, or undefined when the format is not known. */
function checkMeta(path: string, meta: Buffer): number | undefined {
  if (meta.length < META_BYTES || readUint32(meta, MAGIC_OFFSET) !== MAGIC) {
    throw damage(path, 'it is not a file of LMDB');
  }
  if (readUint32(meta, VERSION_OFFSET) !== KNOWN_VERSION) return undefined;
  const pageSize = readUint32(meta, PAGE_SIZE_OFFSET);
  const isPowerOfTwo = (pageSize & (pageSize - 1)) === 0;
  if (!isPowerOfTwo || pageSize < MIN_PAGE_BYTES || pageSize > MAX_PAGE_BYTES) {
    throw damage(path, 'its page size is impossible');
  }
  return pageSize;
}

function rootPages(meta: Buffer): bigint[] {
  const isLittle = endianness() === 'LE';
  return ROOT_OFFSETS.map((offset) =>
    isLittle ? meta.readBigUInt64LE(offset) : meta.readBigUInt64BE(offset),
  ).filter((page) => page !== NO_PAGE);
}

function readUint32(meta: Buffer, offset: number): number {
  return endianness() === 'LE' ? meta.readUInt32LE(offset) : meta.readUInt32BE(offset);
}

function damage(path: string, reason: string): ErrLogDBCorrupt {
  return new ErrLogDBCorrupt(`${path} is damaged: ${reason}`, { details: { file: path } });
}
