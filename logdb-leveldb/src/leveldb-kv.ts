import {
  type IOrderedKV,
  type KVKeyOp,
  type KVOp,
  type KVPage,
  type KVPairRange,
  type KVRange,
  MAX_KEY_SIZE_BYTES,
  type Placement,
  expandRanges,
  makePrivate,
  messageOf,
} from '@drakkar/raftio/kv';
import { LevelEngine, type Row } from './engine.js';
import { openFailure, readFailure } from './failures.js';
import { DEFAULT_OPTIONS, type LevelDBLogDBOptions } from './options.js';

const MIN_READ_AHEAD_BYTES = 16 * 1024;
const MAX_READ_AHEAD_BYTES = 1024 * 1024;

/**
 * LevelDB as an ordered store. A batch is one record of its log file, synced (`fdatasync`) before the promise
 * resolves; LevelDB's own default would not wait for that.
 */
export class LevelDBKV implements IOrderedKV {
  readonly #engine: LevelEngine;
  readonly #dir: string;
  readonly #onClosed: (isSound: boolean) => Promise<void>;
  #compacting: Promise<void> = Promise.resolve();
  #failure: Error | undefined;

  private constructor(dir: string, engine: LevelEngine, onClosed: (isSound: boolean) => Promise<void>) {
    this.#dir = dir;
    this.#engine = engine;
    this.#onClosed = onClosed;
  }

  /**
   * @param onClosed called when the files have been released, with whether every write has succeeded
   * Throws ErrLogDBLocked, ErrLogDBCorrupt, and ErrLogDBOpen when it can't be opened for another reason.
   */
  static async open(
    { walDir: dir, id }: Pick<Placement, 'walDir' | 'id'>,
    options: LevelDBLogDBOptions,
    onClosed: (isSound: boolean) => Promise<void>,
  ): Promise<LevelDBKV> {
    const all = { ...DEFAULT_OPTIONS, ...options };
    try {
      const engine = await LevelEngine.open(dir, {
        createIfMissing: id === undefined,
        compression: false,
        writeBufferSize: all.writeBufferSizeBytes,
        cacheSize: all.cacheSizeBytes,
        maxFileSize: all.maxFileSizeBytes,
      });
      return new LevelDBKV(dir, engine, onClosed);
    } catch (error) {
      throw openFailure(dir, error);
    }
  }

  get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#read(() => this.#engine.get(key));
  }

  getRange({ start, end, limit, maxSizeBytes }: KVPairRange): Promise<KVPage> {
    return this.#read(async () => {
      const pairs: Row[] = [];
      let sizeBytes = 0;
      const highWaterMark = Math.min(Math.max(maxSizeBytes, MIN_READ_AHEAD_BYTES), MAX_READ_AHEAD_BYTES);
      for await (const row of this.#engine.rows({ gte: start, lt: end, limit: limit + 1, highWaterMark })) {
        sizeBytes += row.value.length;
        const isFull = pairs.length === limit || (pairs.length > 0 && sizeBytes > maxSizeBytes);
        if (isFull) return { pairs, more: true };
        pairs.push(row);
      }
      return { pairs, more: false };
    });
  }

  getKeys({ start, end, limit }: KVRange): Promise<Uint8Array[]> {
    return this.#read(() => this.#keys(start, end, limit));
  }

  getFloorKey(key: Uint8Array, lowest: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#read(async () => {
      const bounds = { gte: lowest, lte: key, reverse: true, limit: 1, values: false };
      for await (const row of this.#engine.rows(bounds)) return row.key;
      return undefined;
    });
  }

  async write(ops: readonly KVOp[]): Promise<void> {
    // LevelDB's own removal of a range (`clear`) is neither atomic nor synced.
    await this.#commit(await expandRanges(ops, (start, end) => this.#keys(start, end)));
  }

  /**
   * One at a time: each takes a thread of the pool that writes and reads need too.
   *
   * LevelDB drops what was deleted when it merges a table into the level below. Entries and their deletion that meet in
   * one table, as they come from memory together, would stay there for long. So that table is made first, and then
   * another, of nothing but deletions at both ends of the range, that has to be merged with it.
   */
  compactRange(start: Uint8Array, end: Uint8Array): Promise<void> {
    const compact = async (): Promise<void> => {
      await this.#engine.compactRange(start, end);
      await this.#commit(neverStored(start, end).map((key) => ({ type: 'delete', key })));
      await this.#engine.compactRange(start, end);
      await makePrivate(this.#dir);
    };
    const compaction = this.#compacting.then(compact, compact);
    this.#compacting = compaction.catch(() => undefined);
    return compaction;
  }

  async close(): Promise<void> {
    await this.#engine.close();
    await this.#onClosed(this.#failure === undefined);
  }

  /** What a failed write has left in the log file is unknown, so nothing may be put behind it. */
  async #commit(ops: readonly KVKeyOp[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      await this.#engine.write((batch) => {
        for (const op of ops) {
          if (op.type === 'put') batch.put(op.key, op.value);
          else batch.delete(op.key);
        }
      });
    } catch (error) {
      this.#failure = new Error(`an earlier write failed: ${messageOf(error)}`, { cause: error });
      throw error;
    }
  }

  async #keys(start: Uint8Array, end: Uint8Array, limit = -1): Promise<Uint8Array[]> {
    const keys: Uint8Array[] = [];
    for await (const { key } of this.#engine.rows({ gte: start, lt: end, limit, values: false }))
      keys.push(key);
    return keys;
  }

  async #read<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      throw readFailure(this.#dir, error);
    }
  }
}

/** Keys near both ends of a range that are longer than any that is stored. */
function neverStored(start: Uint8Array, end: Uint8Array): Uint8Array[] {
  const last = new Uint8Array(MAX_KEY_SIZE_BYTES + 1);
  last.set(predecessor(end));
  const first = new Uint8Array(MAX_KEY_SIZE_BYTES + 1);
  first.set(start);
  return Buffer.compare(first, last) < 0 ? [first, last] : [first];
}

/** The key of the same length before `key`. */
function predecessor(key: Uint8Array): Uint8Array {
  const before = key.slice(0, MAX_KEY_SIZE_BYTES);
  for (let i = before.length - 1; i >= 0; i--) {
    const byte = before[i] ?? 0;
    before[i] = byte - 1;
    if (byte > 0) break;
  }
  return before;
}
