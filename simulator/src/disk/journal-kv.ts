import { join } from 'node:path';
import type { IFile, IFileSystem } from '@drakkar/framework';
import type { IOrderedKV, KVOp, KVPage, KVPair, KVPairRange, KVRange } from '@drakkar/raftio/kv';
import { type StoredOp, decodeOps, encodeRecord, readJournal } from './journal-record.js';
import { SortedKeys } from './sorted-keys.js';

interface Place {
  file: IFile;
  offset: number;
  sizeBytes: number;
}

const JOURNAL_NAME = /^journal-(\d+)$/;
const COMPACT_MIN_BYTES = 128 * 1024;
/** A journal is as long as so many times what counts in it, before it is compacted. */
export const COMPACT_RATIO = 3;
const RECORD_OPS = 64;

/**
 * An ordered store whose values lie in a journal: plain enough to be right, and on files, so that crashes, errors and
 * changed bytes of the virtual disk come through to the LogDB above.
 */
export class JournalKV implements IOrderedKV {
  readonly #fs: IFileSystem;
  readonly #dir: string;
  readonly #index = new SortedKeys<Place>();
  readonly #files: IFile[] = [];
  #file: IFile;
  #generation: number;
  #sizeBytes = 0;
  #recordCount = 0;
  #liveBytes = 0;
  #isToBeCompacted = false;

  private constructor(fs: IFileSystem, dir: string, file: IFile, generation: number) {
    this.#fs = fs;
    this.#dir = dir;
    this.#file = file;
    this.#files.push(file);
    this.#generation = generation;
  }

  static async open(fs: IFileSystem, dir: string): Promise<JournalKV> {
    const names = await fs.readDir(dir);
    const generations = names.flatMap((name) => JOURNAL_NAME.exec(name)?.[1] ?? []).map(Number);
    const generation = Math.max(0, ...generations);
    const path = join(dir, `journal-${generation}`);
    for (const name of names) if (join(dir, name) !== path) await fs.remove(join(dir, name));
    if (generations.length === 0) {
      const file = await fs.open(path, 'create');
      await file.sync();
      await fs.syncDir(dir);
      return new JournalKV(fs, dir, file, generation);
    }
    const kv = new JournalKV(fs, dir, await fs.open(path, 'update'), generation);
    await kv.#load(await fs.readFile(path));
    return kv;
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    const place = this.#index.get(key);
    return place === undefined ? undefined : await read(place);
  }

  async getRange(range: KVPairRange): Promise<KVPage> {
    const found = this.#index.range(range.start, range.end, range.limit + 1);
    const pairs: KVPair[] = [];
    let sizeBytes = 0;
    for (const { key, value } of found) {
      if (pairs.length === range.limit) break;
      if (pairs.length > 0 && sizeBytes + value.sizeBytes > range.maxSizeBytes) break;
      sizeBytes += value.sizeBytes;
      pairs.push({ key, value: await read(value) });
    }
    return { pairs, more: pairs.length < found.length };
  }

  async getKeys(range: KVRange): Promise<Uint8Array[]> {
    return this.#index.range(range.start, range.end, range.limit).map(({ key }) => key);
  }

  async getFloorKey(key: Uint8Array, lowest: Uint8Array): Promise<Uint8Array | undefined> {
    const found = this.#index.floor(key);
    return found === undefined || Buffer.compare(found, lowest) < 0 ? undefined : found;
  }

  async write(ops: readonly KVOp[]): Promise<void> {
    const isLong = this.#sizeBytes > COMPACT_MIN_BYTES;
    if (this.#isToBeCompacted || (isLong && this.#sizeBytes > COMPACT_RATIO * this.#liveBytes)) {
      this.#isToBeCompacted = false;
      await this.#compact();
    }
    await this.#append(ops);
  }

  /** The next write begins a new journal, if that makes it shorter. */
  async compactRange(): Promise<void> {
    this.#isToBeCompacted = this.#sizeBytes > COMPACT_RATIO * this.#liveBytes;
  }

  async close(): Promise<void> {
    for (const file of this.#files) await file.close();
  }

  async #load(bytes: Uint8Array): Promise<void> {
    const records = readJournal(bytes);
    for (const { ops } of records) for (const op of ops) this.#apply(op);
    this.#recordCount = records.length;
    this.#sizeBytes = records.at(-1)?.end ?? 0;
    if (this.#sizeBytes < bytes.length) await this.#file.truncate(this.#sizeBytes);
    // What a process that was killed has written and not synced, its name too, counts from now on: so it must be durable.
    await this.#file.sync();
    await this.#fs.syncDir(this.#dir);
  }

  async #append(ops: readonly KVOp[]): Promise<void> {
    const bytes = encodeRecord(this.#recordCount, ops);
    const offset = this.#sizeBytes;
    // Every other record is written in two parts, of which a crash may lose either.
    const cut = this.#recordCount % 2 === 0 ? bytes.length >> 1 : bytes.length;
    await this.#file.write(bytes.subarray(0, cut), offset);
    if (cut < bytes.length) await this.#file.write(bytes.subarray(cut), offset + cut);
    await this.#file.sync();
    this.#recordCount += 1;
    this.#sizeBytes += bytes.length;
    this.#applyEncoded(bytes, offset);
  }

  /** The values lie where the record says, as seen from its own beginning. */
  #applyEncoded(bytes: Uint8Array, offset: number): void {
    for (const op of decodeOps(bytes)) {
      this.#apply(op.type === 'put' ? { ...op, valueOffset: op.valueOffset + offset } : op);
    }
  }

  #apply(op: StoredOp): void {
    if (op.type === 'put') {
      const place = { file: this.#file, offset: op.valueOffset, sizeBytes: op.valueBytes };
      this.#liveBytes += op.valueBytes - (this.#index.set(op.key, place)?.sizeBytes ?? 0);
    } else if (op.type === 'delete') {
      this.#liveBytes -= this.#index.delete(op.key)?.sizeBytes ?? 0;
    } else {
      for (const { value } of this.#index.range(op.start, op.end, Infinity))
        this.#liveBytes -= value.sizeBytes;
      this.#index.deleteRange(op.start, op.end);
    }
  }

  /** Writes what counts to a new journal, which then takes the place of this one. */
  async #compact(): Promise<void> {
    const live = this.#index.entries();
    const ops: KVOp[] = [];
    for (const { key, value } of live) ops.push({ type: 'put', key, value: await read(value) });
    const generation = this.#generation + 1;
    const path = join(this.#dir, `journal-${generation}`);
    const file = await this.#fs.open(`${path}.tmp`, 'overwrite');
    this.#files.push(file);
    const records: { bytes: Uint8Array; offset: number }[] = [];
    let sizeBytes = 0;
    for (let from = 0; from < ops.length; from += RECORD_OPS) {
      const bytes = encodeRecord(records.length, ops.slice(from, from + RECORD_OPS));
      await file.write(bytes, sizeBytes);
      records.push({ bytes, offset: sizeBytes });
      sizeBytes += bytes.length;
    }
    await file.sync();
    await this.#fs.rename(`${path}.tmp`, path);
    await this.#fs.syncDir(this.#dir);
    await this.#fs.remove(join(this.#dir, `journal-${this.#generation}`));
    this.#file = file;
    this.#generation = generation;
    this.#recordCount = records.length;
    this.#sizeBytes = sizeBytes;
    for (const { bytes, offset } of records) this.#applyEncoded(bytes, offset);
  }
}

async function read({ file, offset, sizeBytes }: Place): Promise<Uint8Array> {
  const value = new Uint8Array(sizeBytes);
  await file.read(value, offset);
  return value;
}
