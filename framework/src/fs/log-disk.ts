import type { IClock } from '../runtime/clock.js';
import { reservedBytes } from './disk-reserve.js';
import type { IFileSystem } from './file-system.js';

/**
 * How near the disk of the LogDB is to being full. `low`: there is no room beside the reserve, so that no snapshot is
 * written, and logs that can't be compacted have to stop growing. `short`: all long logs have to.
 */
export type DiskLevel = 'ample' | 'low' | 'short';

export interface LogDiskOptions {
  fileSystem: IFileSystem;
  /** The folders that the LogDB writes to. */
  dirs: readonly string[];
  /** As that of snapshots; 0 = nothing is looked at. */
  reserveBytes: number;
  clock: IClock;
}

/** In parts of the reserve: below it a disk is low, or short; and near enough to that to be looked at more often. */
const LOW = 1;
const SHORT = 0.75;
const NEAR = 4;
const LOOK_MS = 1_000;
const NEAR_LOOK_MS = 100;

/** Looks, while the engine ticks, at how much room the LogDB has. */
export class LogDisk {
  readonly #options: LogDiskOptions;
  #level: DiskLevel = 'ample';
  #freeBytes = Infinity;
  #dir = '';
  #isLooking = false;
  #nextMs = -Infinity;

  constructor(options: LogDiskOptions) {
    this.#options = options;
  }

  get level(): DiskLevel {
    return this.#level;
  }

  /** For people. */
  get description(): string {
    return `${this.#freeBytes} bytes are free on the disk of ${this.#dir}`;
  }

  /** Called at each tick; looks when it is time. */
  tick(): void {
    const { clock, reserveBytes } = this.#options;
    if (this.#isLooking || reserveBytes === 0 || clock.nowMs() < this.#nextMs) return;
    this.#isLooking = true;
    void this.#look().finally(() => {
      this.#isLooking = false;
    });
  }

  async #look(): Promise<void> {
    const { fileSystem, dirs, reserveBytes, clock } = this.#options;
    let least = { parts: Infinity, freeBytes: Infinity, dir: '' };
    for (const dir of dirs) {
      // A disk that can't be asked is no reason to refuse anything.
      const space = await fileSystem.space?.(dir).catch(() => undefined);
      if (space === undefined) continue;
      const parts = space.freeBytes / Math.max(1, reservedBytes(reserveBytes, space));
      if (parts < least.parts) least = { parts, freeBytes: space.freeBytes, dir };
    }
    this.#freeBytes = least.freeBytes;
    this.#dir = least.dir;
    if (least.parts < SHORT) this.#level = 'short';
    else this.#level = least.parts < LOW ? 'low' : 'ample';
    this.#nextMs = clock.nowMs() + (least.parts < NEAR ? NEAR_LOOK_MS : LOOK_MS);
  }
}
