import type { IFile } from '../fs/file-system.js';

const SYNC_EVERY_BYTES = 32 * 1024 * 1024;

/**
 * A file that is synced as it grows: one sync of a large file at its end would hold up the log's syncs on the same
 * disk for as long as it takes.
 */
export class PacedFile {
  readonly #file: IFile;
  #unsyncedBytes = 0;

  constructor(file: IFile) {
    this.#file = file;
  }

  async write(data: Uint8Array, offset: number): Promise<void> {
    await this.#file.write(data, offset);
    this.#unsyncedBytes += data.length;
    if (this.#unsyncedBytes >= SYNC_EVERY_BYTES) await this.sync();
  }

  async sync(): Promise<void> {
    await this.#file.sync();
    this.#unsyncedBytes = 0;
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await this.#file.close();
  }
}
