import { crc32 } from 'node:zlib';
import { SNAPSHOT_HEADER_BLOCK_BYTES } from '@drakkar/raftio';
import {
  BLOCK_HEADER_BYTES,
  type BlockHeader,
  Section,
  blockChecksumSeed,
  readBlockHeader,
} from './block.js';
import { corrupt } from './corrupt.js';
import type { FileHeader } from './header-block.js';

/**
 * Follows the blocks of a snapshot file from the first to the last and throws ErrSnapshotCorrupt at the first thing
 * that is not as it was written: a checksum, the order of the sections, their sizes, the end of the file.
 */
export class PayloadAudit {
  readonly #path: string;
  readonly #header: FileHeader;
  #offset = SNAPSHOT_HEADER_BLOCK_BYTES;
  #payloadChecksum = 0;
  #sessionBytes = 0;
  #dataBytes = 0;
  #section: Section = Section.Sessions;
  #block: BlockHeader | undefined;
  #blockChecksum = 0;
  #blockBytes = 0;

  constructor(path: string, header: FileHeader) {
    this.#path = path;
    this.#header = header;
  }

  /** Where the block under way, or the next one, begins. */
  get offset(): number {
    return this.#offset;
  }

  begin(headerBytes: Uint8Array): BlockHeader {
    const block = readBlockHeader(headerBytes, this.#path, this.#offset);
    this.#checkPlace(block);
    this.#payloadChecksum = crc32(headerBytes, this.#payloadChecksum);
    this.#blockChecksum = blockChecksumSeed(headerBytes, this.#offset);
    this.#blockBytes = 0;
    this.#block = block;
    return block;
  }

  /** Some or all of the stored bytes of the block under way. */
  add(bytes: Uint8Array): void {
    this.#blockChecksum = crc32(bytes, this.#blockChecksum);
    this.#payloadChecksum = crc32(bytes, this.#payloadChecksum);
    this.#blockBytes += bytes.length;
  }

  /** All of the block's bytes were added; on return they are known to be what was written. */
  end(): void {
    const block = this.#block;
    if (block === undefined || this.#blockBytes !== block.storedBytes) {
      throw corrupt(this.#path, this.#offset, 'the file ends within a block');
    }
    if (this.#blockChecksum !== block.checksum) {
      throw corrupt(this.#path, this.#offset, 'wrong checksum of the block');
    }
    this.#offset += BLOCK_HEADER_BYTES + block.storedBytes;
    this.#block = undefined;
  }

  /** The file has ended. */
  finish(): void {
    const { sessionSize, dataStoreSize, payloadChecksum } = this.#header;
    if (this.#block !== undefined) throw corrupt(this.#path, this.#offset, 'the file ends within a block');
    if (this.#section !== Section.Description) throw corrupt(this.#path, this.#offset, 'the file was cut');
    if (this.#sessionBytes !== sessionSize || this.#dataBytes !== dataStoreSize) {
      throw corrupt(this.#path, this.#offset, 'it holds less than its header says');
    }
    if (this.#payloadChecksum !== payloadChecksum) {
      throw corrupt(this.#path, SNAPSHOT_HEADER_BLOCK_BYTES, 'wrong checksum of the whole');
    }
  }

  #checkPlace(block: BlockHeader): void {
    const { sessionSize, dataStoreSize, descriptionOffset } = this.#header;
    if (block.section < this.#section)
      throw corrupt(this.#path, this.#offset, 'a block in the wrong section');
    if ((block.section === Section.Description) !== this.#offset >= descriptionOffset) {
      throw corrupt(this.#path, this.#offset, 'the description is not where the header says');
    }
    this.#section = block.section;
    if (block.section === Section.Sessions) this.#sessionBytes += block.rawBytes;
    if (block.section === Section.Data) this.#dataBytes += block.rawBytes;
    if (this.#sessionBytes > sessionSize || this.#dataBytes > dataStoreSize) {
      throw corrupt(this.#path, this.#offset, 'it holds more than its header says');
    }
  }
}
