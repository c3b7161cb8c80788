import { Buffer } from 'node:buffer';
import type { IStateMachine, SnapshotWriter } from '@drakkar/framework';
import type { Uint64 } from '@drakkar/raftio';

export const BLOCK_BYTES = 256 * 1024;
const BLOCKS_PER_MIB = (1024 * 1024) / BLOCK_BYTES;
/** Spreads block numbers over the seeds of the generator (2^32 divided by the golden ratio). */
const MULTIPLIER = 0x9e3779b1;

/**
 * A state machine whose snapshot is large and which holds none of it: the data is made up while it is written, and
 * checked while it is read. Its state is a counter of updates, and how many blocks its last recovery has read.
 */
export class BigSnapshotStateMachine implements IStateMachine {
  readonly #blocks: number;
  readonly #block = Buffer.alloc(BLOCK_BYTES);
  readonly #expected = Buffer.alloc(BLOCK_BYTES);
  #updates = 0;
  #blocksRead = 0;

  constructor(sizeMiB: number) {
    this.#blocks = sizeMiB * BLOCKS_PER_MIB;
  }

  update(): Uint64 {
    this.#updates += 1;
    return this.#updates;
  }

  /** `updates (f64), blocks read (f64)`. */
  lookup(): Uint8Array {
    const answer = Buffer.alloc(16);
    answer.writeDoubleLE(this.#updates, 0);
    answer.writeDoubleLE(this.#blocksRead, 8);
    return answer;
  }

  async saveSnapshot(writer: SnapshotWriter, _files: unknown, signal: AbortSignal): Promise<void> {
    const head = Buffer.alloc(8);
    head.writeDoubleLE(this.#updates, 0);
    await writer.write(head);
    for (let number = 0; number < this.#blocks; number += 1) {
      signal.throwIfAborted();
      fill(this.#block, number);
      await writer.write(this.#block);
    }
  }

  async recoverFromSnapshot(
    reader: AsyncIterable<Uint8Array>,
    _files: unknown,
    signal: AbortSignal,
  ): Promise<void> {
    const head = Buffer.alloc(8);
    let at = 0;
    for await (const chunk of reader) {
      signal.throwIfAborted();
      for (let offset = 0; offset < chunk.length;) {
        const taken =
          at < head.length
            ? this.#readHead(head, at, chunk, offset)
            : this.#check(at - head.length, chunk, offset);
        at += taken;
        offset += taken;
      }
    }
    const size = head.length + this.#blocks * BLOCK_BYTES;
    if (at !== size) throw new RangeError(`a snapshot of ${at} bytes instead of ${size}`);
    this.#updates = head.readDoubleLE(0);
    this.#blocksRead = this.#blocks;
  }

  close(): void {
    this.#blocksRead = 0;
  }

  getHash(): Uint64 {
    return this.#updates;
  }

  #readHead(head: Buffer, at: number, chunk: Uint8Array, offset: number): number {
    const taken = Math.min(head.length - at, chunk.length - offset);
    head.set(chunk.subarray(offset, offset + taken), at);
    return taken;
  }

  /** Compares what there is of one block with what it must be. */
  #check(position: number, chunk: Uint8Array, offset: number): number {
    const inBlock = position % BLOCK_BYTES;
    if (inBlock === 0 || position === 0) fill(this.#expected, Math.floor(position / BLOCK_BYTES));
    const taken = Math.min(BLOCK_BYTES - inBlock, chunk.length - offset);
    if (this.#expected.compare(chunk, offset, offset + taken, inBlock, inBlock + taken) !== 0) {
      throw new RangeError(`the snapshot differs near byte ${position}`);
    }
    return taken;
  }
}

/** Bytes that differ from block to block and do not compress. */
function fill(block: Buffer, number: number): void {
  const words = new Uint32Array(block.buffer, block.byteOffset, block.length / 4);
  let x = Math.imul(number + 1, MULTIPLIER) | 1;
  for (let i = 0; i < words.length; i += 1) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    words[i] = x;
  }
}
