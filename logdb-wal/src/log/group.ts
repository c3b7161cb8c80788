import { FRAME_HEADER_BYTES, type FrameType } from '../format/frame.js';
import { frameEnd } from '../format/classify.js';
import { type Op, opSizeBytes, putOp } from '../format/ops.js';
import type { Place } from '../index/apply.js';
import type { Segment } from './segments.js';

const FIRST_CAPACITY_BYTES = 16 * 1024;
const KEPT_CAPACITY_BYTES = 1024 * 1024;
const KEPT_BUFFERS = 2;

/** Buffers of frames; a large one is used once. */
export class BufferPool {
  readonly #free: Uint8Array[] = [];

  take(): Uint8Array {
    return this.#free.pop() ?? new Uint8Array(FIRST_CAPACITY_BYTES);
  }

  /** No write that reads it may be under way. */
  give(buffer: Uint8Array): void {
    if (buffer.length <= KEPT_CAPACITY_BYTES && this.#free.length < KEPT_BUFFERS) this.#free.push(buffer);
  }
}

/** What becomes one frame: its place is known from the beginning, as the frame before it has got its length. */
export class Group {
  readonly type: FrameType;
  readonly segment: Segment;
  readonly offset: number;
  readonly done: Promise<void>;
  resolve!: () => void;
  reject!: (error: Error) => void;
  opCount = 0;
  #buffer: Uint8Array;
  #usedBytes = FRAME_HEADER_BYTES;

  constructor(
    type: FrameType,
    { segment, offset }: { segment: Segment; offset: number },
    buffer: Uint8Array,
  ) {
    this.type = type;
    this.segment = segment;
    this.offset = offset;
    this.#buffer = buffer;
    this.done = new Promise<void>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // Readers look at `done` only if they come while it is pending; its failure reaches the submitter.
    this.done.catch(() => undefined);
  }

  get payloadBytes(): number {
    return this.#usedBytes - FRAME_HEADER_BYTES;
  }

  get buffer(): Uint8Array {
    return this.#buffer;
  }

  endBytes(alignmentBytes: number): number {
    return frameEnd(this, alignmentBytes);
  }

  add(op: Op): Place {
    const at = this.#usedBytes;
    const end = at + opSizeBytes(op);
    this.#grow(end);
    const fileOffset = this.offset + at;
    this.#buffer.fill(0, at, end - op.body.length);
    putOp(this.#buffer, at, op, { seed: this.segment.seed, fileOffset });
    this.#usedBytes = end;
    this.opCount += 1;
    return { segment: this.segment.segment, offset: fileOffset };
  }

  /** The frame with zeros up to the next one. */
  padded(alignmentBytes: number): Uint8Array {
    const sizeBytes = this.endBytes(alignmentBytes) - this.offset;
    this.#grow(sizeBytes);
    this.#buffer.fill(0, this.#usedBytes, sizeBytes);
    return this.#buffer.subarray(0, sizeBytes);
  }

  #grow(sizeBytes: number): void {
    if (sizeBytes <= this.#buffer.length) return;
    const grown = new Uint8Array(Math.max(sizeBytes, 2 * this.#buffer.length));
    grown.set(this.#buffer.subarray(0, this.#usedBytes));
    this.#buffer = grown;
  }
}
