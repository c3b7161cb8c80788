import { createRequire } from 'node:module';

type Callback<T> = (error: Error | null | undefined, value: T) => void;

/** What is used of leveldown. Its published types describe an ES module, which it is not. */
interface NativeIterator {
  next(callback: (error: Error | null | undefined, key?: Buffer, value?: Buffer) => void): void;
  end(callback: Callback<void>): void;
}

interface NativeBatch {
  put(key: Buffer, value: Buffer): void;
  del(key: Buffer): void;
  write(options: { sync: boolean }, callback: Callback<void>): void;
}

interface NativeLevel {
  open(options: object, callback: Callback<void>): void;
  close(callback: Callback<void>): void;
  get(key: Buffer, callback: Callback<Buffer>): void;
  batch(): NativeBatch;
  iterator(options: object): NativeIterator;
  compactRange(start: Buffer, end: Buffer, callback: Callback<void>): void;
}

const leveldown = createRequire(import.meta.url)('leveldown') as (path: string) => NativeLevel;

/** Options of LevelDB, under the names that leveldown has for them; sizes in bytes. */
export interface EngineOptions {
  createIfMissing: boolean;
  compression: boolean;
  writeBufferSize: number;
  cacheSize: number;
  maxFileSize: number;
}

export interface Bounds {
  gte: Uint8Array;
  lt?: Uint8Array;
  lte?: Uint8Array;
  reverse?: boolean;
  limit?: number;
  values?: boolean;
  /** How much is read ahead on the way to the caller. */
  highWaterMark?: number;
}

export interface Row {
  key: Buffer;
  value: Buffer;
}

function promised<T>(call: (callback: Callback<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, value) => {
      if (error === null || error === undefined) resolve(value);
      else reject(error);
    });
  });
}

/** The native code takes nothing but a Buffer for bytes; anything else would be stored as its text. */
function bytes(data: Uint8Array): Buffer {
  return Buffer.isBuffer(data) ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

function nextRow(iterator: NativeIterator): Promise<Row | undefined> {
  return new Promise((resolve, reject) => {
    iterator.next((error, key, value) => {
      if (error !== null && error !== undefined) reject(error);
      else resolve(key === undefined ? undefined : { key, value: value ?? Buffer.alloc(0) });
    });
  });
}

/** LevelDB, with promises. Its errors are plain, and say in their message what they are. */
export class LevelEngine {
  readonly #level: NativeLevel;

  private constructor(level: NativeLevel) {
    this.#level = level;
  }

  static async open(path: string, options: Partial<EngineOptions> = {}): Promise<LevelEngine> {
    const level = leveldown(path);
    await promised<void>((done) => level.open(options, done));
    return new LevelEngine(level);
  }

  async get(key: Uint8Array): Promise<Buffer | undefined> {
    try {
      return await promised<Buffer>((done) => this.#level.get(bytes(key), done));
    } catch (error) {
      if (/^notfound/i.test((error as Error).message)) return undefined;
      throw error;
    }
  }

  /** Rows one by one, of the store as it was when the first was asked for. Nothing stays open when the caller stops. */
  async *rows(bounds: Bounds): AsyncGenerator<Row, void, void> {
    const { gte, lt, lte, ...rest } = bounds;
    const iterator = this.#level.iterator({
      ...rest,
      gte: bytes(gte),
      ...(lt === undefined ? {} : { lt: bytes(lt) }),
      ...(lte === undefined ? {} : { lte: bytes(lte) }),
    });
    try {
      for (let row = await nextRow(iterator); row !== undefined; row = await nextRow(iterator)) yield row;
    } finally {
      await promised<void>((done) => iterator.end(done));
    }
  }

  /** All or nothing, in order, and on stable storage when it resolves. */
  async write(fill: (batch: Batch) => void): Promise<void> {
    const native = this.#level.batch();
    fill({
      put: (key, value) => native.put(bytes(key), bytes(value)),
      delete: (key) => native.del(bytes(key)),
    });
    await promised<void>((done) => native.write({ sync: true }, done));
  }

  compactRange(start: Uint8Array, end: Uint8Array): Promise<void> {
    return promised<void>((done) => this.#level.compactRange(bytes(start), bytes(end), done));
  }

  close(): Promise<void> {
    return promised<void>((done) => this.#level.close(done));
  }
}

export interface Batch {
  put(key: Uint8Array, value: Uint8Array): void;
  delete(key: Uint8Array): void;
}
