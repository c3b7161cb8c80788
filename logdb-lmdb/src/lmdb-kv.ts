import { type RootDatabase, open } from 'lmdb';
import { ErrLogDBCorrupt, ErrLogDBOpen } from '@drakkar/raftio';
import {
  type IOrderedKV,
  type KVOp,
  type KVPage,
  type KVPair,
  type KVPairRange,
  type KVRange,
  expandRanges,
  fieldOf,
  messageOf,
} from '@drakkar/raftio/kv';
import { FreeSpace } from './free-space.js';
import {
  DEFAULT_INITIAL_MAP_SIZE_BYTES,
  DEFAULT_RESERVE_BYTES,
  type LmdbLogDBOptions,
  PRIVATE,
} from './options.js';

/** Messages of LMDB that tell of damage in the file, not of circumstances. */
const DAMAGE = /MDB_(CORRUPTED|PAGE_NOTFOUND|INVALID|VERSION_MISMATCH|BAD_DBI|INCOMPATIBLE|PANIC)/;

/**
 * LMDB as an ordered store. A batch is one transaction, put together on this thread, carried out on another. Its
 * promise resolves after the data has been synced and the new root written through (fdatasync, then a write to a
 * file opened with O_DSYNC): that is so with `overlappingSync: false`, which is also the faster way when one batch
 * waits for the other. noSync, noMetaSync and useWritemap would weaken it, and are not offered.
 */
export class LmdbKV implements IOrderedKV {
  readonly #db: RootDatabase<Buffer, Uint8Array>;
  readonly #path: string;
  readonly #freeSpace: FreeSpace;
  readonly #onClosed: () => Promise<void>;

  private constructor(
    path: string,
    db: RootDatabase<Buffer, Uint8Array>,
    freeSpace: FreeSpace,
    onClosed: () => Promise<void>,
  ) {
    this.#path = path;
    this.#db = db;
    this.#freeSpace = freeSpace;
    this.#onClosed = onClosed;
  }

  /**
   * @param onClosed called when the file has been released
   * Throws ErrLogDBCorrupt when the file is damaged or not LMDB's, ErrLogDBOpen when it can't be opened otherwise.
   */
  static open(path: string, options: LmdbLogDBOptions, onClosed: () => Promise<void>): LmdbKV {
    try {
      const db = open<Buffer, Uint8Array>({
        path,
        ...PRIVATE,
        noSubdir: true,
        overlappingSync: false,
        // Batches are made above. The library's own would add a promise to each that nobody handles, so that the first
        // write that fails, on a full disk for one, would end the process by an unhandled rejection.
        eventTurnBatching: false,
        maxDbs: 1,
        mapSize: options.initialMapSizeBytes ?? DEFAULT_INITIAL_MAP_SIZE_BYTES,
        ...(options.pageSizeBytes === undefined ? {} : { pageSize: options.pageSizeBytes }),
        keyEncoding: 'binary',
        encoding: 'binary',
      });
      const freeSpace = new FreeSpace(path, options.reserveBytes ?? DEFAULT_RESERVE_BYTES);
      return new LmdbKV(path, db, freeSpace, onClosed);
    } catch (error) {
      if (DAMAGE.test(messageOf(error))) throw damage(path, error);
      throw new ErrLogDBOpen(`can't open ${path}: ${messageOf(error)}`, {
        cause: error,
        details: { file: path },
      });
    }
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#read(() => this.#db.getBinary(key));
  }

  async getRange(range: KVPairRange): Promise<KVPage> {
    return this.#read(() => {
      const pairs: KVPair[] = [];
      let sizeBytes = 0;
      for (const { key, value } of this.#db.getRange({ start: range.start, end: range.end })) {
        sizeBytes += value.length;
        const isFull = pairs.length === range.limit || (pairs.length > 0 && sizeBytes > range.maxSizeBytes);
        if (isFull) return { pairs, more: true };
        pairs.push({ key, value });
      }
      return { pairs, more: false };
    });
  }

  async getKeys(range: KVRange): Promise<Uint8Array[]> {
    return this.#read(() => [
      ...this.#db.getKeys({ start: range.start, end: range.end, limit: range.limit }),
    ]);
  }

  async getFloorKey(key: Uint8Array, lowest: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#read(() => {
      const [floor] = this.#db.getKeys({ start: key, reverse: true, limit: 1 });
      return floor === undefined || Buffer.compare(floor, lowest) < 0 ? undefined : floor;
    });
  }

  async write(ops: readonly KVOp[]): Promise<void> {
    const writes = await expandRanges(ops, async (start, end) => [...this.#db.getKeys({ start, end })]);
    this.#freeSpace.check(writes);
    try {
      await this.#db.batch(() => {
        for (const op of writes) {
          if (op.type === 'put') void this.#db.put(op.key, op.value as Buffer);
          else void this.#db.remove(op.key);
        }
      });
    } catch (error) {
      throw await commitFailure(error);
    }
  }

  /** Nothing to do: LMDB uses the pages of deleted records again; its file does not shrink. */
  async compactRange(): Promise<void> {
    // See above.
  }

  async close(): Promise<void> {
    await this.#db.close();
    await this.#onClosed();
  }

  #read<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (DAMAGE.test(messageOf(error))) throw damage(this.#path, error);
      throw error;
    }
  }
}

function damage(path: string, cause: unknown): ErrLogDBCorrupt {
  return new ErrLogDBCorrupt(`${path} is damaged or not a file of LMDB: ${messageOf(cause)}`, {
    cause,
    details: { file: path },
  });
}

/** What LMDB rejects with says only that a commit failed; the reason is the rejection of a promise that it carries. */
async function commitFailure(error: unknown): Promise<unknown> {
  try {
    await fieldOf(error, 'commitError');
  } catch (reason) {
    return reason;
  }
  return error;
}
