import type { Life } from './life.js';
import type { Trace } from './trace.js';

/** Something that will happen. */
export interface Happening {
  atMs: number;
  order: number;
  readonly label: string;
  /** Whose it is; with the end of that life it is off. */
  readonly life: Life | undefined;
  readonly run: () => void;
  isCancelled: boolean;
}

/** Thrown when nothing is left to happen although something is still waited for. */
class StandstillError extends Error {}

const before = (a: Happening, b: Happening): boolean =>
  a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

/** So often the real event loop gets its turn, for signals and messages to the process. */
const STEPS_PER_TURN = 256;

/**
 * Resolves when no promise job is left to run: then everything waits for virtual time. Node gives a tick its turn only
 * when the queue of jobs is empty, and this is called from a job.
 */
const quiescence = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * Virtual time and the one queue of all that happens in it. Between two happenings every promise job runs to its
 * end, in the order that the language prescribes, so that the whole is a function of the seed.
 */
export class Scheduler {
  nowMs = 0;
  /** Happenings so far. */
  steps = 0;
  readonly #trace: Trace;
  readonly #heap: Happening[] = [];
  #order = 0;

  constructor(trace: Trace) {
    this.#trace = trace;
  }

  get pendingCount(): number {
    return this.#heap.length;
  }

  after(delayMs: number, life: Life | undefined, label: string, run: () => void): Happening {
    const happening: Happening = {
      atMs: this.nowMs + Math.max(0, delayMs),
      order: this.#order++,
      label,
      life,
      run,
      isCancelled: false,
    };
    this.#push(happening);
    return happening;
  }

  /** Puts off what came while its host stood still. */
  again(happening: Happening): void {
    happening.atMs = this.nowMs;
    happening.order = this.#order++;
    this.#push(happening);
  }

  /** Lets time pass for the driver of the simulation. */
  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.after(delayMs, undefined, 'sleep', resolve));
  }

  /** Work of a host that takes `delayMs`; if its life ends before, the promise never settles. */
  later<T>(life: Life, delayMs: number, label: string, work: () => T): Promise<T> {
    return new Promise<T>((resolve) => {
      if (!life.isAlive) return;
      this.after(delayMs, life, label, () => resolve(new Promise<T>((settle) => settle(work()))));
    });
  }

  /** Goes on until `isDone` says so, which is asked after each step. @throws StandstillError */
  async run(isDone: () => boolean): Promise<void> {
    // From whatever this was called, from here on it is a job.
    await turn();
    await quiescence();
    await new Promise<void>((resolve, reject) => {
      // A tick gets its turn when no job is left, if it is asked for by a job.
      const later = (): void => process.nextTick(goOn);
      const goOn = (): void => {
        try {
          if (!this.#step(isDone)) resolve();
          else if (this.steps % STEPS_PER_TURN === 0) queueMicrotask(() => setImmediate(goOn));
          else queueMicrotask(later);
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      goOn();
    });
  }

  /** Makes the next thing happen; false: there is no need to. @throws StandstillError */
  #step(isDone: () => boolean): boolean {
    while (!isDone()) {
      const next = this.#pop();
      if (next === undefined) throw new StandstillError('nothing is left to happen');
      if (next.isCancelled || next.life?.isAlive === false) continue;
      this.nowMs = Math.max(this.nowMs, next.atMs);
      if (next.life?.holdsBack(next) === true) continue;
      this.steps += 1;
      this.#trace.step(this.nowMs, next.label, next.life?.name);
      next.run();
      return true;
    }
    return false;
  }

  #push(happening: Happening): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(happening);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above] as Happening;
      if (!before(happening, parent)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = happening;
  }

  #pop(): Happening | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined || top === last) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1] as Happening, heap[child] as Happening)) child++;
      if (!before(heap[child] as Happening, last)) break;
      heap[at] = heap[child] as Happening;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}
