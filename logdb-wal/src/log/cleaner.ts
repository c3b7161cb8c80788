import { sliceEntries } from '@drakkar/raftio';
import { type Op, OpType, makeOp } from '../format/ops.js';
import type { Replica, ReplicaMap } from '../index/replica.js';
import type { ControlFile } from './control-file.js';
import { type LogFiles, segmentName } from './files.js';
import { EntryReader, type PinnedPiece } from './reader.js';
import type { Segment, Segments } from './segments.js';

const NO_BYTES: Uint8Array = new Uint8Array(0);
/** What is copied in one call: little enough for a save that shares the frame not to feel it. */
const SLICE_BYTES = 256 * 1024;
/** A segment with less than this in it is not worth beginning another one. */
const LEAST_ROTATED_BYTES = 1024 * 1024;

export interface CleanerOptions {
  files: LogFiles;
  dir: string;
  segmentBytes: number;
  segments: Segments;
  replicas: ReplicaMap;
  control: ControlFile;
  writer: CleanerWriter;
}

export interface CleanerWriter {
  readonly plannedSegment: Segment;
  submit(ops: readonly Op[]): Promise<void>;
  flush(): Promise<void>;
  rotate(): void;
  settled(): Promise<void>;
  checkFence(): void;
  fence(cause: unknown): Error;
}

/**
 * Gives space back. Segments go in the order in which they came, and only when nothing in them counts; what still
 * counts in the oldest one is written again at the head of the log first.
 */
export class Cleaner {
  readonly #options: CleanerOptions;
  #running: Promise<void> | undefined;
  #isThorough = false;

  constructor(options: CleanerOptions) {
    this.#options = options;
  }

  /** Whether there is something to do without being asked. */
  get isDue(): boolean {
    const { segments, writer } = this.#options;
    const { oldest } = segments;
    if (oldest === undefined || oldest === writer.plannedSegment) return false;
    return oldest.liveCount === 0 || this.#isTight();
  }

  /** Begins, unless it is at work. Failures fence the log. */
  start(): void {
    this.#running ??= this.#work();
  }

  /** Makes the log as short as is worth the while. */
  async shrink(): Promise<void> {
    this.#isThorough = true;
    await this.#running;
    this.start();
    await this.#running;
  }

  async idle(): Promise<void> {
    await this.#running;
  }

