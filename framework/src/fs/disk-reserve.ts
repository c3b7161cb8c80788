import type { DiskSpace, IFile, IFileSystem } from './file-system.js';

export interface DiskReserveOptions {
  fileSystem: IFileSystem;
  /** A folder on the disk. What is above it is not looked after. */
  dir: string;
  /** What has to stay free, but for a tenth of the disk, or 24 MiB, at most; 0 = nothing is checked. */
  reserveBytes: number;
}

/** Room that was asked for and is not all written yet. */
export interface SpaceClaim {
  wrote(sizeBytes: number): void;
  /** Idempotent. */
  end(): void;
}

const MIB = 1024 * 1024;
const MAX_RESERVED_PART = 0.1;
/** On a disk of four times that it is reserved in any case: a LogDB may need several MiB at a time. */
const LEAST_RESERVED_BYTES = 24 * MIB;

/** Thrown as a full disk would be: there is room, and it is kept for the log. */
export class ErrDiskReserve extends Error {
  readonly code = 'ENOSPC';
}

/** What of a disk is reserved for the log. */
export function reservedBytes(reserveBytes: number, { totalBytes }: DiskSpace): number {
  const partBytes = totalBytes * MAX_RESERVED_PART;
  const isSmall = totalBytes < 4 * LEAST_RESERVED_BYTES;
  return Math.floor(Math.min(reserveBytes, isSmall ? partBytes : Math.max(partBytes, LEAST_RESERVED_BYTES)));
}

/**
 * Keeps a part of a disk free for the log: a disk that is full fails the LogDB, and with it every group of the host,
 * where a snapshot that is not taken costs nothing but a longer log.
 */
export class DiskReserve {
  readonly #options: DiskReserveOptions;
  readonly #claims = new Set<{ leftBytes: number }>();

  constructor(options: DiskReserveOptions) {
    this.#options = options;
  }

  get dir(): string {
    return this.#options.dir;
  }

  /** What is free beside the reserve; undefined: not known. */
  async roomBytes(): Promise<number | undefined> {
    const { fileSystem, dir, reserveBytes } = this.#options;
    const space = reserveBytes === 0 ? undefined : await fileSystem.space?.(dir);
    return space === undefined
      ? undefined
      : Math.max(0, space.freeBytes - reservedBytes(reserveBytes, space));
  }

  /** @throws ErrDiskReserve when writing that much more would leave less than the reserve */
  async mustFit(sizeBytes: number, what: string): Promise<void> {
    await this.#mustFit(sizeBytes, 0, what);
  }

  /** As `mustFit`, beside what others have claimed; until its end it counts for them. */
  async claim(sizeBytes: number, what: string): Promise<SpaceClaim> {
    const claim = { leftBytes: sizeBytes };
    let othersBytes = 0;
    for (const { leftBytes } of this.#claims) othersBytes += leftBytes;
    this.#claims.add(claim);
    try {
      await this.#mustFit(sizeBytes, othersBytes, what);
    } catch (error) {
      this.#claims.delete(claim);
      throw error;
    }
    return {
      wrote: (bytes) => {
        claim.leftBytes = Math.max(0, claim.leftBytes - bytes);
      },
      end: () => void this.#claims.delete(claim),
    };
  }

  async #mustFit(sizeBytes: number, othersBytes: number, what: string): Promise<void> {
    const { fileSystem, dir, reserveBytes } = this.#options;
    if (reserveBytes === 0) return;
    const space = await fileSystem.space?.(dir);
    if (space === undefined) return;
    const reserved = reservedBytes(reserveBytes, space);
    if (space.freeBytes - othersBytes - sizeBytes >= reserved) return;
    const others = othersBytes === 0 ? '' : ` beside ${othersBytes} for snapshots that are on their way`;
    throw new ErrDiskReserve(
      `${what} needs ${sizeBytes} bytes${others}, of which ${space.freeBytes} are free on the disk of ${dir}, and ` +
        `${reserved} of these stay for the log (settings.diskReserveBytes): make room`,
    );
  }
}

/** A file system on which what is written below the folder of a reserve leaves the reserve alone. */
export class ReservingFileSystem implements IFileSystem {
  readonly #inner: IFileSystem;
  readonly #reserve: DiskReserve;

  constructor(inner: IFileSystem, reserve: DiskReserve) {
    this.#inner = inner;
    this.#reserve = reserve;
  }

  async open(...args: Parameters<IFileSystem['open']>): Promise<IFile> {
    const file = await this.#inner.open(...args);
    const [path, mode] = args;
    return mode === 'read' || !path.startsWith(this.#reserve.dir)
      ? file
      : new ReservingFile(file, this.#reserve);
  }

  readFile(path: string): ReturnType<IFileSystem['readFile']> {
    return this.#inner.readFile(path);
  }

  stat(path: string): ReturnType<IFileSystem['stat']> {
    return this.#inner.stat(path);
  }

  readDir(path: string): Promise<string[]> {
    return this.#inner.readDir(path);
  }

  makeDir(path: string): Promise<void> {
    return this.#inner.makeDir(path);
  }

  rename(from: string, to: string): Promise<void> {
    return this.#inner.rename(from, to);
  }

  link(from: string, to: string): Promise<void> {
    return this.#inner.link(from, to);
  }

  remove(path: string): Promise<void> {
    return this.#inner.remove(path);
  }

  syncDir(path: string): Promise<void> {
    return this.#inner.syncDir(path);
  }
}

/** Claims room for a MiB before the first write, and again each time that it is used up. */
class ReservingFile implements IFile {
  readonly #inner: IFile;
  readonly #reserve: DiskReserve;
  #claim: SpaceClaim | undefined;
  #claimedBytes = 0;

  constructor(inner: IFile, reserve: DiskReserve) {
    this.#inner = inner;
    this.#reserve = reserve;
  }

  read(buffer: Uint8Array, offset: number): Promise<number> {
    return this.#inner.read(buffer, offset);
  }

  async write(data: Uint8Array, offset: number): Promise<void> {
    if (data.length > this.#claimedBytes) {
      this.#claim?.end();
      this.#claimedBytes = Math.max(data.length, MIB);
      this.#claim = await this.#reserve.claim(this.#claimedBytes, 'a file of a snapshot');
    }
    await this.#inner.write(data, offset);
    this.#claimedBytes -= data.length;
    this.#claim?.wrote(data.length);
  }

  sync(): Promise<void> {
    return this.#inner.sync();
  }

  truncate(sizeBytes: number): Promise<void> {
    return this.#inner.truncate(sizeBytes);
  }

  sizeBytes(): Promise<number> {
    return this.#inner.sizeBytes();
  }

  async close(): Promise<void> {
    this.#claim?.end();
    await this.#inner.close();
  }
}
