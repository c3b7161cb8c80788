import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { SnapshotChunk } from '@drakkar/raftio';
import type { IFileSystem } from '../../fs/file-system.js';
import { corrupt } from '../format/corrupt.js';
import type { ExternalFile } from '../format/description.js';
import { SnapshotFileVerifier, type VerifiedSnapshotFile } from '../format/verifier.js';
import { PacedFile } from '../paced-file.js';
import { DATA_FILE_NAME } from '../store/names.js';
import type { ChunkPlace } from './stream-check.js';

/** Writes the files of an incoming snapshot one after the other, and checks what it writes. */
export class IncomingFiles {
  readonly #fs: IFileSystem;
  readonly #folder: string;
  readonly #verifier: SnapshotFileVerifier;
  #file: PacedFile | undefined;
  #checksum = 0;
  #verified: VerifiedSnapshotFile | undefined;

  constructor(fs: IFileSystem, folder: string) {
    this.#fs = fs;
    this.#folder = folder;
    this.#verifier = new SnapshotFileVerifier(join(folder, DATA_FILE_NAME));
  }

  /** The data file, once it is complete. */
  get verified(): VerifiedSnapshotFile | undefined {
    return this.#verified;
  }

  /**
   * Takes the next chunk. A file that is complete is checked, durable and closed on return.
   *
   * @param external the file that the chunk belongs to; `undefined`: the data file
   * @throws ErrSnapshotCorrupt, ErrIncompatibleData, errors of the file system
   */
  async add(chunk: SnapshotChunk, place: ChunkPlace, external: ExternalFile | undefined): Promise<void> {
    const path = join(this.#folder, external?.name ?? DATA_FILE_NAME);
    if (external === undefined) this.#verifier.push(chunk.data);
    else this.#checksum = crc32(chunk.data, place.isFirstOfFile ? 0 : this.#checksum);
    if (place.isLastOfFile) this.#checkWhole(path, external);
    this.#file ??= new PacedFile(await this.#fs.open(path, 'create'));
    await this.#file.write(chunk.data, place.offset);
    if (!place.isLastOfFile) return;
    await this.#file.sync();
    await this.close();
  }

  /** Idempotent. */
  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  #checkWhole(path: string, external: ExternalFile | undefined): void {
    if (external === undefined) this.#verified = this.#verifier.finish();
    else if (this.#checksum !== external.checksum) throw corrupt(path, 0, 'wrong checksum');
  }
}
