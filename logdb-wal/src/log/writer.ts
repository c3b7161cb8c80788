import { ErrLogDBFenced } from '@drakkar/raftio';
import { FrameType, sealFrame } from '../format/frame.js';
import { viewOf } from '../format/integers.js';
import type { Op } from '../format/ops.js';
import { SEGMENT_HEADER_BYTES, chainOfHeader, encodeSegmentHeader } from '../format/segment-header.js';
import type { Place } from '../index/apply.js';
import { Allocation } from './allocation.js';
import type { ControlFile } from './control-file.js';
import { type LogFiles, createNamed, segmentName, syncData } from './files.js';
import { BufferPool, Group } from './group.js';
import { Segment, type Segments } from './segments.js';

/** A frame that has become this long takes nothing more, so that what waits for the next need not wait long. */
const FULL_FRAME_BYTES = 4 * 1024 * 1024;

/** Where the log goes on. */
export interface LogHead {
  segment: Segment;
  /** Of the last frame; that of the segment's header if it has none. */
  chain: number;
  lastSeq: number;
  epoch: number;
}

export interface WriterOptions {
  files: LogFiles;
  dir: string;
  segmentBytes: number;
  alignmentBytes: number;
  control: ControlFile;
  segments: Segments;
  head: LogHead;
  randomBytes: RandomBytes;
  /** Called for each op in order, in the call that submits it. */
  onOp: (op: Op, place: Place) => void;
  /** Asked by each submission: what goes along before it, without a caller that waits. */
  takeLazyOps: () => Op[];
}

export type RandomBytes = (sizeBytes: number) => Uint8Array;

/** Of a new segment: no other file ever has it. */
export function newSalt(randomBytes: RandomBytes): bigint {
  return viewOf(randomBytes(8)).getBigUint64(0, true);
}

/**
 * Group commit: one frame is under way, and what is submitted meanwhile goes into the next one. A write that fails
 * leaves it unknown what is on the disk, and an operating system forgets the pages that it failed to sync: a retry
 * would report as stored what is not. So nothing is ever written after that.
 */
export class Writer {
  readonly #options: WriterOptions;
  readonly #pool = new BufferPool();
  /** Full, and waiting to be written. */
  readonly #queue: Group[] = [];
  #open: Group | undefined;
  #current: Group | undefined;
  #isRunning = false;
  #fenced: ErrLogDBFenced | undefined;
  #active: Segment;
  #allocation: Allocation;
  #chain: number;
  #lastSeq: number;
  #proven: number;
  /** Whether the active segment has frames that were not synced: a mark. */
  #hasUnsynced = false;
  /** What the disk says is durable, up to which frame. */
  #statedSeq: number;
  /** Where the frame that is planned next will lie. */
  #planned: Segment;
  #isRotationDue = false;

  constructor(options: WriterOptions) {
    this.#options = options;
    const { segment, chain, lastSeq } = options.head;
    this.#active = this.#planned = segment;
    this.#allocation = new Allocation(segment.openFile, segment.endBytes);
    this.#chain = chain;
    this.#lastSeq = this.#proven = this.#statedSeq = lastSeq;
  }

