import type { IFile } from '@drakkar/raftio/fs';

const LEAST_STEP_BYTES = 64 * 1024;
const GREATEST_STEP_BYTES = 1024 * 1024;
const ZEROS = new Uint8Array(GREATEST_STEP_BYTES);

/**
 * Zeros ahead of the frames of a segment, so that a sync of a frame need not change what the file system knows of the
 * file. They are written beside the frames and synced along with them: a sync of their own, if it failed, could take
 * frames with it.
 */
export class Allocation {
  readonly #file: IFile;
  #endBytes: number;
  /** Where the frames end. */
  #usedBytes: number;
  #step: Promise<void> | undefined;
  #hasFailed = false;

  constructor(file: IFile, endBytes: number) {
    this.#file = file;
    this.#endBytes = this.#usedBytes = endBytes;
  }

  /** Before a frame that ends there is written: no zeros are written to its place any more. */
  async claim(endBytes: number): Promise<void> {
    this.#usedBytes = endBytes;
    if (endBytes <= this.#endBytes) return;
    await this.#step;
    this.#endBytes = Math.max(this.#endBytes, endBytes);
  }

  growAhead(): void {
    const stepBytes = Math.min(GREATEST_STEP_BYTES, Math.max(LEAST_STEP_BYTES, this.#usedBytes));
    const isEnough = this.#endBytes - this.#usedBytes >= stepBytes / 2;
    if (isEnough || this.#step !== undefined || this.#hasFailed) return;
    const from = this.#endBytes;
    this.#step = this.#file.write(ZEROS.subarray(0, stepBytes), from).then(
      () => {
        this.#endBytes = from + stepBytes;
        this.#step = undefined;
      },
      () => {
        // A full disk, for one: the frame that finds no room will tell.
        this.#hasFailed = true;
        this.#step = undefined;
      },
    );
  }

  async idle(): Promise<void> {
    await this.#step;
  }
}
