import { crc32 } from 'node:zlib';
import { SNAPSHOT_HEADER_BLOCK_BYTES } from '@drakkar/raftio';
import { messageOf } from '../../errors/inspect.js';
import type { IFile, IFileSystem } from '../../fs/file-system.js';
import { PayloadAudit } from './audit.js';
import {
  BLOCK_HEADER_BYTES,
  type BlockHeader,
  Section,
  blockChecksumSeed,
  readBlockHeader,
} from './block.js';
import { loadSnappy } from '../../compression/snappy.js';
import { corrupt, readPart } from './corrupt.js';
import { MAX_DESCRIPTION_BYTES, type SnapshotDescription, decodeDescription } from './description.js';
import { type FileHeader, decodeHeaderBlock } from './header-block.js';

interface Block {
  header: BlockHeader;
  raw: Uint8Array;
}

/**
 * An open snapshot file. Iterating gives the state machine's data in pieces of at most a block, each of them checked
 * before it is handed on; only when the iteration has ended without an error was that all of it. It may be iterated
 * more than once.
 */
export class SnapshotFileReader implements AsyncIterable<Uint8Array> {
  readonly header: FileHeader;
  readonly description: SnapshotDescription;
  readonly sizeBytes: number;
  readonly #file: IFile;
  readonly #path: string;

  private constructor(
    file: IFile,
    path: string,
    header: FileHeader,
    description: SnapshotDescription,
    sizeBytes: number,
  ) {
    this.#file = file;
    this.#path = path;
    this.header = header;
    this.description = description;
    this.sizeBytes = sizeBytes;
  }

  /**
   * Reads and checks what the file says of itself. Must be closed.
   *
   * @throws ErrSnapshotCorrupt, ErrIncompatibleData, errors of the file system
   */
  static async open(fs: IFileSystem, path: string): Promise<SnapshotFileReader> {
    const file = await fs.open(path, 'read');
    try {
      const sizeBytes = await file.sizeBytes();
      const block = await readExactly(file, path, 0, SNAPSHOT_HEADER_BLOCK_BYTES);
      const header = decodeHeaderBlock(block, path);
      const description = await readDescription(file, path, header, sizeBytes);
      return new SnapshotFileReader(file, path, header, description, sizeBytes);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** The client sessions, as they were written. */
  async readSessions(): Promise<Uint8Array> {
    const audit = new PayloadAudit(this.#path, this.header);
    const pieces: Uint8Array[] = [];
    for (let read = 0; read < this.header.sessionSize;) {
      const { header, raw } = await this.#nextBlock(audit);
      if (header.section !== Section.Sessions) {
        throw corrupt(this.#path, audit.offset, 'the client sessions are cut');
      }
      pieces.push(raw);
      read += raw.length;
    }
    return Buffer.concat(pieces);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    const audit = new PayloadAudit(this.#path, this.header);
    while (audit.offset < this.sizeBytes) {
      const { header, raw } = await this.#nextBlock(audit);
      if (header.section === Section.Data) yield raw;
    }
    audit.finish();
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await this.#file.close();
  }

  async #nextBlock(audit: PayloadAudit): Promise<Block> {
    const { offset } = audit;
    const header = audit.begin(await readExactly(this.#file, this.#path, offset, BLOCK_HEADER_BYTES));
    const stored = await readExactly(this.#file, this.#path, offset + BLOCK_HEADER_BYTES, header.storedBytes);
    audit.add(stored);
    audit.end();
    if (!header.compressed) return { header, raw: stored };
    const snappy = await loadSnappy();
    try {
      return { header, raw: await snappy.decompress(stored, header.rawBytes) };
    } catch (error) {
      throw corrupt(this.#path, offset, `the block can't be decompressed (${messageOf(error)})`, error);
    }
  }
}

async function readExactly(
  file: IFile,
  path: string,
  offset: number,
  sizeBytes: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(sizeBytes);
  const read = await readPart(file, path, bytes, offset);
  if (read < sizeBytes) throw corrupt(path, offset, `the file ends at ${offset + read}`);
  return bytes;
}

/** The section is checked by its blocks; that it is in its place, when the whole file is read. */
async function readDescription(
  file: IFile,
  path: string,
  { descriptionOffset }: FileHeader,
  sizeBytes: number,
): Promise<SnapshotDescription> {
  const pieces: Uint8Array[] = [];
  for (let offset = descriptionOffset, total = 0; offset < sizeBytes;) {
    const head = await readExactly(file, path, offset, BLOCK_HEADER_BYTES);
    const block = readBlockHeader(head, path, offset);
    total += block.rawBytes;
    if (block.section !== Section.Description || block.compressed || total > MAX_DESCRIPTION_BYTES) {
      throw corrupt(path, offset, 'the description is not there');
    }
    const stored = await readExactly(file, path, offset + BLOCK_HEADER_BYTES, block.storedBytes);
    if (crc32(stored, blockChecksumSeed(head, offset)) !== block.checksum) {
      throw corrupt(path, offset, 'wrong checksum of the description');
    }
    pieces.push(stored);
    offset += BLOCK_HEADER_BYTES + block.storedBytes;
  }
  if (pieces.length === 0) throw corrupt(path, sizeBytes, 'the file was cut');
  return decodeDescription(Buffer.concat(pieces), path, descriptionOffset);
}
