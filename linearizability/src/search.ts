import { type RegisterOperation, type RegisterValue, valueWritten } from './history.js';

/** Operations of one key that may be open at the same time: they are the bits of a 31-bit mask. */
const MAX_OPEN = 31;
/** A world is one number, `value id * 2^31 + mask`, exact while there are fewer value ids than this. */
const MASK_RANGE = 2 ** 31;
const MAX_VALUES = 2 ** 22;
const STEPS_BETWEEN_CLOCK_LOOKS = 256;

export type SearchResult =
  | { verdict: 'ok' }
  /** `upTo` operations, by return, can't be ordered; the last of them is `culprit`. */
  | { verdict: 'violation'; culprit: RegisterOperation }
  | { verdict: 'undecided'; reason: string };

interface Call {
  operation: RegisterOperation;
  isGet: boolean;
  valueID: number;
  slot: number;
  /** Of a write of unknown outcome: the last instant at which it matters to anybody whether it took effect. */
  mattersUntil: number;
}

interface Event {
  at: number;
  isReturn: boolean;
  call: Call;
}

/** Numbers the values of a history, so that a world needs no string. */
class ValueTable {
  readonly #ids = new Map<RegisterValue, number>();

  idOf(value: RegisterValue): number {
    const known = this.#ids.get(value);
    if (known !== undefined) return known;
    const id = this.#ids.size;
    this.#ids.set(value, id);
    return id;
  }

  get size(): number {
    return this.#ids.size;
  }
}

function eventsOf(operations: readonly RegisterOperation[], values: ValueTable): Event[] {
  const lastSeenAt = new Map<RegisterValue, number>();
  for (const { kind, value, returnedAt } of operations) {
    if (kind !== 'get' || returnedAt === undefined) continue;
    lastSeenAt.set(value, Math.max(returnedAt, lastSeenAt.get(value) ?? -Infinity));
  }
  const events: Event[] = [];
  for (const operation of operations) {
    const isGet = operation.kind === 'get';
    const value = isGet ? operation.value : valueWritten(operation);
    const mattersUntil = isGet ? -Infinity : (lastSeenAt.get(value) ?? -Infinity);
    const { invokedAt, returnedAt } = operation;
    // What may never have happened and was never seen did not happen.
    if (returnedAt === undefined && mattersUntil < invokedAt) continue;
    const call: Call = { operation, isGet, valueID: values.idOf(value), slot: -1, mattersUntil };
    events.push({ at: invokedAt, isReturn: false, call });
    if (returnedAt !== undefined) events.push({ at: returnedAt, isReturn: true, call });
  }
  // Two calls that touch at one instant are concurrent: the invocation goes first.
  return events.sort((a, b) => a.at - b.at || Number(a.isReturn) - Number(b.isReturn));
}

/**
 * Looks for an order of one register's operations that its clients' observations allow (Wing and Gong 1993, with
 * Lowe's memory of the worlds already visited, 2017; the worlds are kept abreast, event by event, so that the memory
 * needed follows from how many calls overlap, not from the length of the history).
 *
 * A world is the register's value and the open calls that have taken effect in it. An operation takes effect as late
 * as the observations allow: when it returns, or when a call that returns needs it to have happened.
 */
export class RegisterSearch {
  readonly #values = new ValueTable();
  readonly #open: (Call | undefined)[] = [];
  #openPuts: Call[] = [];
  #worlds: Set<number>;

  constructor(initial: RegisterValue) {
    this.#worlds = new Set([this.#values.idOf(initial) * MASK_RANGE]);
  }

