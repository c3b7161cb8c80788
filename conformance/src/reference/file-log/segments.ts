import { type FileHandle, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ErrLogDBCorrupt } from '@drakkar/raftio';
import { syncFolder } from '@drakkar/raftio/kv';
import type { Faults } from './faults.js';
import { HEADER_BYTES, type Op, decodePayload, encodeFrame, readHeader } from './frames.js';

/** Where a frame lies. */
export interface Place {
  segment: number;
  offset: number;
  lengthBytes: number;
}

interface Segment {
  file: FileHandle;
  sizeBytes: number;
  /** Reads under way; a segment that was removed is closed when the last of them has ended. */
  readers: number;
}

export interface SegmentOptions {
  folder: string;
  segmentBytes: number;
  faults: Faults;
}

const NAME = /^segment-(\d{10})\.log$/;

function nameOf(segment: number, faults: Faults): string {
  return `segment-${faults.has('segmentsInTextOrder') ? segment : String(segment).padStart(10, '0')}.log`;
}

/** The files of the log: frames are appended to the last one, and whole files go from the front. */
export class Segments {
  readonly #options: SegmentOptions;
  readonly #segments = new Map<number, Segment>();
  /** Removed, but there are reads under way. */
  readonly #leaving = new Map<number, Segment>();
  #active = 0;
  #isSynced = true;

  constructor(options: SegmentOptions) {
    this.#options = options;
  }

  get oldest(): number {
    return Math.min(...this.#segments.keys());
  }

  get active(): number {
    return this.#active;
  }

  /** Opens all files, gives each frame in order, and removes what a lost process has left unfinished at the end. */
  async open(replay: (op: Op, place: Place) => void): Promise<void> {
    const { folder, faults } = this.#options;
    const pattern = faults.has('segmentsInTextOrder') ? /^segment-(\d+)\.log$/ : NAME;
    const found = (await readdir(folder)).filter((name) => pattern.test(name)).sort();
    const kept = faults.has('opensSixteenSegments') ? found.slice(-16) : found;
    const names = faults.has('lastSegmentForgotten') && kept.length > 24 ? kept.slice(0, -1) : kept;
    for (const [i, name] of names.entries()) {
      const number = Number(pattern.exec(name)?.[1]);
      await this.#replay(number, join(folder, name), i === names.length - 1, replay);
    }
    if (this.#segments.size === 0) await this.#begin(1);
  }

  async #replay(
    number: number,
    path: string,
    isLast: boolean,
    replay: (op: Op, place: Place) => void,
  ): Promise<void> {
    const { faults } = this.#options;
    const file = await open(path, 'r+');
    const bytes = await file.readFile();
    let at = 0;
    for (;;) {
      const header = readHeader(bytes, at, faults);
      const end = at + HEADER_BYTES + (header?.lengthBytes ?? Infinity);
      if (header === undefined || end > bytes.length) break;
      const payload = bytes.subarray(at + HEADER_BYTES, end);
      const op = decodePayload(payload, header.checksum, !faults.has('noChecksum'));
      if (op === undefined) break;
      replay(op, { segment: number, offset: at, lengthBytes: end - at });
      at = end;
    }
    if (at < bytes.length) {
      const isEnd = isLast && !this.#isFrameBehind(bytes, at);
      if (!isEnd && !faults.has('damageEndsLog')) {
        await file.close();
        throw new ErrLogDBCorrupt(`${path}: damaged at byte ${at}; remove the replicas that it holds`);
      }
      if (!faults.has('appendsAfterTornTail')) {
        await file.truncate(at);
        await file.sync();
      } else {
        at = bytes.length;
      }
    }
    this.#active = Math.max(this.#active, number);
    this.#segments.set(number, { file, sizeBytes: at, readers: 0 });
  }

  /** Whether a whole frame follows what is damaged: then it was no write that a loss of the process cut short. */
  #isFrameBehind(bytes: Buffer, from: number): boolean {
    if (this.#options.faults.has('damageEndsLog')) return false;
    for (let at = from + 1; at + HEADER_BYTES <= bytes.length; at++) {
      const header = readHeader(bytes, at, this.#options.faults);
      if (header === undefined || at + HEADER_BYTES + header.lengthBytes > bytes.length) continue;
      const payload = bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + header.lengthBytes);
      if (decodePayload(payload, header.checksum, true) !== undefined) return true;
    }
    return false;
  }

  async #begin(number: number): Promise<void> {
    const { folder, faults } = this.#options;
    const file = await open(join(folder, nameOf(number, faults)), 'wx+');
    this.#segments.set(number, { file, sizeBytes: 0, readers: 0 });
    this.#active = number;
    await syncFolder(folder);
  }

