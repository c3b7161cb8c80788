import type { ErrLogDBCorrupt } from '@drakkar/raftio';
import type { IFile } from '@drakkar/raftio/fs';
import { type AcceptedFrame, type Classified, classify, frameEnd } from '../format/classify.js';
import { type Control, decodeControl } from '../format/control.js';
import { FrameType, sealFrame } from '../format/frame.js';
import type { PlacedOp } from '../format/ops.js';
import {
  SEGMENT_HEADER_BYTES,
  type SegmentEnd,
  type SegmentHeader,
  chainOfHeader,
  decodeSegmentHeader,
  encodeSegmentHeader,
} from '../format/segment-header.js';
import { applyOp } from '../index/apply.js';
import { ReplicaMap } from '../index/replica.js';
import { ControlFile } from './control-file.js';
import { corruptFile, damageReport } from './damage.js';
import { CONTROL_NAME, type LogFiles, createNamed, isTemporary, segmentName, segmentOf } from './files.js';
import { Group } from './group.js';
import { Segment, Segments } from './segments.js';
import { type LogHead, type RandomBytes, newSalt } from './writer.js';

export interface RecoveryOptions {
  files: LogFiles;
  dir: string;
  alignmentBytes: number;
  /** Whether there was a log here before: then one that is gone is a loss, and no beginning. */
  isKnown: boolean;
  randomBytes: RandomBytes;
}

export interface Recovered {
  segments: Segments;
  replicas: ReplicaMap;
  control: ControlFile;
  head: LogHead;
  /** Bytes of writes under way when the log was last left, and never acknowledged, that were dropped; 0 is usual. */
  droppedBytes: number;
}

interface Found {
  header: SegmentHeader;
  file: IFile;
  path: string;
}

const NO_SEGMENT: SegmentEnd = { segment: 0, seq: 0, offset: 0, chain: 0 };
const LOG_ID_BYTES = 16;

/** Finds out what the log holds, and begins a new segment, in which it goes on. */
export class Recovery {
  readonly #options: RecoveryOptions;
  readonly #segments = new Segments();
  readonly #replicas = new ReplicaMap(this.#segments);
  readonly #opened: IFile[] = [];
  #buffer = new Uint8Array(0);

  constructor(options: RecoveryOptions) {
    this.#options = options;
  }

  /** When it rejects, no file is open. */
  async run(): Promise<Recovered> {
    try {
      return await this.#run();
    } catch (error) {
      for (const file of this.#opened) await file.close();
      throw error;
    }
  }

  async #run(): Promise<Recovered> {
    const { files, dir } = this.#options;
    const names = await files.readDir(dir);
    for (const name of names) if (isTemporary(name)) await files.remove(`${dir}/${name}`);
    const control = await this.#readControl(names);
    const numbers = names.flatMap((name) => segmentOf(name) ?? []).sort((a, b) => a - b);
    if (control === undefined) return this.#beginLog(numbers);
    const chain = await this.#findChain(control, numbers);
    const last = chain.at(-1);
    if (last === undefined) throw corruptFile(`${dir}/${CONTROL_NAME}`, 'no segment of the log is there');
    for (const [i, found] of chain.entries()) {
      const next = chain[i + 1]?.header.previous;
      if (next !== undefined) await this.#replaySealed(found, next);
    }
    return this.#beginSegment(control, last, await this.#readTail(control, last), numbers);
  }

