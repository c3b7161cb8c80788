import { crc32 } from 'node:zlib';
import { SNAPSHOT_HEADER_BLOCK_BYTES, toUint64 } from '@drakkar/raftio';
import { ErrInvalidOperation, ErrInvalidOption } from '../../errors/request.js';
import type { IFileSystem } from '../../fs/file-system.js';
import type { IClock } from '../../runtime/clock.js';
import type { SnapshotWriter } from '../../statemachine/contract.js';
import { throwIfStopped } from '../failure.js';
import { PacedFile } from '../paced-file.js';
import { BLOCK_HEADER_BYTES, MAX_BLOCK_BYTES, Section, putBlockHeader } from './block.js';
import { type CompressionType, type SnappyCodec, loadSnappy } from '../../compression/snappy.js';
import { type SnapshotDescription, encodeDescription } from './description.js';
import { FORMAT_VERSION, encodeHeaderBlock } from './header-block.js';

const DEFAULT_BLOCK_BYTES = 512 * 1024;
const NANOSECONDS_PER_MS = 1_000_000n;
const DONE = Promise.resolve();
const ignore = (): void => undefined;

/** A state machine need not be TypeScript. Not by instanceof: realms may differ. */
function isBytes(data: unknown): boolean {
  return ArrayBuffer.isView(data) && 'BYTES_PER_ELEMENT' in data && data.BYTES_PER_ELEMENT === 1;
}

export interface SnapshotFileWriterOptions {
  compression: CompressionType;
  clock: IClock;
  signal: AbortSignal;
  /** Bytes of a block before compression, at most MAX_BLOCK_BYTES. */
  blockSizeBytes?: number;
}

/**
 * Writes one snapshot file: client sessions, then state machine data, then `finish`. Holds two blocks in memory: one
 * being filled, one being written. The first failure sticks: every later call rejects with it.
 */
export class SnapshotFileWriter implements SnapshotWriter {
  readonly #file: PacedFile;
  readonly #path: string;
  readonly #clock: IClock;
  readonly #signal: AbortSignal;
  readonly #snappy: SnappyCodec | undefined;
  readonly #blockBytes: number;
  #offset = SNAPSHOT_HEADER_BLOCK_BYTES;
  #payloadChecksum = 0;
  #sessionBytes = 0;
  #dataBytes = 0;
  #section: Section = Section.Sessions;
  /** Both have room for a block header in front. */
  #filling: Uint8Array | undefined;
  #spare: Uint8Array | undefined;
  #filled = 0;
  #writing: Promise<void> = DONE;
  /** Calls of `write` take effect one after the other, also when the caller does not wait. */
  #tail: Promise<void> = DONE;
  #waiting = 0;
  #failure: { error: unknown } | undefined;
  #finished = false;

  private constructor(
    file: PacedFile,
    path: string,
    options: SnapshotFileWriterOptions,
    snappy?: SnappyCodec,
  ) {
    this.#file = file;
    this.#path = path;
    this.#clock = options.clock;
    this.#signal = options.signal;
    this.#snappy = snappy;
    this.#blockBytes = options.blockSizeBytes ?? DEFAULT_BLOCK_BYTES;
  }

  /** Makes the file at `path`, which must not exist. The caller must call `finish` or `close`. */
  static async create(
    fs: IFileSystem,
    path: string,
    options: SnapshotFileWriterOptions,
  ): Promise<SnapshotFileWriter> {
    const { blockSizeBytes = DEFAULT_BLOCK_BYTES } = options;
    if (!Number.isInteger(blockSizeBytes) || blockSizeBytes < 1 || blockSizeBytes > MAX_BLOCK_BYTES) {
      throw new ErrInvalidOption(`blockSizeBytes must be from 1 to ${MAX_BLOCK_BYTES}`);
    }
    const snappy = options.compression === 'snappy' ? await loadSnappy() : undefined;
    return new SnapshotFileWriter(new PacedFile(await fs.open(path, 'create')), path, options, snappy);
  }

  /** What the first failure was, for those who must know it although the state machine has swallowed it. */
  get failure(): { error: unknown } | undefined {
    return this.#failure;
  }

  /** Called once, before any `write`. */
  async writeSessions(sessions: Uint8Array): Promise<void> {
    this.#sessionBytes = sessions.length;
    await this.#guard(() => this.#append(Section.Sessions, sessions));
  }

