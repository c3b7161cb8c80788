import type { IClock, Timer } from './clock.js';
import { onAbort } from './on-abort.js';

export interface PlacesOptions {
  /** Places to give out. */
  count: number;
  /** A holder of a place that makes no progress for longer holds up nobody: the next in turn gets one in addition. */
  patienceMs: number;
  clock: IClock;
}

export interface Place {
  /** There is progress: patience begins again. */
  moved(): void;
  /** Idempotent. */
  giveBack(): void;
}

interface Holder {
  key: string;
  movedMs: number;
}

interface Waiter {
  key: string;
  proceed: (holder: Holder) => void;
}

/** Places in all, counting those that do not count any more, for each place to give out. */
const MAX_HOLDERS_PER_PLACE = 4;

/**
 * A bounded number of places. Of those that wait, one whose key has the fewest places goes first, and then the one that came
 * first, so that many for one target that hangs do not hold up those for others. What holds a place and does not move
 * is not counted after a while, up to four times as many as there are places.
 */
export class Places {
  readonly #options: PlacesOptions;
  readonly #holders = new Set<Holder>();
  readonly #waiting = new Set<Waiter>();
  #timer: Timer | undefined;

  constructor(options: PlacesOptions) {
    this.#options = options;
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** Resolves with a place. Rejects at once, with the signal's reason, when it aborts. */
  async take(signal: AbortSignal, key = ''): Promise<Place> {
    signal.throwIfAborted();
    const holder =
      this.#waiting.size === 0 && this.#hasRoom() ? this.#hold(key) : await this.#wait(signal, key);
    return {
      moved: () => {
        holder.movedMs = this.#options.clock.nowMs();
      },
      giveBack: () => {
        if (this.#holders.delete(holder)) this.#serve();
      },
    };
  }

  #wait(signal: AbortSignal, key: string): Promise<Holder> {
    return new Promise<Holder>((resolve, reject) => {
      const waiter: Waiter = {
        key,
        proceed: (holder) => {
          endWait();
          resolve(holder);
        },
      };
      this.#waiting.add(waiter);
      const endWait = onAbort(signal, () => {
        this.#waiting.delete(waiter);
        reject(signal.reason as Error);
        this.#serve();
      });
      this.#serve();
    });
  }

  #hold(key: string): Holder {
    const holder = { key, movedMs: this.#options.clock.nowMs() };
    this.#holders.add(holder);
    return holder;
  }

  #hasRoom(): boolean {
    const { count, patienceMs, clock } = this.#options;
    if (this.#holders.size >= count * MAX_HOLDERS_PER_PLACE) return false;
    const overdueMs = clock.nowMs() - patienceMs;
    return [...this.#holders].filter(({ movedMs }) => movedMs > overdueMs).length < count;
  }

  /** Gives out what there is; for those that have to wait, looks again when the next holder is overdue. */
  #serve(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    while (this.#waiting.size > 0 && this.#hasRoom()) {
      const next = this.#next();
      this.#waiting.delete(next);
      next.proceed(this.#hold(next.key));
    }
    const { count, patienceMs, clock } = this.#options;
    if (this.#waiting.size === 0 || this.#holders.size >= count * MAX_HOLDERS_PER_PLACE) return;
    const nowMs = clock.nowMs();
    const dueMs = [...this.#holders]
      .map(({ movedMs }) => movedMs + patienceMs - nowMs)
      .filter((ms) => ms > 0);
    this.#timer = clock.setTimeout(() => this.#serve(), Math.ceil(Math.min(...dueMs)));
  }

  #next(): Waiter {
    const held = new Map<string, number>();
    for (const { key } of this.#holders) held.set(key, (held.get(key) ?? 0) + 1);
    const countOf = ({ key }: Waiter): number => held.get(key) ?? 0;
    return [...this.#waiting].reduce((best, waiter) => (countOf(waiter) < countOf(best) ? waiter : best));
  }
}
