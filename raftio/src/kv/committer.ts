import { ErrLogDBFenced } from '../errors.js';
import type { IOrderedKV, KVOp } from './contract.js';

interface Group {
  readonly ops: KVOp[];
  readonly done: Promise<void>;
  resolve(): void;
  reject(error: Error): void;
}

function makeGroup(): Group {
  let resolve!: () => void;
  let reject!: (error: Error) => void;
  const done = new Promise<void>((onDone, onFail) => {
    resolve = onDone;
    reject = onFail;
  });
  // Readers look at `done` only if they come while it is pending; its failure reaches the submitter.
  done.catch(() => undefined);
  return { ops: [], done, resolve, reject };
}

/**
 * Group commit: one write is under way, and what is submitted meanwhile goes into the next one. A write that fails
 * leaves it unknown what is on the disk, and an operating system forgets the pages that it failed to sync: a retry
 * would report as stored what is not. So nothing is ever written after that.
 */
export class Committer {
  readonly #kv: IOrderedKV;
  #next: Group | undefined;
  #current: Group | undefined;
  #fenced: ErrLogDBFenced | undefined;

  constructor(kv: IOrderedKV) {
    this.#kv = kv;
  }

  /** Throws ErrLogDBFenced after a failed write. */
  checkFence(): void {
    if (this.#fenced !== undefined) throw new ErrLogDBFenced(undefined, { cause: this.#fenced.cause });
  }

  /** Resolves when `ops` are durable. Submissions are written in order. Never fails synchronously. */
  submit(ops: readonly KVOp[]): Promise<void> {
    if (this.#fenced !== undefined) return Promise.reject(this.#fenced);
    if (this.#next === undefined) {
      this.#next = makeGroup();
      if (this.#current === undefined) {
        queueMicrotask(() => {
          this.#writeNext();
        });
      }
    }
    for (const op of ops) this.#next.ops.push(op);
    return this.#next.done;
  }

  /** Resolves, whatever became of it, when nothing is under way. */
  async idle(): Promise<void> {
    for (let group = this.#next ?? this.#current; group !== undefined; group = this.#next ?? this.#current) {
      await group.done.catch(() => undefined);
    }
  }

  #writeNext(): void {
    const group = this.#next;
    this.#next = undefined;
    this.#current = group;
    if (group === undefined) return;
    this.#write(group.ops).then(
      () => {
        this.#writeNext();
        group.resolve();
      },
      (error: unknown) => {
        this.#fence(error, group);
      },
    );
  }

  async #write(ops: readonly KVOp[]): Promise<void> {
    await this.#kv.write(ops);
  }

  #fence(cause: unknown, group: Group): void {
    const fenced = new ErrLogDBFenced(`a write failed, the LogDB accepts nothing more: ${String(cause)}`, {
      cause,
    });
    this.#fenced = fenced;
    this.#current = undefined;
    group.reject(fenced);
    this.#next?.reject(fenced);
    this.#next = undefined;
  }
}