  /**
   * State machine data; in pieces of any size, which do not show when it is read. `data` must not be modified before
   * the promise has settled; calls need not be awaited, but memory is bounded only if they are.
   */
  write(data: Uint8Array): Promise<void> {
    if (this.#waiting === 0 && this.#fitsNow(data)) {
      this.#put(data);
      this.#dataBytes += data.length;
      return DONE;
    }
    this.#waiting++;
    const done = this.#tail.then(() =>
      this.#guard(async () => {
        if (!isBytes(data)) throw new ErrInvalidOption('a snapshot is written as Uint8Array');
        if (this.#finished)
          throw new ErrInvalidOperation('the snapshot has ended: nothing can be written to it');
        this.#dataBytes += data.length;
        await this.#append(Section.Data, data);
      }),
    );
    // Not waiting for it must not end the process when it fails; `finish` fails as well.
    this.#tail = done.catch(ignore).finally(() => this.#waiting--);
    return done;
  }

  /**
   * Waits until all of the state machine's data is taken, and takes no more.
   *
   * @throws what any write has failed with
   */
  async endData(): Promise<void> {
    await this.#tail;
    this.#finished = true;
    await this.#guard(() => this.#cut());
  }

  /** Completes the file and makes it durable, its name excepted; then closes it. Returns its size in bytes. */
  async finish(description: SnapshotDescription): Promise<number> {
    await this.endData();
    await this.#guard(async () => {
      const descriptionOffset = await this.#writeDescription(description);
      const header = encodeHeaderBlock({
        sessionSize: this.#sessionBytes,
        dataStoreSize: this.#dataBytes,
        unreliableTime: toUint64(BigInt(Math.floor(this.#clock.wallTimeMs())) * NANOSECONDS_PER_MS),
        gitVersion: 'drakkar',
        payloadChecksum: this.#payloadChecksum,
        version: FORMAT_VERSION,
        descriptionOffset,
      });
      await this.#file.write(header, 0);
      await this.#file.sync();
      await this.#file.close();
    });
    return this.#offset;
  }

  /** Releases the file, finished or not. Later writes reject. */
  async close(): Promise<void> {
    this.#finished = true;
    await this.#tail;
    await this.#writing.catch(ignore);
    await this.#file.close();
  }

  /** The common case of small pieces, without a promise for each. */
  #fitsNow(data: Uint8Array): boolean {
    return (
      !this.#finished &&
      this.#failure === undefined &&
      this.#section === Section.Data &&
      this.#filling !== undefined &&
      isBytes(data) &&
      this.#filled + data.length < this.#blockBytes &&
      !this.#signal.aborted
    );
  }

  async #guard(run: () => Promise<void>): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.error;
    try {
      throwIfStopped(this.#signal, `the snapshot ${this.#path}`);
      await run();
    } catch (error) {
      this.#failure ??= { error };
      throw error;
    }
  }

  async #writeDescription(description: SnapshotDescription): Promise<number> {
    // Only then it is known where the section begins.
    await this.#writing;
    const offset = this.#offset;
    await this.#append(Section.Description, encodeDescription(description));
    await this.#cut();
    await this.#writing;
    return offset;
  }

  async #append(section: Section, data: Uint8Array): Promise<void> {
    if (section !== this.#section) {
      await this.#cut();
      await this.#writing;
      this.#section = section;
    }
    for (let at = 0; at < data.length;) {
      const size = Math.min(this.#blockBytes - this.#filled, data.length - at);
      this.#put(data.subarray(at, at + size));
      at += size;
      if (this.#filled === this.#blockBytes) await this.#cut();
    }
  }

  #put(piece: Uint8Array): void {
    this.#filling ??= new Uint8Array(BLOCK_HEADER_BYTES + this.#blockBytes);
    this.#filling.set(piece, BLOCK_HEADER_BYTES + this.#filled);
    this.#filled += piece.length;
  }

  /** Has what is filled written as a block, once the block before is written. */
  async #cut(): Promise<void> {
    await this.#writing;
    if (this.#filled === 0 || this.#filling === undefined) return;
    throwIfStopped(this.#signal, `the snapshot ${this.#path}`);
    const block = this.#filling.subarray(0, BLOCK_HEADER_BYTES + this.#filled);
    [this.#filling, this.#spare] = [this.#spare, this.#filling];
    this.#filled = 0;
    this.#writing = this.#writeBlock(this.#section, block);
    this.#writing.catch(ignore);
  }

  async #writeBlock(section: Section, block: Uint8Array): Promise<void> {
    const raw = block.subarray(BLOCK_HEADER_BYTES);
    let whole = block;
    if (this.#snappy !== undefined && section !== Section.Description) {
      const compressed = await this.#snappy.compress(raw);
      if (compressed.length < raw.length) {
        whole = new Uint8Array(BLOCK_HEADER_BYTES + compressed.length);
        whole.set(compressed, BLOCK_HEADER_BYTES);
      }
    }
    const stored = whole.subarray(BLOCK_HEADER_BYTES);
    const compressed = stored.length < raw.length;
    putBlockHeader(whole, { section, compressed, rawBytes: raw.length }, stored, this.#offset);
    this.#payloadChecksum = crc32(whole, this.#payloadChecksum);
    await this.#file.write(whole, this.#offset);
    this.#offset += whole.length;
  }
}
