import { type FileHandle, open, readFile, readdir, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { type Entry, ErrLogDBCorrupt, decodeEntries } from '@drakkar/raftio';
import { syncFolder } from '@drakkar/raftio/kv';
import {
  type LogRecord,
  type Position,
  RECORD_HEADER_BYTES,
  encodeFrame,
  endOfFrame,
  hasFrameAfter,
  recordsOf,
} from './frames.js';
import type { EntryPlace } from './log-index.js';

type Replay = (record: LogRecord, position: Position) => void;

/** A frame, and the segment in which its place is. */
export interface PlacedFrame {
  segment: number;
  bytes: Buffer;
}

/** The files of the log, numbered without a gap. Frames go behind the newest, whole files from the oldest. */
export class SegmentFiles {
  readonly #folder: string;
  /** Sizes that the segments have when all frames that were placed are written. */
  readonly #sizesBytes = new Map<number, number>();
  /** The one that is written, and its number. */
  #file: FileHandle | undefined;
  #fileNumber = 0;
  oldest = 1;
  newest = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get totalBytes(): number {
    return [...this.#sizesBytes.values()].reduce((sum, each) => sum + each, 0);
  }

  get newestBytes(): number {
    return this.#sizesBytes.get(this.newest) ?? 0;
  }

  /** Gives each record in order to `replay`. */
  async load(replay: Replay): Promise<void> {
    const names = await readdir(this.#folder);
    const found = names.flatMap((name) => Number(/^(\d+)\.seg$/.exec(name)?.[1] ?? NaN) || []);
    found.sort((a, b) => a - b);
    this.oldest = found[0] ?? 1;
    this.newest = found.at(-1) ?? 0;
    for (let number = this.oldest; number <= this.newest; number++) {
      if (!found.includes(number)) throw new ErrLogDBCorrupt(`${this.#path(number)} is missing`);
      this.#sizesBytes.set(number, await this.#loadOne(number, replay));
    }
    if (found.length > 0) await this.#makeDurable(this.newest);
  }

  /** A process that was killed may have written what was read just now, and not have synced it. From now on it counts. */
  async #makeDurable(segment: number): Promise<void> {
    const file = await open(this.#path(segment), 'r+');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
    await syncFolder(this.#folder);
  }

  /** Only a write that was under way when the process was lost can be incomplete, and only at the end of the log. */
  async #loadOne(segment: number, replay: Replay): Promise<number> {
    const path = this.#path(segment);
    const bytes = await readFile(path);
    for (let offset = 0; offset < bytes.length;) {
      const end = endOfFrame(bytes, { segment, offset });
      if (end === undefined) {
        if (segment < this.newest || hasFrameAfter(bytes, { segment, offset })) {
          throw new ErrLogDBCorrupt(`${path} is damaged at byte ${offset}`, { details: { path, offset } });
        }
        await truncate(path, offset);
        return offset;
      }
      for (const [each, at] of recordsOf(bytes, offset, end)) replay(each, { segment, offset: at });
      offset = end;
    }
    return bytes.length;
  }

  /** What is placed from now on lies in a new segment. */
  beginSegment(): void {
    this.newest += 1;
    this.#sizesBytes.set(this.newest, 0);
  }

  /** Gives the records their place behind all others; `write` brings them there. */
  place(records: readonly LogRecord[], placed: Replay): PlacedFrame {
    const position = { segment: this.newest, offset: this.newestBytes };
    const bytes = encodeFrame(records, position);
    const inFile = recordsOf(bytes, 0, bytes.length);
    for (const [each, at] of inFile) placed(each, { ...position, offset: position.offset + at });
    this.#sizesBytes.set(this.newest, position.offset + bytes.length);
    return { segment: this.newest, bytes };
  }

  /** Durable when it resolves. A segment is synced before the next one is begun. */
  async write(frames: readonly PlacedFrame[]): Promise<void> {
    for (const number of new Set(frames.map(({ segment }) => segment))) {
      const isNew = number !== this.#fileNumber;
      if (isNew) await this.#create(number);
      const own = frames.filter(({ segment }) => segment === number).map(({ bytes }) => bytes);
      await this.#file?.writeFile(Buffer.concat(own));
      await this.#file?.datasync();
      if (isNew) await syncFolder(this.#folder);
    }
  }

  async #create(number: number): Promise<void> {
    await this.#file?.close();
    this.#file = await open(this.#path(number), 'wx', 0o600);
    this.#fileNumber = number;
  }

  /** Entries that lie one behind the other are read at once. Rejects with ErrLogDBCorrupt when one is damaged. */
  async read(places: readonly EntryPlace[]): Promise<Entry[]> {
    const entries: Entry[] = [];
    for (let from = 0; from < places.length;) {
      let to = from + 1;
      while (isBehind(places[to], places[to - 1])) to += 1;
      const run = places.slice(from, to);
      from = to;
      const [first, last] = [run[0] as EntryPlace, run.at(-1) as EntryPlace];
      const path = this.#path(first.segment);
      const bytes = await readRange(path, first.offset, last.offset + last.lengthBytes);
      for (const { offset, lengthBytes, checksum } of run) {
        const body = bytes.subarray(offset - first.offset, offset - first.offset + lengthBytes);
        if (crc32(body) !== checksum) {
          throw new ErrLogDBCorrupt(`${path} is damaged at byte ${offset}`, { details: { path, offset } });
        }
        entries.push(...decodeEntries(body));
      }
    }
    return entries;
  }

  async removeOldest(): Promise<void> {
    await rm(this.#path(this.oldest));
    await syncFolder(this.#folder);
    this.#sizesBytes.delete(this.oldest);
    this.oldest += 1;
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }

  #path(number: number): string {
    return join(this.#folder, `${number}.seg`);
  }
}

function isBehind(place: EntryPlace | undefined, before: EntryPlace | undefined): boolean {
  if (place === undefined || place.segment !== before?.segment) return false;
  return place.offset === before.offset + before.lengthBytes + RECORD_HEADER_BYTES;
}

/** The bytes are in memory of their own, which the caller may keep. */
async function readRange(path: string, start: number, end: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const bytes = Buffer.allocUnsafeSlow(end - start);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
