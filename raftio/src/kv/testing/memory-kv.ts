import type { IOrderedKV, KVOp, KVPage, KVPair, KVPairRange, KVRange } from '../contract.js';

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b);
}

/** Not by `slice`: that of a Buffer copies nothing. */
function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

/**
 * An ordered store in memory, for tests. What is written stays when a store is closed, or dropped without closing as
 * a crash does it, and is there for the next one made with the same `disk`.
 */
export class MemoryDisk {
  pairs: KVPair[] = [];
  writes = 0;
}

export class MemoryKV implements IOrderedKV {
  readonly disk: MemoryDisk;
  /** When set, the next write fails with it, having done nothing. */
  failNextWrite: Error | undefined = undefined;
  /** When set, a write waits for it; so a test can look at what happens meanwhile. */
  writeBarrier: Promise<void> | undefined = undefined;
  /** As `writeBarrier`, for reads of pairs and keys; they see what was there when they were called. */
  readBarrier: Promise<void> | undefined = undefined;
  readonly batches: (readonly KVOp[])[] = [];
  readonly reads: string[] = [];
  isClosed = false;
  #isWriting = false;

  constructor(disk = new MemoryDisk()) {
    this.disk = disk;
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    this.#noteRead('get');
    const pair = this.disk.pairs[this.#position(key)];
    return pair !== undefined && compareBytes(pair.key, key) === 0 ? copyOf(pair.value) : undefined;
  }

  async getRange(range: KVPairRange): Promise<KVPage> {
    this.#noteRead('getRange');
    const all = this.#within(range);
    const pairs: KVPair[] = [];
    let sizeBytes = 0;
    for (const { key, value } of all) {
      if (pairs.length === range.limit) break;
      if (pairs.length > 0 && sizeBytes + value.length > range.maxSizeBytes) break;
      sizeBytes += value.length;
      pairs.push({ key: copyOf(key), value: copyOf(value) });
    }
    await this.readBarrier;
    return { pairs, more: pairs.length < all.length };
  }

  async getKeys(range: KVRange): Promise<Uint8Array[]> {
    this.#noteRead('getKeys');
    const keys = this.#within(range)
      .slice(0, range.limit)
      .map(({ key }) => copyOf(key));
    await this.readBarrier;
    return keys;
  }

  async getFloorKey(key: Uint8Array, lowest: Uint8Array): Promise<Uint8Array | undefined> {
    this.#noteRead('getFloorKey');
    const pair = this.disk.pairs.findLast((one) => compareBytes(one.key, key) <= 0);
    return pair === undefined || compareBytes(pair.key, lowest) < 0 ? undefined : copyOf(pair.key);
  }

  async write(ops: readonly KVOp[]): Promise<void> {
    this.#checkOpen();
    if (this.#isWriting) throw new Error('two writes at a time');
    this.#isWriting = true;
    this.batches.push(ops);
    await this.writeBarrier;
    await Promise.resolve();
    this.#isWriting = false;
    const failure = this.failNextWrite;
    this.failNextWrite = undefined;
    if (failure !== undefined) throw failure;
    for (const op of ops) this.#apply(op);
    this.disk.writes++;
  }

  async compactRange(): Promise<void> {
    this.#checkOpen();
  }

  async close(): Promise<void> {
    this.#checkOpen();
    this.isClosed = true;
  }

  #apply(op: KVOp): void {
    if (op.type === 'deleteRange') {
      const from = this.#position(op.start);
      this.disk.pairs.splice(from, Math.max(0, this.#position(op.end) - from));
      return;
    }
    const at = this.#position(op.key);
    const present = this.disk.pairs[at];
    const found = present !== undefined && compareBytes(present.key, op.key) === 0;
    const added = op.type === 'put' ? [{ key: copyOf(op.key), value: copyOf(op.value) }] : [];
    this.disk.pairs.splice(at, found ? 1 : 0, ...added);
  }

  /** Position of the first pair whose key is not less. */
  #position(key: Uint8Array): number {
    const { pairs } = this.disk;
    const at = pairs.findIndex((pair) => compareBytes(pair.key, key) >= 0);
    return at < 0 ? pairs.length : at;
  }

  #within(range: KVRange): KVPair[] {
    return this.disk.pairs.slice(this.#position(range.start), this.#position(range.end));
  }

  #noteRead(method: string): void {
    this.#checkOpen();
    this.reads.push(method);
  }

  #checkOpen(): void {
    if (this.isClosed) throw new Error('the store is closed');
  }
}
