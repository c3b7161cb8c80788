import type { IFile } from '@drakkar/raftio/fs';
import type { SegmentID } from '../format/frame.js';
import { opSeedOf } from '../format/ops.js';
import { SEGMENT_HEADER_BYTES } from '../format/segment-header.js';
import type { SegmentUse } from '../index/pieces.js';

/** A segment, as it is known in memory. */
export class Segment implements SegmentID {
  readonly segment: number;
  readonly salt: bigint;
  readonly seed: number;
  /** Undefined until it is begun: the frames for it are being gathered. */
  file: IFile | undefined = undefined;
  /** Where its frames end. */
  endBytes = SEGMENT_HEADER_BYTES;
  /** Ops that count, and their bytes. */
  liveCount = 0;
  liveBytes = 0;
  /** Reads under way. */
  pins = 0;
  isRemoved = false;

  constructor({ segment, salt }: SegmentID) {
    this.segment = segment;
    this.salt = salt;
    this.seed = opSeedOf({ segment, salt });
  }

  get openFile(): IFile {
    if (this.file === undefined) throw new Error(`segment ${this.segment} is not open`);
    return this.file;
  }
}

/** All segments of the log, oldest first, and how much of each is in use. */
export class Segments implements SegmentUse {
  readonly #segments = new Map<number, Segment>();
  /** Removed, with reads under way. */
  readonly #leaving = new Set<Segment>();
  #liveBytes = 0;

  add(segment: Segment): void {
    this.#segments.set(segment.segment, segment);
  }

  get(number: number): Segment {
    const segment = this.#segments.get(number);
    if (segment === undefined) throw new Error(`there is no segment ${number}`);
    return segment;
  }

  get all(): Segment[] {
    return [...this.#segments.values()];
  }

  get count(): number {
    return this.#segments.size;
  }

  get oldest(): Segment | undefined {
    for (const segment of this.#segments.values()) return segment;
    return undefined;
  }

  get liveBytes(): number {
    return this.#liveBytes;
  }

  get totalBytes(): number {
    let total = 0;
    for (const { endBytes } of this.#segments.values()) total += endBytes;
    return total;
  }

  retain(number: number, sizeBytes: number): void {
    this.#count(number, 1, sizeBytes);
  }

  release(number: number, sizeBytes: number): void {
    this.#count(number, -1, -sizeBytes);
  }

  #count(number: number, count: number, sizeBytes: number): void {
    const segment = this.get(number);
    segment.liveCount += count;
    segment.liveBytes += sizeBytes;
    this.#liveBytes += sizeBytes;
  }

  pin(segment: Segment): void {
    segment.pins += 1;
  }

  async unpin(segment: Segment): Promise<void> {
    segment.pins -= 1;
    if (segment.pins > 0 || !this.#leaving.delete(segment)) return;
    await segment.file?.close();
  }

  /** Takes it out of the log; its file is closed when the last read has ended. */
  async remove(segment: Segment): Promise<void> {
    this.#segments.delete(segment.segment);
    segment.isRemoved = true;
    if (segment.pins > 0) this.#leaving.add(segment);
    else await segment.file?.close();
  }

  async close(): Promise<void> {
    for (const segment of [...this.#segments.values(), ...this.#leaving]) await segment.file?.close();
  }
}
