import type { Happening, Scheduler } from './scheduler.js';

/** The cause of an end that `endAfterCalls` brought about. */
export const IN_A_CALL = 'in a call';

/**
 * One run of a host's process, from its start to its crash or end. Whatever the process waits for belongs to its
 * life: when that is over none of it comes any more, so what is left of the process can have no effect.
 */
export class Life {
  /** Host and number of the run, e.g. `h2.3`. */
  readonly name: string;
  /** How fast its clock goes: 1.1 is ten per cent fast. */
  readonly clockRate: number;
  isAlive = true;
  /** Why it has ended. */
  cause = '';
  readonly #scheduler: Scheduler;
  readonly #onEnd = new Set<() => void>();
  #backlog: Happening[] | undefined;
  /** Counts calls to the outer world down to a crash, all of them or only syncs. */
  #crashAt: { callsLeft: number; onlySyncs: boolean } | undefined;

  constructor(name: string, clockRate: number, scheduler: Scheduler) {
    this.name = name;
    this.clockRate = clockRate;
    this.#scheduler = scheduler;
  }

  get isPaused(): boolean {
    return this.#backlog !== undefined;
  }

  /** @param cause for those who are told of it */
  end(cause: string): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    this.cause = cause;
    this.#backlog = undefined;
    const callbacks = [...this.#onEnd];
    this.#onEnd.clear();
    for (const callback of callbacks) callback();
  }

  /** Calls back when the life ends. Returns a function that takes the wish back. */
  onEnd(callback: () => void): () => void {
    this.#onEnd.add(callback);
    return () => void this.#onEnd.delete(callback);
  }

  /** Stands still, as a process does that was stopped or that collects garbage. What comes meanwhile waits. */
  pause(): void {
    if (this.isAlive) this.#backlog ??= [];
  }

  resume(): void {
    const backlog = this.#backlog;
    this.#backlog = undefined;
    for (const happening of backlog ?? []) this.#scheduler.again(happening);
  }

  /** Whether the happening has to wait for the process to go on. */
  holdsBack(happening: Happening): boolean {
    if (this.#backlog === undefined) return false;
    this.#backlog.push(happening);
    return true;
  }

  /** The process dies in the midst of its `count`-th call to disk or network from now, or of its `count`-th sync. */
  endAfterCalls(count: number, onlySyncs: boolean): void {
    this.#crashAt = { callsLeft: count, onlySyncs };
  }

  /** It does not die in a call after all. */
  outliveCalls(): void {
    this.#crashAt = undefined;
  }

  /** Counts a call to the outer world; false: the process is dead, or has just died. */
  call(isSync = false): boolean {
    if (!this.isAlive) return false;
    const crashAt = this.#crashAt;
    if (crashAt === undefined || (crashAt.onlySyncs && !isSync)) return true;
    crashAt.callsLeft -= 1;
    if (crashAt.callsLeft > 0) return true;
    this.end(IN_A_CALL);
    return false;
  }
}