  /** Throws ErrLogDBFenced after a failed write. */
  checkFence(): void {
    if (this.#fenced !== undefined) throw new ErrLogDBFenced(undefined, { cause: this.#fenced.cause });
  }

  get isIdle(): boolean {
    return !this.#isRunning && this.#open === undefined && this.#queue.length === 0;
  }

  /** The segment that the next op will lie in, or a later one. */
  get plannedSegment(): Segment {
    return this.#planned;
  }

  /** Resolves when `ops`, all of them or none, are durable. Never fails synchronously. */
  submit(ops: readonly Op[]): Promise<void> {
    if (this.#fenced !== undefined) return Promise.reject(this.#fenced);
    const group = this.#openGroup();
    for (const op of [...this.#options.takeLazyOps(), ...ops]) this.#options.onOp(op, group.add(op));
    this.#start();
    return group.done;
  }

  /** Resolves when what goes along with others, and was waiting for them, is durable. */
  async flush(): Promise<void> {
    const ops = this.#options.takeLazyOps();
    if (ops.length > 0) await this.submit(ops);
  }

  /** Says on the disk what is durable, if that is not said yet; this is not synced itself. */
  async mark(): Promise<void> {
    if (!this.isIdle || this.#fenced !== undefined || this.#statedSeq >= this.#proven) return;
    const group = this.#plan(FrameType.mark);
    this.#seal(group);
    this.#start();
    await group.done;
  }

  /** The next frame begins a new segment. */
  rotate(): void {
    this.#isRotationDue = true;
  }

  /** Resolves, whatever became of it, when all is over that has been submitted until now. */
  async settled(): Promise<void> {
    await this.#last?.done.catch(() => undefined);
  }

  /** Resolves, whatever became of it, when nothing is under way. */
  async idle(): Promise<void> {
    for (let last = this.#last; last !== undefined; last = this.#last) await last.done.catch(() => undefined);
    await this.#allocation.idle();
  }

  /** Fails all that is submitted from now on. */
  fence(cause: unknown): ErrLogDBFenced {
    this.#fenced ??= new ErrLogDBFenced(`a write failed, the LogDB accepts nothing more: ${String(cause)}`, {
      cause,
    });
    return this.#fenced;
  }

  /** The end of an orderly close: what is durable is said, durably. */
  async finish(): Promise<void> {
    await this.idle();
    if (this.#fenced !== undefined) return;
    await this.mark();
    await this.idle();
    if (this.#hasUnsynced) await syncData(this.#active.openFile).catch(() => undefined);
  }

  get #last(): Group | undefined {
    return this.#open ?? this.#queue.at(-1) ?? this.#current;
  }

  #openGroup(): Group {
    if (this.#open !== undefined && this.#open.payloadBytes >= FULL_FRAME_BYTES) this.#seal(this.#open);
    this.#open ??= this.#plan(FrameType.ops);
    return this.#open;
  }

  #plan(type: FrameType): Group {
    const { segmentBytes, segments } = this.#options;
    const isFull = this.#planned.endBytes >= segmentBytes;
    if (isFull || this.#isRotationDue) {
      this.#planned = new Segment({
        segment: this.#planned.segment + 1,
        salt: newSalt(this.#options.randomBytes),
      });
      segments.add(this.#planned);
      this.#isRotationDue = false;
    }
    return new Group(type, { segment: this.#planned, offset: this.#planned.endBytes }, this.#pool.take());
  }

  /** From now on its length is known, and so is the place of the next one. */
  #seal(group: Group): void {
    group.segment.endBytes = group.endBytes(this.#options.alignmentBytes);
    if (this.#open === group) this.#open = undefined;
    this.#queue.push(group);
  }

  #start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    queueMicrotask(() => void this.#run());
  }

  async #run(): Promise<void> {
    for (let group = this.#take(); group !== undefined; group = this.#take()) {
      this.#current = group;
      try {
        this.checkFence();
        await this.#write(group);
      } catch (error) {
        this.#current = undefined;
        this.#isRunning = false;
        this.#rejectAll(group, this.fence(error));
        return;
      }
      this.#current = undefined;
      this.#pool.give(group.buffer);
      group.resolve();
    }
    this.#isRunning = false;
  }

  #take(): Group | undefined {
    if (this.#queue.length === 0 && this.#open !== undefined) this.#seal(this.#open);
    return this.#queue.shift();
  }

  #rejectAll(group: Group, error: ErrLogDBFenced): void {
    const all = [group, ...this.#queue.splice(0), ...(this.#open === undefined ? [] : [this.#open])];
    this.#open = undefined;
    for (const each of all) each.reject(error);
  }

  async #write(group: Group): Promise<void> {
    const { alignmentBytes } = this.#options;
    const { segment, offset, payloadBytes, opCount, type } = group;
    if (segment !== this.#active) await this.#begin(segment);
    const bytes = group.padded(alignmentBytes);
    const seq = this.#lastSeq + 1;
    const chain = sealFrame(bytes, {
      ...{ type, segment: segment.segment, salt: segment.salt, offset, seq },
      ...{ proven: this.#proven, payloadBytes, opCount, chain: this.#chain },
    });
    await this.#allocation.claim(offset + bytes.length);
    await segment.openFile.write(bytes, offset);
    this.#lastSeq = seq;
    this.#chain = chain;
    this.#statedSeq = this.#proven;
    if (type === FrameType.mark) {
      this.#hasUnsynced = true;
      return;
    }
    await syncData(segment.openFile);
    this.#proven = seq;
    this.#hasUnsynced = false;
    this.#allocation.growAhead();
  }

  /** Everything before is durable, then the new segment's header, then its name; only then has it frames. */
  async #begin(segment: Segment): Promise<void> {
    const { files, dir, control, alignmentBytes, head } = this.#options;
    const before = this.#active;
    await this.#allocation.idle();
    if (this.#hasUnsynced) await syncData(before.openFile);
    this.#hasUnsynced = false;
    this.#proven = this.#lastSeq;
    const header = encodeSegmentHeader({
      ...{ segment: segment.segment, salt: segment.salt, logID: control.logID, epoch: head.epoch },
      ...{ firstSeq: this.#lastSeq + 1, alignmentBytes, copiedSeq: 0 },
      previous: {
        segment: before.segment,
        seq: this.#lastSeq,
        offset: before.endBytes,
        chain: this.#chain,
      },
    });
    segment.file = await createNamed(files, { dir, name: segmentName(segment.segment) }, [header]);
    await control.change({ active: segment.segment, proven: this.#lastSeq });
    this.#active = segment;
    this.#statedSeq = this.#lastSeq;
    this.#chain = chainOfHeader(header);
    this.#allocation = new Allocation(segment.openFile, SEGMENT_HEADER_BYTES);
    // What was allocated ahead holds nothing; if it stays, that does no harm.
    await before.openFile.truncate(before.endBytes).catch(() => undefined);
  }
}
