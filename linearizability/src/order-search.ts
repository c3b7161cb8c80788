import { IMPOSSIBLE, type Model } from './model.js';
import type { Operation } from './operation.js';

const STEPS_BETWEEN_CLOCK_LOOKS = 1_024;
/** Each is a short string: some hundred megabytes. */
const MAX_VISITED = 4_000_000;
const WORD_BITS = 30;

export type OrderResult<Input, Output> =
  | { verdict: 'ok'; order: Operation<Input, Output>[] }
  | {
      verdict: 'violation';
      /** As many operations as can be put in an order. */
      order: Operation<Input, Output>[];
      /** Those of which one had to come next, and none could. */
      stuck: Operation<Input, Output>[];
    }
  | { verdict: 'undecided'; reason: string };

interface Call<Input, Output> {
  readonly operation: Operation<Input, Output>;
  readonly invokedAt: number;
  /** Infinity: the outcome is unknown. */
  readonly returnedAt: number;
  /** In `#known`, or in `#unknown`. */
  position: number;
  isPlaced: boolean;
}

interface Frame<State, Input, Output> {
  readonly state: State;
  readonly candidates: readonly Call<Input, Output>[];
  next: number;
  /** What led here, and from where. */
  readonly placed: Call<Input, Output> | undefined;
  readonly before: Frame<State, Input, Output> | undefined;
}

/**
 * Looks for an order of operations that their clients' observations allow: depth first, with a memory of what has been
 * visited (Wing and Gong 1993, Lowe 2017, as in Porcupine). An operation of unknown outcome may be left out, and is
 * tried last; one that would change nothing is not tried at all.
 */
export class OrderSearch<State, Input, Output> {
  readonly #model: Model<State, Input, Output>;
  /** By invocation. */
  readonly #known: Call<Input, Output>[];
  readonly #unknown: Call<Input, Output>[];
  /** By known operations placed and state: which of unknown outcome had been used up, a bit each. */
  readonly #visited = new Map<string, bigint[]>();
  #visitedCount = 0;
  #usedUnknown = 0n;
  /** All of `#known` before it are placed. */
  #base = 0;
  #placedCount = 0;