  /** @param isOver asked from time to time; true ends the search undecided. */
  run(operations: readonly RegisterOperation[], isOver: () => boolean): SearchResult {
    const events = eventsOf(operations, this.#values);
    if (this.#values.size >= MAX_VALUES) return { verdict: 'undecided', reason: 'too many different values' };
    let untilLook = 0;
    for (const event of events) {
      untilLook -= 1 + this.#worlds.size;
      if (untilLook < 0) {
        if (isOver()) return { verdict: 'undecided', reason: 'out of time' };
        untilLook = STEPS_BETWEEN_CLOCK_LOOKS;
      }
      if (!event.isReturn) {
        if (!this.#invoke(event.call)) {
          return { verdict: 'undecided', reason: `more than ${MAX_OPEN} operations open at once` };
        }
      } else if (!this.#return(event.call, isOver)) {
        if (isOver()) return { verdict: 'undecided', reason: 'out of time' };
        return { verdict: 'violation', culprit: event.call.operation };
      }
    }
    return { verdict: 'ok' };
  }

  #invoke(call: Call): boolean {
    let slot = this.#open.indexOf(undefined);
    if (slot < 0) slot = this.#open.length;
    if (slot >= MAX_OPEN) return false;
    call.slot = slot;
    this.#open[slot] = call;
    if (!call.isGet) {
      this.#openPuts.push(call);
      return true;
    }
    // A read changes nothing, so in a world that already has its value it may as well have happened.
    const worlds = new Set<number>();
    for (const world of this.#worlds) {
      const sees = Math.floor(world / MASK_RANGE) === call.valueID;
      worlds.add(sees ? world + 2 ** slot : world);
    }
    this.#worlds = worlds;
    return true;
  }

  /** Keeps the worlds in which `call` has taken effect; false when there is none. */
  #return(call: Call, isOver: () => boolean): boolean {
    const bit = 2 ** call.slot;
    const survivors = new Set<number>();
    const visited = new Set<number>(this.#worlds);
    const queue = [...this.#worlds];
    let untilLook = STEPS_BETWEEN_CLOCK_LOOKS;
    for (let world = queue.pop(); world !== undefined; world = queue.pop()) {
      untilLook -= 1;
      if (untilLook === 0) {
        if (isOver()) return false;
        untilLook = STEPS_BETWEEN_CLOCK_LOOKS;
      }
      if ((world % MASK_RANGE) & bit) {
        survivors.add(world - bit);
        continue;
      }
      for (const put of this.#openPuts) {
        if (!this.#mayTakeEffect(world, put)) continue;
        const next = this.#afterPut(world, put);
        if (visited.has(next)) continue;
        visited.add(next);
        queue.push(next);
      }
    }
    this.#worlds = survivors;
    this.#release(call);
    this.#forgetUnknown(call.operation.returnedAt ?? Infinity);
    return survivors.size > 0;
  }

  #mayTakeEffect(world: number, put: Call): boolean {
    const mask = world % MASK_RANGE;
    if (mask & (2 ** put.slot)) return false;
    if (put.operation.returnedAt !== undefined) return true;
    // Of calls that never return and write the same, none is better than another: the first goes first.
    const first = this.#openPuts.find(
      ({ operation, valueID, slot }) =>
        operation.returnedAt === undefined && valueID === put.valueID && !(mask & (2 ** slot)),
    );
    return first === put;
  }

  #afterPut(world: number, put: Call): number {
    let mask = (world % MASK_RANGE) | (2 ** put.slot);
    for (const call of this.#open) {
      if (call?.isGet === true && call.valueID === put.valueID) mask |= 2 ** call.slot;
    }
    return put.valueID * MASK_RANGE + mask;
  }

  #release(call: Call): void {
    this.#open[call.slot] = undefined;
    if (!call.isGet) this.#openPuts = this.#openPuts.filter((put) => put !== call);
  }

  /** Calls that never return would stay open indefinitely: drops what can't matter any more. */
  #forgetUnknown(now: number): void {
    const unknown = this.#openPuts.filter(({ operation }) => operation.returnedAt === undefined);
    if (unknown.length === 0) return;
    for (const put of unknown) {
      const bit = 2 ** put.slot;
      const isDone = put.mattersUntil < now || [...this.#worlds].every((world) => (world % MASK_RANGE) & bit);
      if (!isDone) continue;
      this.#worlds = new Set(
        [...this.#worlds].map((world) => ((world % MASK_RANGE) & bit ? world - bit : world)),
      );
      this.#release(put);
    }
    this.#dropPoorerWorlds(unknown.reduce((mask, { slot }) => mask | (2 ** slot), 0));
  }

  /** Of two worlds that differ only in unknown calls used up, the one that has used fewer can do all the other can. */
  #dropPoorerWorlds(unknownMask: number): void {
    const groups = new Map<number, number[]>();
    for (const world of this.#worlds) {
      const used = (world % MASK_RANGE) & unknownMask;
      const group = groups.get(world - used);
      if (group === undefined) groups.set(world - used, [used]);
      else group.push(used);
    }
    this.#worlds = new Set();
    for (const [rest, group] of groups) {
      for (const used of group) {
        const isPoorer = group.some((other) => other !== used && (other & used) === other);
        if (!isPoorer) this.#worlds.add(rest + used);
      }
    }
  }
}
