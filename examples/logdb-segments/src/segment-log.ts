import { ErrLogDBClosed, type LogDBConfig, encodeEntries } from '@drakkar/raftio';
import { Committer, type HeldLock, findPlacement, recordPlacement } from '@drakkar/raftio/kv';
import { lockFolder } from './folder-lock.js';
import { Kind, type LogRecord, record } from './frames.js';
import { LogIndex } from './log-index.js';
import { type PlacedFrame, SegmentFiles } from './segment-files.js';

export interface SegmentLogOptions {
  /** Name of the adapter. */
  name: string;
  /** A segment that has grown by so much is full; one call may exceed it. */
  segmentBytes: number;
}

/** Space without use that is not worth a compaction. */
const SMALL_WASTE_BYTES = 64 * 1024;

/**
 * A log in segments. What is appended takes effect in memory at once, so the order of calls is the order of effects. Its
 * frame is written behind all earlier ones, together with others that wait, and is durable when the promise resolves.
 */
export class SegmentLog {
  readonly index = new LogIndex();
  readonly files: SegmentFiles;
  readonly #segmentBytes: number;
  readonly #lock: HeldLock;
  readonly #committer: Committer<PlacedFrame>;
  /** Settles when all that was appended is durable. */
  #durable: Promise<unknown> = Promise.resolve();
  readonly #reads = new Set<Promise<unknown>>();
  #compaction: Promise<unknown> = Promise.resolve();
  /** Size at which the newest segment is full. A segment of an earlier run is. */
  #fullAtBytes = -1;
  #checkpointBytes = 0;
  #closing: Promise<void> | undefined;

  private constructor(folder: string, segmentBytes: number, lock: HeldLock) {
    this.files = new SegmentFiles(folder);
    this.#segmentBytes = segmentBytes;
    this.#lock = lock;
    this.#committer = new Committer((frames) => this.files.write(frames));
  }

  /** Nothing is changed before the lock is held: an opening that is refused disturbs nobody. */
  static async open(config: LogDBConfig, { name, segmentBytes }: SegmentLogOptions): Promise<SegmentLog> {
    const placement = await findPlacement(config, name);
    const lock = await lockFolder(placement.walDir);
    try {
      const log = new SegmentLog(placement.walDir, segmentBytes, lock);
      await log.files.load((each, position) => log.index.apply(each, position));
      await recordPlacement(placement, name);
      return log;
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  checkOpen(): void {
    if (this.#closing !== undefined) throw new ErrLogDBClosed();
    this.#committer.checkFence();
  }

  /** The records of one call: after a crash all of them are there, or none. */
  append(records: readonly LogRecord[]): Promise<void> {
    const frames: PlacedFrame[] = [];
    if (this.files.newestBytes >= this.#fullAtBytes) {
      this.files.beginSegment();
      frames.push(this.#place(this.index.checkpoint()));
      this.#checkpointBytes = this.files.newestBytes;
      this.#fullAtBytes = this.files.newestBytes + this.#segmentBytes;
    }
    frames.push(this.#place(records));
    const durable = this.#committer.submit(frames);
    this.#durable = durable;
    return durable;
  }

  #place(records: readonly LogRecord[]): PlacedFrame {
    return this.files.place(records, (each, position) => this.index.apply(each, position));
  }

  /**
   * Reads what was looked up before, when all that it may have seen is durable. Frames never change, so no later call
   * disturbs it.
   */
  async read<T>(result: () => T | Promise<T>): Promise<T> {
    const reading = this.#durable.then(result);
    this.#reads.add(reading);
    try {
      return await reading;
    } finally {
      this.#reads.delete(reading);
    }
  }

  async compact(): Promise<void> {
    const compaction = this.#compaction.then(() => this.#compactNow());
    this.#compaction = compaction.catch(() => undefined);
    await compaction;
  }

  /**
   * Removes segments, the oldest first, as the effects of a record may lie in older ones. What still counts in them is
   * appended once more. Saves go on between two steps, one step for each segment.
   */
  async #compactNow(): Promise<void> {
    for (const last = this.files.newest; this.files.oldest <= last && this.#isWasteful();) {
      await this.#durable;
      if (this.files.newest === last) this.#fullAtBytes = -1;
      const live = this.index.entriesIn(this.files.oldest);
      const entries = await this.files.read(live.map(({ place }) => place));
      const moved = live.flatMap(({ of, index, place }, i) => {
        const isLive = this.index.find(of)?.entries.get(index) === place;
        return isLive ? [record(of, Kind.Moved, index, encodeEntries(entries.slice(i, i + 1)))] : [];
      });
      await this.append(moved);
      await Promise.allSettled(this.#reads);
      await this.files.removeOldest();
    }
  }

  #isWasteful(): boolean {
    const neededBytes = this.index.liveBytes + this.#checkpointBytes;
    return this.files.totalBytes > 2 * neededBytes + SMALL_WASTE_BYTES;
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  async #finish(): Promise<void> {
    await Promise.allSettled([...this.#reads, this.#compaction]);
    // An empty frame behind the last call: damage to that can't be taken for a write that was cut short any more.
    if (this.#fullAtBytes >= 0) await this.append([]).catch(() => undefined);
    await this.#committer.idle();
    try {
      await this.files.close();
    } finally {
      await this.#lock.release();
    }
  }
}