  async #readControl(names: readonly string[]): Promise<Control | undefined> {
    const { files, dir } = this.#options;
    if (!names.includes(CONTROL_NAME)) return undefined;
    const path = `${dir}/${CONTROL_NAME}`;
    const control = decodeControl(await files.readFile(path));
    if ('problem' in control) throw corruptFile(path, control.problem);
    return control;
  }

  /** A log that nobody has used yet may have been left half made; what is more than that is no beginning. */
  async #beginLog(numbers: readonly number[]): Promise<Recovered> {
    const { files, dir, isKnown } = this.#options;
    const path = `${dir}/${CONTROL_NAME}`;
    if (isKnown || numbers.some((number) => number !== 1))
      throw corruptFile(path, 'it is missing, and there was a log here');
    for (const number of numbers) {
      const { file, header, path: segmentPath } = await this.#openSegment(number, undefined);
      const { length } = await this.#readWhole(file);
      if (length > SEGMENT_HEADER_BYTES)
        throw corruptFile(path, `it is missing, and ${segmentPath} has frames from ${header.firstSeq} on`);
      await file.close();
      await files.remove(segmentPath);
    }
    const control = { logID: this.#options.randomBytes(LOG_ID_BYTES), first: 1, active: 0, proven: 0 };
    return this.#create(control, { number: 1, epoch: 1, previous: NO_SEGMENT, frames: [], isFirst: true });
  }

  /** The segments that make up the log, oldest first: each but the first is named by the one behind it. */
  async #findChain(control: Control, numbers: readonly number[]): Promise<Found[]> {
    const { dir } = this.#options;
    const missing = (number: number): ErrLogDBCorrupt =>
      corruptFile(`${dir}/${segmentName(number)}`, 'the segment is missing');
    const highest = numbers.at(-1) ?? 0;
    if (highest < control.active) throw missing(control.active);
    const chain: Found[] = [];
    for (let number = highest; number !== 0 && number >= control.first;) {
      if (!numbers.includes(number)) throw missing(number);
      const found = await this.#openSegment(number, control.logID);
      chain.unshift(found);
      const { previous, firstSeq } = found.header;
      if (previous.segment >= number || previous.seq + 1 !== firstSeq)
        throw corruptFile(found.path, `it can't follow segment ${previous.segment}`);
      number = previous.segment;
    }
    return chain;
  }

  async #openSegment(number: number, logID: Uint8Array | undefined): Promise<Found> {
    const { files, dir } = this.#options;
    const path = `${dir}/${segmentName(number)}`;
    const file = await files.open(path, 'update');
    this.#opened.push(file);
    const block = new Uint8Array(SEGMENT_HEADER_BYTES);
    const sizeBytes = await file.read(block, 0);
    const header = decodeSegmentHeader(block.subarray(0, sizeBytes));
    if ('problem' in header) throw corruptFile(path, header.problem);
    if (header.segment !== number) throw corruptFile(path, `it is segment ${header.segment} by its header`);
    if (logID !== undefined && Buffer.compare(header.logID, logID) !== 0)
      throw corruptFile(path, 'it belongs to another log');
    return { header, file, path };
  }

  /** The whole file, in memory that the next call uses again. */
  async #readWhole(file: IFile): Promise<Uint8Array> {
    const sizeBytes = await file.sizeBytes();
    if (sizeBytes > this.#buffer.length) this.#buffer = new Uint8Array(sizeBytes);
    const bytes = this.#buffer.subarray(0, sizeBytes);
    const readBytes = await file.read(bytes, 0);
    if (readBytes !== sizeBytes) throw new Error(`read ${readBytes} of ${sizeBytes} bytes of a segment`);
    return bytes;
  }

  #addSegment({ header, file }: Found, endBytes: number): Segment {
    const segment = new Segment(header);
    segment.file = file;
    segment.endBytes = endBytes;
    this.#segments.add(segment);
    return segment;
  }

  #apply(segment: number, ops: readonly PlacedOp[]): void {
    for (const { op, offset } of ops) applyOp(this.#replicas, op, { segment, offset });
  }

  async #replaySealed(found: Found, sealedEnd: SegmentEnd): Promise<void> {
    const { header } = found;
    const bytes = await this.#readWhole(found.file);
    this.#addSegment(found, sealedEnd.offset);
    const verdict = classify(bytes, { header, sealedEnd, proven: 0 }, ({ ops }) => {
      this.#apply(header.segment, ops);
    });
    if (verdict.kind === 'corrupt')
      throw damageReport({ ...found, bytes, verdict, replicas: this.#replicas });
  }

  /** Frames of the last segment that count, and where it ends. */
  async #readTail(control: Control, found: Found): Promise<Tail> {
    const { header } = found;
    const bytes = await this.#readWhole(found.file);
    const frames: AcceptedFrame[] = [];
    const expectation = { header, sealedEnd: undefined, proven: control.proven };
    const verdict = classify(bytes, expectation, (frame) => frames.push(frame));
    if (verdict.kind === 'corrupt')
      throw damageReport({ ...found, bytes, verdict, replicas: this.#replicas });
    const dropped = bytes.subarray(verdict.offset);
    const droppedBytes = dropped.length - zerosAtEnd(dropped);
    return { frames, verdict, droppedBytes };
  }

  /**
   * What is known to be durable stays where it is. What follows may lie in the caches of the system alone, and after a
   * failed sync even a sync proves nothing: it is copied, to a segment that has no name before all of it is durable.
   */
  async #beginSegment(
    control: Control,
    last: Found,
    tail: Tail,
    numbers: readonly number[],
  ): Promise<Recovered> {
    const { header } = last;
    const { proven } = tail.verdict;
    const kept = tail.frames.filter(({ seq }) => seq <= proven);
    const frames = tail.frames.filter(({ seq }) => seq > proven);
    while (frames.at(-1)?.type === FrameType.mark) frames.pop();
    const end = kept.at(-1);
    let previous = header.previous;
    if (end !== undefined) {
      previous = { segment: header.segment, seq: end.seq, offset: end.end, chain: end.ownChain };
      this.#addSegment(last, end.end);
      for (const frame of kept) this.#apply(header.segment, frame.ops);
    }
    const number = (numbers.at(-1) ?? 0) + 1;
    const isFirst = previous.segment < control.first;
    const next = { number, epoch: header.epoch + 1, previous, frames, isFirst };
    const recovered = await this.#create(control, next);
    // Nothing behind the end counts any more; if it stays, that does no harm.
    if (end === undefined) await last.file.close();
    else await last.file.truncate(end.end).catch(() => undefined);
    await this.#tidy(numbers);
    return { ...recovered, droppedBytes: tail.droppedBytes };
  }

  /** Removes what is not part of the log any more, now that this is durable. */
  async #tidy(numbers: readonly number[]): Promise<void> {
    const { files, dir } = this.#options;
    const kept = new Set(this.#segments.all.map(({ segment }) => segment));
    for (const number of numbers) if (!kept.has(number)) await files.remove(`${dir}/${segmentName(number)}`);
  }

  async #create(control: Control, begin: Beginning): Promise<Recovered> {
    const { files, dir, alignmentBytes } = this.#options;
    const { number, epoch, previous, frames, isFirst } = begin;
    const segment = new Segment({ segment: number, salt: newSalt(this.#options.randomBytes) });
    this.#segments.add(segment);
    const lastSeq = previous.seq + frames.length;
    const header = encodeSegmentHeader({
      ...{ segment: number, salt: segment.salt, logID: control.logID, epoch, firstSeq: previous.seq + 1 },
      ...{ alignmentBytes, previous, copiedSeq: lastSeq },
    });
    let chain = chainOfHeader(header);
    const parts = [header];
    for (const [i, frame] of frames.entries()) {
      const group = new Group(frame.type, { segment, offset: segment.endBytes }, new Uint8Array(0));
      for (const { op } of frame.ops) applyOp(this.#replicas, op, group.add(op));
      const bytes = group.padded(alignmentBytes);
      const { type, offset, payloadBytes, opCount } = group;
      const seq = previous.seq + 1 + i;
      const own = { type, segment: number, salt: segment.salt, offset, seq };
      chain = sealFrame(bytes, { ...own, proven: seq - 1, payloadBytes, opCount, chain });
      parts.push(bytes);
      segment.endBytes = frameEnd(group, alignmentBytes);
    }
    segment.file = await createNamed(files, { dir, name: segmentName(number) }, parts);
    this.#opened.push(segment.file);
    const controlFile = new ControlFile(files, dir, control);
    await controlFile.change({ active: number, proven: lastSeq, ...(isFirst ? { first: number } : {}) });
    return {
      segments: this.#segments,
      replicas: this.#replicas,
      control: controlFile,
      head: { segment, chain, lastSeq, epoch },
      droppedBytes: 0,
    };
  }
}

interface Tail {
  frames: AcceptedFrame[];
  verdict: Classified;
  droppedBytes: number;
}

interface Beginning {
  number: number;
  epoch: number;
  previous: SegmentEnd;
  /** Copied to the new segment. */
  frames: readonly AcceptedFrame[];
  /** Whether there is no segment before. */
  isFirst: boolean;
}

/** Bytes at the end that are zero, as they were allocated. */
function zerosAtEnd(bytes: Uint8Array): number {
  let at = bytes.length;
  while (at > 0 && bytes[at - 1] === 0) at -= 1;
  return bytes.length - at;
}
