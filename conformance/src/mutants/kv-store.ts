import type { IOrderedKV, KVOp, KVPage, KVPair, KVPairRange, KVRange } from '@drakkar/raftio/kv';
import { turn } from '../suite/wait.js';

export type KVFault =
  | 'deletesLast'
  | 'rangesFirst'
  | 'floorIsBelow'
  | 'moreForgotten'
  | 'sharedValues'
  | 'valuesOf16MiB'
  | 'keysAsText'
  | 'writesLate'
  | 'twoTransactions';

/** Stands for the disk below stores that are opened one after the other. */
export class KVDisk {
  pairs: KVPair[] = [];
  /** The store whose process is there; those of lost processes do nothing any more. */
  owner: SmallKV | undefined = undefined;
}

const NEVER = new Promise<never>(() => undefined);
const OPS_PER_TRANSACTION = 6;

/** An ordered store in memory with mistakes put in, below the LogDB that `raftio/kv` makes of it. */
export class SmallKV implements IOrderedKV {
  readonly #disk: KVDisk;
  readonly #faults: ReadonlySet<KVFault>;
  readonly #shared = new Uint8Array(1 << 20);

  constructor(disk: KVDisk, faults: readonly KVFault[]) {
    this.#disk = disk;
    this.#faults = new Set(faults);
    disk.owner = this;
  }

  #compare(a: Uint8Array, b: Uint8Array): number {
    if (!this.#faults.has('keysAsText')) return Buffer.compare(a, b);
    const [left, right] = [a, b].map((each) => Buffer.from(each).toString('utf8'));
    return left === right ? 0 : (left ?? '') < (right ?? '') ? -1 : 1;
  }

  #given(bytes: Uint8Array): Uint8Array {
    if (!this.#faults.has('sharedValues') || bytes.length > this.#shared.length) return new Uint8Array(bytes);
    this.#shared.set(bytes);
    return this.#shared.subarray(0, bytes.length);
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    const found = this.#disk.pairs.find((pair) => this.#compare(pair.key, key) === 0);
    await this.#alive();
    return found && this.#given(found.value);
  }

  async #alive(): Promise<void> {
    await Promise.resolve();
    if (this.#disk.owner !== this) await NEVER;
  }

  #within({ start, end }: KVRange): KVPair[] {
    return this.#disk.pairs.filter(
      ({ key }) => this.#compare(key, start) >= 0 && this.#compare(key, end) < 0,
    );
  }

  async getRange(range: KVPairRange): Promise<KVPage> {
    const all = this.#within(range);
    const pairs: KVPair[] = [];
    let sizeBytes = 0;
    for (const { key, value } of all) {
      sizeBytes += value.length;
      if (pairs.length > 0 && sizeBytes > range.maxSizeBytes) break;
      pairs.push({ key: new Uint8Array(key), value: this.#given(value) });
    }
    await this.#alive();
    return { pairs, more: !this.#faults.has('moreForgotten') && pairs.length < all.length };
  }

  async getKeys(range: KVRange): Promise<Uint8Array[]> {
    const keys = this.#within(range).slice(0, range.limit);
    await this.#alive();
    return keys.map(({ key }) => new Uint8Array(key));
  }

  async getFloorKey(key: Uint8Array, lowest: Uint8Array): Promise<Uint8Array | undefined> {
    const most = this.#faults.has('floorIsBelow') ? -1 : 0;
    const found = this.#disk.pairs.findLast((pair) => this.#compare(pair.key, key) <= most);
    await this.#alive();
    if (found === undefined) return undefined;
    const isAbove = this.#compare(found.key, lowest) >= 0;
    return isAbove ? new Uint8Array(found.key) : undefined;
  }

  async write(ops: readonly KVOp[]): Promise<void> {
    await turn();
    await this.#alive();
    for (const op of ops) {
      const isTooLarge = this.#faults.has('valuesOf16MiB') && op.type === 'put' && op.value.length >= 1 << 24;
      if (isTooLarge) throw new Error('the value is too large');
    }
    const ordered = this.#ordered(ops);
    if (this.#faults.has('twoTransactions') && ops.length > OPS_PER_TRANSACTION) {
      for (const op of ordered.slice(0, OPS_PER_TRANSACTION)) this.#apply(op);
      await turn();
      await turn();
      await this.#alive();
      for (const op of ordered.slice(OPS_PER_TRANSACTION)) this.#apply(op);
      return;
    }
    if (this.#faults.has('writesLate')) {
      void turn()
        .then(turn)
        .then(turn)
        .then(() => {
          if (this.#disk.owner === this) for (const op of ordered) this.#apply(op);
        });
      return;
    }
    for (const op of ordered) this.#apply(op);
  }

  #ordered(ops: readonly KVOp[]): KVOp[] {
    const rank = ({ type }: KVOp): number => {
      if (this.#faults.has('deletesLast')) return type === 'put' ? 0 : 1;
      return this.#faults.has('rangesFirst') && type !== 'deleteRange' ? 1 : 0;
    };
    return [...ops].sort((a, b) => rank(a) - rank(b));
  }

  #apply(op: KVOp): void {
    if (op.type === 'deleteRange') {
      const isIn = ({ key }: KVPair): boolean =>
        this.#compare(key, op.start) >= 0 && this.#compare(key, op.end) < 0;
      this.#disk.pairs = this.#disk.pairs.filter((pair) => !isIn(pair));
      return;
    }
    const at = this.#disk.pairs.findIndex(({ key }) => this.#compare(key, op.key) >= 0);
    const position = at < 0 ? this.#disk.pairs.length : at;
    const present = this.#disk.pairs[position];
    const isThere = present !== undefined && this.#compare(present.key, op.key) === 0;
    const added = op.type === 'put' ? [{ key: new Uint8Array(op.key), value: new Uint8Array(op.value) }] : [];
    this.#disk.pairs.splice(position, isThere ? 1 : 0, ...added);
  }

  compactRange(): Promise<void> {
    return this.#alive();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