  constructor(model: Model<State, Input, Output>, operations: readonly Operation<Input, Output>[]) {
    this.#model = model;
    const calls = operations.map((operation) => ({
      operation,
      invokedAt: operation.invokedAt,
      returnedAt: operation.returnedAt ?? Infinity,
      position: -1,
      isPlaced: false,
    }));
    calls.sort((a, b) => a.invokedAt - b.invokedAt);
    this.#known = calls.filter(isKnown);
    this.#unknown = calls.filter((call) => !isKnown(call));
    for (const [position, call] of this.#known.entries()) call.position = position;
    for (const [position, call] of this.#unknown.entries()) call.position = position;
  }

  /** @param isOver asked from time to time; true ends the search undecided. */
  run(isOver: () => boolean): OrderResult<Input, Output> {
    let frame = this.#frame(this.#model.initial());
    let best = { count: -1, frame };
    for (let steps = 1; this.#placedCount < this.#known.length; steps++) {
      if (steps % STEPS_BETWEEN_CLOCK_LOOKS === 0 && isOver())
        return { verdict: 'undecided', reason: 'out of time' };
      if (this.#visitedCount > MAX_VISITED)
        return { verdict: 'undecided', reason: `more than ${MAX_VISITED} states were visited` };
      const next = this.#advance(frame);
      if (next !== undefined) {
        frame = next;
        continue;
      }
      if (this.#placedCount >= best.count) best = { count: this.#placedCount, frame };
      if (frame.placed === undefined || frame.before === undefined) {
        const stuck = best.frame.candidates.filter(isKnown).map(({ operation }) => operation);
        return { verdict: 'violation', order: orderUpTo(best.frame), stuck };
      }
      this.#unplace(frame.placed);
      frame = frame.before;
    }
    return { verdict: 'ok', order: orderUpTo(frame) };
  }

  /** Places the next candidate that leads to somewhere new. */
  #advance(frame: Frame<State, Input, Output>): Frame<State, Input, Output> | undefined {
    const model = this.#model;
    while (frame.next < frame.candidates.length) {
      const call = frame.candidates[frame.next++] as Call<Input, Output>;
      const state = model.step(frame.state, call.operation.input, call.operation.output);
      if (state === IMPOSSIBLE) continue;
      const key = model.stateKey(state);
      if (!isKnown(call) && key === model.stateKey(frame.state)) continue;
      this.#place(call);
      if (this.#isNew(key)) {
        // Placing what changes nothing takes nothing away: there is no need to try anything else instead.
        if (isKnown(call) && model.isReadOnly?.(call.operation.input, call.operation.output) === true)
          frame.next = frame.candidates.length;
        return this.#frame(state, call, frame);
      }
      this.#unplace(call);
    }
    return undefined;
  }

  #frame(
    state: State,
    placed?: Call<Input, Output>,
    before?: Frame<State, Input, Output>,
  ): Frame<State, Input, Output> {
    return { state, candidates: this.#candidates(), next: 0, placed, before };
  }

  /** What may come next: whatever was invoked before the first return of an operation that is not placed. */
  #candidates(): Call<Input, Output>[] {
    const candidates: Call<Input, Output>[] = [];
    let firstReturn = Infinity;
    for (let i = this.#base; i < this.#known.length; i++) {
      const call = this.#known[i] as Call<Input, Output>;
      if (call.invokedAt > firstReturn) break;
      if (call.isPlaced) continue;
      candidates.push(call);
      firstReturn = Math.min(firstReturn, call.returnedAt);
    }
    // What returns first is likely to have come first.
    candidates.sort((a, b) => a.returnedAt - b.returnedAt);
    for (const call of this.#unknown) {
      if (call.invokedAt > firstReturn) break;
      if (!call.isPlaced) candidates.push(call);
    }
    return candidates;
  }

  #place(call: Call<Input, Output>): void {
    call.isPlaced = true;
    if (!isKnown(call)) {
      this.#usedUnknown |= 1n << BigInt(call.position);
      return;
    }
    this.#placedCount++;
    while (this.#known[this.#base]?.isPlaced === true) this.#base++;
  }

  #unplace(call: Call<Input, Output>): void {
    call.isPlaced = false;
    if (!isKnown(call)) {
      this.#usedUnknown &= ~(1n << BigInt(call.position));
      return;
    }
    this.#placedCount--;
    this.#base = Math.min(this.#base, call.position);
  }

  /**
   * Whether nothing as good was visited: the same known operations placed, the same state, and no operation of unknown
   * outcome used up that is not used up now. From there everything could be done that can be done from here.
   */
  #isNew(stateKey: string | number): boolean {
    const key = `${this.#placedKey()}=${stateKey}`;
    const seen = this.#visited.get(key);
    const used = this.#usedUnknown;
    if (seen === undefined) this.#visited.set(key, [used]);
    else if (seen.some((other) => (other & used) === other)) return false;
    else seen.push(used);
    this.#visitedCount++;
    return true;
  }

  /** Which of the known operations are placed: all up to the base, and from there a bit each. */
  #placedKey(): string {
    let key = `${this.#base}:`;
    let left = this.#placedCount - this.#base;
    for (let start = this.#base; left > 0; start += WORD_BITS) {
      let word = 0;
      for (let bit = 0; bit < WORD_BITS && left > 0; bit++) {
        if (this.#known[start + bit]?.isPlaced !== true) continue;
        word |= 1 << bit;
        left--;
      }
      key += `${word},`;
    }
    return key;
  }
}

function isKnown<Input, Output>({ returnedAt }: Call<Input, Output>): boolean {
  return returnedAt !== Infinity;
}

function orderUpTo<State, Input, Output>(last: Frame<State, Input, Output>): Operation<Input, Output>[] {
  const order: Operation<Input, Output>[] = [];
  for (let frame: typeof last | undefined = last; frame?.placed !== undefined; frame = frame.before)
    order.push(frame.placed.operation);
  return order.reverse();
}
