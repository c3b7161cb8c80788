import { crc32 } from 'node:zlib';
import type { IFile, IFileSystem } from '../../fs/file-system.js';

/** What has one checksum. */
export const BLOCK_BYTES = 1024 * 1024;

export interface FileDigest {
  sizeBytes: number;
  /** CRC-32 of each block. */
  checksums: number[];
}

export interface DigestOptions {
  /** Makes files durable before they are read: what is only in the cache may be gone after a power failure. */
  sync: boolean;
  /** Told how many bytes were read of late; false ends the reading. */
  goesOn: (sizeBytes: number) => boolean;
}

/** Reads files to their ends, one after the other. */
export class Digester {
  readonly #fs: IFileSystem;
  readonly #options: DigestOptions;
  #buffer = Buffer.allocUnsafe(BLOCK_BYTES);
  #spare = Buffer.allocUnsafe(BLOCK_BYTES);

  constructor(fs: IFileSystem, options: DigestOptions) {
    this.#fs = fs;
    this.#options = options;
  }

  /** Undefined when the reading was ended. Throws what the file system throws. */
  async digest(path: string): Promise<FileDigest | undefined> {
    const { sync } = this.#options;
    const file = await this.#fs.open(path, sync ? 'update' : 'read');
    try {
      if (sync) await file.sync();
      return await this.#read(file);
    } finally {
      await file.close();
    }
  }

  async #read(file: IFile): Promise<FileDigest | undefined> {
    const checksums: number[] = [];
    let sizeBytes = 0;
    let length = await file.read(this.#buffer, 0);
    while (length > 0) {
      // While one block is summed up the next one is read.
      const next = length < BLOCK_BYTES ? Promise.resolve(0) : file.read(this.#spare, sizeBytes + length);
      checksums.push(crc32(this.#buffer.subarray(0, length)));
      sizeBytes += length;
      const nextLength = await next;
      if (!this.#options.goesOn(length)) return undefined;
      length = nextLength;
      [this.#buffer, this.#spare] = [this.#spare, this.#buffer];
    }
    return { sizeBytes, checksums };
  }
}
