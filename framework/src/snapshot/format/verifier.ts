import { SNAPSHOT_HEADER_BLOCK_BYTES } from '@drakkar/raftio';
import type { IFileSystem } from '../../fs/file-system.js';
import { throwIfStopped } from '../failure.js';
import { type ByteMeter, noMeter } from '../progress.js';
import { PayloadAudit } from './audit.js';
import { BLOCK_HEADER_BYTES, Section } from './block.js';
import { corrupt, readPart } from './corrupt.js';
import { MAX_DESCRIPTION_BYTES, type SnapshotDescription, decodeDescription } from './description.js';
import { type FileHeader, decodeHeaderBlock } from './header-block.js';

const READ_BYTES = 1024 * 1024;

/** What a snapshot file says of itself. */
export interface VerifiedSnapshotFile {
  header: FileHeader;
  description: SnapshotDescription;
  sizeBytes: number;
}

/**
 * Checks a snapshot file that passes by in pieces of any size, from its first byte to its last: `push` throws
 * ErrSnapshotCorrupt as soon as a part that is complete is wrong. Memory: the description, and less than a header.
 */
export class SnapshotFileVerifier {
  readonly #path: string;
  #header: FileHeader | undefined;
  #audit: PayloadAudit | undefined;
  /** Beginning of a header that is not complete yet. */
  readonly #pending = new Uint8Array(SNAPSHOT_HEADER_BLOCK_BYTES);
  #pendingBytes = 0;
  /** Bytes of the block under way that have not come yet. */
  #missing = 0;
  #section: Section = Section.Sessions;
  readonly #description: Uint8Array[] = [];
  #descriptionBytes = 0;
  #sizeBytes = 0;

  /** @param path for errors */
  constructor(path: string) {
    this.#path = path;
  }

  push(bytes: Uint8Array): void {
    this.#sizeBytes += bytes.length;
    for (let at = 0; at < bytes.length;) {
      const rest = bytes.subarray(at);
      at += this.#missing > 0 ? this.#pushBlock(rest) : this.#pushHeader(rest);
    }
  }

  /** The file has ended. Throws ErrSnapshotCorrupt unless it is complete. */
  finish(): VerifiedSnapshotFile {
    const header = this.#header;
    if (header === undefined || this.#audit === undefined) throw corrupt(this.#path, 0, 'the file was cut');
    if (this.#pendingBytes > 0) throw corrupt(this.#path, this.#audit.offset, 'the file ends within a block');
    this.#audit.finish();
    const description = decodeDescription(
      Buffer.concat(this.#description),
      this.#path,
      header.descriptionOffset,
    );
    return { header, description, sizeBytes: this.#sizeBytes };
  }

  #pushHeader(bytes: Uint8Array): number {
    const wanted = this.#audit === undefined ? SNAPSHOT_HEADER_BLOCK_BYTES : BLOCK_HEADER_BYTES;
    const size = Math.min(wanted - this.#pendingBytes, bytes.length);
    this.#pending.set(bytes.subarray(0, size), this.#pendingBytes);
    this.#pendingBytes += size;
    if (this.#pendingBytes < wanted) return size;
    this.#pendingBytes = 0;
    const head = this.#pending.subarray(0, wanted);
    if (this.#audit === undefined) {
      this.#header = decodeHeaderBlock(head, this.#path);
      this.#audit = new PayloadAudit(this.#path, this.#header);
    } else {
      const block = this.#audit.begin(head);
      this.#missing = block.storedBytes;
      this.#section = block.section;
    }
    return size;
  }

  #pushBlock(bytes: Uint8Array): number {
    const size = Math.min(this.#missing, bytes.length);
    const piece = bytes.subarray(0, size);
    this.#audit?.add(piece);
    this.#missing -= size;
    if (this.#section === Section.Description) this.#keepDescription(piece);
    if (this.#missing === 0) this.#audit?.end();
    return size;
  }

  #keepDescription(piece: Uint8Array): void {
    this.#descriptionBytes += piece.length;
    if (this.#descriptionBytes > MAX_DESCRIPTION_BYTES) {
      throw corrupt(this.#path, this.#audit?.offset ?? 0, 'the description is too long');
    }
    this.#description.push(new Uint8Array(piece));
  }
}

/**
 * Reads the file once, in small pieces, and checks every bit of it. Its external files are another matter: see
 * `verifySnapshotFolder`.
 *
 * @throws ErrSnapshotCorrupt, ErrIncompatibleData, ErrSnapshotStopped, errors of the file system
 */
export async function verifySnapshotFile(
  fs: IFileSystem,
  path: string,
  signal: AbortSignal,
  meter: ByteMeter = noMeter,
): Promise<VerifiedSnapshotFile> {
  const file = await fs.open(path, 'read');
  try {
    const verifier = new SnapshotFileVerifier(path);
    const buffer = new Uint8Array(Math.min(READ_BYTES, Math.max(1, await file.sizeBytes())));
    for (let offset = 0; ;) {
      throwIfStopped(signal, `the check of ${path}`);
      const size = await readPart(file, path, buffer, offset);
      if (size === 0) return verifier.finish();
      verifier.push(buffer.subarray(0, size));
      offset += size;
      meter(size);
    }
  } finally {
    await file.close();
  }
}