  async #work(): Promise<void> {
    try {
      await this.#clean();
    } catch (error) {
      this.#options.writer.fence(error);
    } finally {
      this.#running = undefined;
    }
  }

  async #clean(): Promise<void> {
    const { segments, writer } = this.#options;
    const isThorough = this.#isThorough;
    this.#isThorough = false;
    if (isThorough) await this.#sealActive();
    // What is copied goes there or behind, and is not copied again: that might never end.
    const end = writer.plannedSegment.segment;
    for (let oldest = segments.oldest; oldest !== undefined; oldest = segments.oldest) {
      if (oldest.segment >= end) return;
      if (oldest.liveCount > 0) {
        const isWorthIt = this.#isTight() || (isThorough && 2 * oldest.liveBytes < oldest.endBytes);
        if (!isWorthIt) return;
        await this.#empty(oldest);
      }
      await this.#remove(oldest);
    }
  }

  #isTight(): boolean {
    const { segments, segmentBytes } = this.#options;
    const most = Math.max(4 * segmentBytes, 2 * segments.liveBytes + 2 * segmentBytes);
    return segments.totalBytes > most;
  }

  /** The segment that is written to is left, when most of it does not count any more. */
  async #sealActive(): Promise<void> {
    const { writer } = this.#options;
    const { plannedSegment: active } = writer;
    if (active.endBytes < LEAST_ROTATED_BYTES || 2 * active.liveBytes > active.endBytes) return;
    writer.rotate();
    await writer.submit([]);
  }

  async #remove(segment: Segment): Promise<void> {
    const { segments, control, files, dir, writer } = this.#options;
    // Removals that made it empty are known on the disk before it goes: else older entries, moved from it, could come back alone.
    await writer.flush();
    // What has taken the place of its content may be under way.
    await writer.settled();
    writer.checkFence();
    const next = segments.all[1];
    if (next === undefined) throw new Error(`segment ${segment.segment} is the last one`);
    await control.change({ first: next.segment });
    await segments.remove(segment);
    await files.remove(`${dir}/${segmentName(segment.segment)}`);
  }

  /**
   * Copies what counts in the segment to the head of the log, of many replicas in one frame: a frame for each would take
   * more room than what it gives back.
   */
  async #empty(segment: Segment): Promise<void> {
    let slice: Slice = { parts: [], sizeBytes: 0 };
    for (const replica of [...this.#options.replicas.all()]) {
      for (let more = true; more;) {
        more = addToSlice(slice, segment, replica);
        if (slice.sizeBytes < SLICE_BYTES) break;
        await this.#copy(slice);
        slice = { parts: [], sizeBytes: 0 };
      }
    }
    await this.#copy(slice);
    const { segment: number, liveCount } = segment;
    if (liveCount > 0)
      throw new Error(`${liveCount} ops of segment ${number} count, and no replica has them`);
  }

  /** Writes again what of the slice still counts when it was read: what is submitted later is later in the log, too. */
  async #copy({ parts }: Slice): Promise<void> {
    const { segments, writer } = this.#options;
    const pieces = parts.flatMap((part) => part.pieces);
    for (const piece of pieces) segments.pin(piece.in);
    try {
      for (const { replica } of parts) await replica.lastCommit;
      const blocks = new Map<PinnedPiece, Uint8Array>();
      for (const part of parts) {
        const reader = new EntryReader(part.replica, part.pieces);
        for (const [i, piece] of part.pieces.entries()) blocks.set(piece, await reader.blockOf(i));
      }
      const ops = parts.flatMap(({ replica, segment, pieces: read }) => [
        ...recordsOf(replica, segment),
        ...read.flatMap((piece) => relocationOf(replica, piece, blocks.get(piece)) ?? []),
      ]);
      if (ops.length === 0) return;
      const commit = writer.submit(ops);
      for (const { replica } of parts) replica.lastCommit = commit;
      await commit;
    } finally {
      for (const piece of pieces) await segments.unpin(piece.in);
    }
  }
}

/** What is copied in one frame. */
interface Slice {
  parts: { replica: Replica; segment: Segment; pieces: PinnedPiece[] }[];
  sizeBytes: number;
}

/** Takes what of the replica lies in the segment, until the slice is full; returns whether there may be more. */
function addToSlice(slice: Slice, segment: Segment, replica: Replica): boolean {
  const { pieces } = replica;
  const found: PinnedPiece[] = [];
  for (const { body } of recordsOf(replica, segment)) slice.sizeBytes += body.length;
  let at = 0;
  for (; at < pieces.length && slice.sizeBytes < SLICE_BYTES; at++) {
    if (pieces.segmentOf(at) !== segment.segment) continue;
    const piece = pieces.at(at);
    found.push({ ...piece, in: segment });
    slice.sizeBytes += piece.sizeBytes;
  }
  const hasRecords = recordsOf(replica, segment).length > 0;
  if (found.length > 0 || hasRecords) slice.parts.push({ replica, segment, pieces: found });
  return at < pieces.length;
}

/** Small records that lie in the segment, as they are at this moment. */
function recordsOf(replica: Replica, { segment }: Segment): Op[] {
  const ops: Op[] = [];
  const { bootstrap, state, snapshots } = replica;
  if (bootstrap?.segment === segment) ops.push(makeOp(OpType.bootstrap, replica, { body: bootstrap.body }));
  if (state?.segment === segment) ops.push(makeOp(OpType.state, replica, { body: state.body }));
  for (const [index, record] of snapshots) {
    if (record.segment === segment) ops.push(makeOp(OpType.snapshot, replica, { index, body: record.body }));
  }
  return ops;
}

/** Entries were read some time ago: what of them still counts, and lies where it lay. */
function relocationOf(replica: Replica, read: PinnedPiece, block = NO_BYTES): Op | undefined {
  const { pieces } = replica;
  for (let at = pieces.findAbove(read.first - 1); at < pieces.length; at++) {
    const now = pieces.at(at);
    if (now.first >= read.first + read.count) return undefined;
    if (now.segment !== read.segment || now.offset !== read.offset) continue;
    const body = sliceEntries(block, now.first - read.first, now.count);
    return makeOp(OpType.relocated, replica, { index: now.first, count: now.count, body });
  }
  return undefined;
}
