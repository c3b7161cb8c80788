import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { KVOp } from '@drakkar/raftio/kv';

const MIB = 1024 * 1024;
/**
 * With so much more room than is needed no disk is full within the time for which nobody looks again: half of it is for
 * what others write, and half for the writes meanwhile.
 */
const AMPLE_BYTES = 1024 * MIB;
const LOOK_AGAIN_MS = 10;

/**
 * Keeps writes away from a full disk. When a write of LMDB's own thread meets one, the library reports it, but may have
 * spoiled its memory: now and then the process ends by SIGABRT a moment later, and takes its other work along. So a
 * write is refused while there still is room, and only a disk that fills up within that one write is left to LMDB.
 */
export class FreeSpace {
  readonly #dir: string;
  readonly #reserveBytes: number;
  #lookedAtMs = -Infinity;
  /** Room for writes until somebody looks again. */
  #spareBytes = 0;

  readonly #freeBytesIn: (dir: string) => number;

  /** @param path of the file that grows; @param reserveBytes what stays free at least; 0 = nobody looks */
  constructor(path: string, reserveBytes: number, freeBytesIn = askSystem) {
    this.#dir = dirname(path);
    this.#reserveBytes = reserveBytes;
    this.#freeBytesIn = freeBytesIn;
  }

  /** Throws an error with the code `ENOSPC` when `ops` might not fit. */
  check(ops: readonly KVOp[]): void {
    if (this.#reserveBytes === 0) return;
    const nowMs = performance.now();
    const writtenBytes = 2 * sizeBytesOf(ops);
    this.#spareBytes -= writtenBytes;
    if (this.#spareBytes >= 0 && nowMs - this.#lookedAtMs < LOOK_AGAIN_MS) return;
    const freeBytes = this.#freeBytesIn(this.#dir);
    const neededBytes = this.#reserveBytes + writtenBytes;
    this.#lookedAtMs = nowMs;
    this.#spareBytes = freeBytes - neededBytes >= AMPLE_BYTES ? AMPLE_BYTES / 2 : -1;
    if (freeBytes >= neededBytes) return;
    const error = new Error(
      `no space left on device: ${toMiB(freeBytes)} MiB are free in ${this.#dir}, and a write of the log ` +
        `asks for ${toMiB(neededBytes)} MiB (reserveBytes and twice its size)`,
    );
    throw Object.assign(error, { code: 'ENOSPC' });
  }
}

/** How much an ordinary user may still write. */
export function askSystem(dir: string): number {
  const { bavail, bsize } = statfsSync(dir);
  return bavail * bsize;
}

function sizeBytesOf(ops: readonly KVOp[]): number {
  let sizeBytes = 0;
  for (const op of ops) if (op.type === 'put') sizeBytes += op.key.length + op.value.length;
  return sizeBytes;
}

const toMiB = (bytes: number): string => (bytes / MIB).toFixed(1);