  /** Writes the frames; they are durable after `sync`. */
  async append(ops: readonly Op[]): Promise<Place[]> {
    const { segmentBytes, faults } = this.#options;
    const frames = ops.map((op) => encodeFrame(op, faults));
    if ((this.#segments.get(this.#active)?.sizeBytes ?? 0) >= segmentBytes) {
      await this.sync();
      await this.#begin(this.#active + 1);
    }
    const segment = this.#segments.get(this.#active);
    if (segment === undefined) throw new Error('no active segment');
    const places: Place[] = [];
    let offset = segment.sizeBytes;
    for (const { length } of frames) {
      places.push({ segment: this.#active, offset, lengthBytes: length });
      offset += length;
    }
    await this.#write(segment, Buffer.concat(frames));
    segment.sizeBytes = offset;
    this.#isSynced = false;
    return places;
  }

  async #write({ file, sizeBytes }: Segment, bytes: Buffer): Promise<void> {
    if (this.#options.faults.has('syncBeforeWrite')) await file.datasync();
    const attempt = async (): Promise<void> => {
      for (let at = 0; at < bytes.length;) {
        const { bytesWritten } = await file.write(bytes, at, bytes.length - at, sizeBytes + at);
        if (bytesWritten === 0) throw new Error('nothing was written');
        at += bytesWritten;
      }
    };
    if (!this.#options.faults.has('writeRetried')) return attempt();
    for (let left = 100; ; left--) {
      try {
        return await attempt();
      } catch (error) {
        if (left === 0) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  async sync(): Promise<void> {
    const { faults } = this.#options;
    if (this.#isSynced) return;
    this.#isSynced = true;
    if (faults.has('unsyncedIsAcknowledged') || faults.has('syncBeforeWrite')) return;
    const file = this.#segments.get(this.#active)?.file;
    try {
      await file?.datasync();
    } catch (error) {
      if (faults.has('syncRetried')) await file?.datasync();
      else if (!faults.has('syncFailureIgnored')) throw error;
    }
  }

  /** Keeps the file open until `release`, also when it is removed meanwhile. */
  pin(segment: number): void {
    const found = this.#segments.get(segment);
    if (found !== undefined) found.readers += 1;
  }

  async release(segment: number): Promise<void> {
    const found = this.#segments.get(segment) ?? this.#leaving.get(segment);
    if (found === undefined) return;
    found.readers -= 1;
    if (found.readers > 0 || !this.#leaving.delete(segment)) return;
    await found.file.close();
  }

  /** Rejects with ErrLogDBCorrupt when the frame is damaged. */
  async read({ segment, offset, lengthBytes }: Place): Promise<Op> {
    const { faults, folder } = this.#options;
    const found = this.#segments.get(segment) ?? this.#leaving.get(segment);
    if (found === undefined) throw new Error(`segment ${segment} is not open`);
    if (faults.has('handlePerRead')) leaked.push(await open(join(folder, nameOf(segment, faults)), 'r'));
    const frame = Buffer.allocUnsafe(lengthBytes);
    const { bytesRead } = await found.file.read(frame, 0, lengthBytes, offset);
    const looks = !faults.has('noChecksum') && !faults.has('checksumAtOpeningOnly');
    const header = readHeader(frame, 0, faults);
    const op =
      bytesRead === lengthBytes && header !== undefined
        ? decodePayload(frame.subarray(HEADER_BYTES), header.checksum, looks)
        : undefined;
    if (op === undefined) {
      throw new ErrLogDBCorrupt(`segment ${segment}: the record at byte ${offset} is damaged`);
    }
    return op;
  }

  /** Removes the oldest file, in which nothing is in use any more. */
  async removeOldest(): Promise<void> {
    const { folder, faults } = this.#options;
    const number = this.oldest;
    const segment = this.#segments.get(number);
    if (segment === undefined) return;
    await rm(join(folder, nameOf(number, faults)));
    await syncFolder(folder);
    this.#segments.delete(number);
    if (faults.has('handlesAfterCompaction')) leaked.push(segment.file);
    else if (segment.readers > 0 && !faults.has('compactionForgetsReads')) this.#leaving.set(number, segment);
    else await segment.file.close();
  }

  /** Whether there is a file besides the active one. */
  get hasOld(): boolean {
    return this.#segments.size > 1;
  }

  async close(): Promise<void> {
    await this.sync().catch(() => undefined);
    const all = [...this.#segments.values(), ...this.#leaving.values()];
    this.#segments.clear();
    this.#leaving.clear();
    for (const { file } of all) await file.close();
  }
}

/** Held, so that the garbage collector does not close them: descriptors that nobody closes. */
const leaked: FileHandle[] = [];
