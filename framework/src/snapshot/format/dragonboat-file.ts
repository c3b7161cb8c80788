import { crc32 } from 'node:zlib';
import { SNAPSHOT_HEADER_BLOCK_BYTES } from '@drakkar/raftio';
import { corrupt } from './corrupt.js';
import { type DragonboatHeader, decodeDragonboatHeader } from './dragonboat-header.js';

/** Bound of the client sessions, which are held in memory: room for some 100 bytes in each of 160,000 of them. */
export const MAX_DRAGONBOAT_SESSION_BYTES = 16 * 1024 * 1024;
const MIN_SESSION_BYTES = 16;

/** What the parser hands on. Each is awaited before the next. */
export interface DragonboatFileTarget {
  /** Called once, before any data. */
  sessions(bytes: Uint8Array): Promise<void>;
  data(piece: Uint8Array): Promise<void>;
}

/**
 * Takes a snapshot file of Dragonboat v2.1.7 apart, which comes in pieces. Its one checksum is known to fit only when
 * all has come: what is handed on counts when `finish` has returned. Memory: the client sessions.
 */
export class DragonboatFileParser {
  readonly #path: string;
  readonly #sizeBytes: number;
  readonly #target: DragonboatFileTarget;
  #header: DragonboatHeader | undefined;
  /** Bytes behind the header block that have come, and their CRC-32. */
  #payloadBytes = 0;
  #checksum = 0;
  #sessions: Uint8Array[] = [];

  /** @param path for errors */
  constructor(path: string, sizeBytes: number, target: DragonboatFileTarget) {
    this.#path = path;
    this.#sizeBytes = sizeBytes;
    this.#target = target;
  }

  /**
   * The first piece has the whole header block.
   *
   * @throws ErrSnapshotCorrupt, what the target throws
   */
  async push(piece: Uint8Array): Promise<void> {
    if (this.#header !== undefined) {
      await this.#pushPayload(this.#header, piece);
      return;
    }
    this.#header = this.#readHeader(piece);
    await this.#pushPayload(this.#header, piece.subarray(SNAPSHOT_HEADER_BLOCK_BYTES));
  }

  /** The file has ended. @throws ErrSnapshotCorrupt unless it is complete and its checksum fits */
  finish(): void {
    if (this.#header === undefined || SNAPSHOT_HEADER_BLOCK_BYTES + this.#payloadBytes !== this.#sizeBytes) {
      throw corrupt(this.#path, this.#payloadBytes, 'the file was cut');
    }
    if (this.#checksum !== this.#header.payloadChecksum) {
      throw corrupt(this.#path, SNAPSHOT_HEADER_BLOCK_BYTES, 'wrong checksum of the payload');
    }
  }

  #readHeader(piece: Uint8Array): DragonboatHeader {
    const header = decodeDragonboatHeader(piece.subarray(0, SNAPSHOT_HEADER_BLOCK_BYTES), this.#path);
    const { sessionSize, dataStoreSize } = header;
    const declaredBytes = SNAPSHOT_HEADER_BLOCK_BYTES + sessionSize + dataStoreSize;
    if (declaredBytes !== this.#sizeBytes) {
      throw corrupt(
        this.#path,
        0,
        `its header declares ${declaredBytes} bytes, and the file has ${this.#sizeBytes}`,
      );
    }
    if (sessionSize < MIN_SESSION_BYTES || sessionSize > MAX_DRAGONBOAT_SESSION_BYTES) {
      throw corrupt(
        this.#path,
        0,
        `${sessionSize} bytes of client sessions, not ${MIN_SESSION_BYTES} to ${MAX_DRAGONBOAT_SESSION_BYTES}`,
      );
    }
    return header;
  }

  async #pushPayload({ sessionSize }: DragonboatHeader, bytes: Uint8Array): Promise<void> {
    this.#checksum = crc32(bytes, this.#checksum);
    const missing = Math.max(0, sessionSize - this.#payloadBytes);
    this.#payloadBytes += bytes.length;
    if (missing > 0) {
      // A copy: a view would keep the whole chunk.
      this.#sessions.push(bytes.slice(0, missing));
      if (bytes.length < missing) return;
      const sessions = Buffer.concat(this.#sessions);
      this.#sessions = [];
      await this.#target.sessions(sessions);
    }
    if (bytes.length > missing) await this.#target.data(bytes.subarray(missing));
  }
}
