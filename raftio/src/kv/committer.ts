import { ErrLogDBFenced } from '../errors.js';

interface Group<T> {
  readonly items: T[];
  readonly done: Promise<void>;
  resolve(): void;
  reject(error: Error): void;
}

function makeGroup<T>(): Group<T> {
  let resolve!: () => void;
  let reject!: (error: Error) => void;
  const done = new Promise<void>((onDone, onFail) => {
    resolve = onDone;
    reject = onFail;
  });
  // Readers look at `done` only if they come while it is pending; its failure reaches the submitter.
  done.catch(() => undefined);
  return { items: [], done, resolve, reject };
}

/**
 * Group commit: one write is under way, and what is submitted meanwhile goes into the next one. A write that fails
 * leaves it unknown what is on the disk, and an operating system forgets the pages that it failed to sync: a retry
 * would report as stored what is not. So nothing is ever written after that.
 */
export class Committer<T> {
  readonly #write: (items: readonly T[]) => Promise<void>;
  #next: Group<T> | undefined;
  #current: Group<T> | undefined;
  #fenced: ErrLogDBFenced | undefined;

  /** @param write stores the items in their order; they are durable when it resolves. Called once at a time. */
  constructor(write: (items: readonly T[]) => Promise<void>) {
    this.#write = write;
  }

  /** Throws ErrLogDBFenced after a failed write. */
  checkFence(): void {
    if (this.#fenced !== undefined) throw new ErrLogDBFenced(undefined, { cause: this.#fenced.cause });
  }

  /** Resolves when `items` are durable. Submissions are written in order. Never fails synchronously. */
  submit(items: readonly T[]): Promise<void> {
    if (this.#fenced !== undefined) return Promise.reject(this.#fenced);
    if (this.#next === undefined) {
      this.#next = makeGroup();
      if (this.#current === undefined) {
        queueMicrotask(() => {
          this.#writeNext();
        });
      }
    }
    for (const item of items) this.#next.items.push(item);
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
    this.#writeItems(group.items).then(
      () => {
        this.#writeNext();
        group.resolve();
      },
      (error: unknown) => {
        this.#fence(error, group);
      },
    );
  }

  async #writeItems(items: readonly T[]): Promise<void> {
    await this.#write(items);
  }

  #fence(cause: unknown, group: Group<T>): void {
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
