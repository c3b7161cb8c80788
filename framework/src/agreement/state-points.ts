import type { Entry } from '@drakkar/raftio';
import type { StatePoint } from '../rsm/index.js';

/** The replicated state machine, as far as it concerns points. */
export interface PointedStateMachine {
  readonly lastApplied: number;
  apply(entries: readonly Entry[]): void | Promise<void>;
  statePoint(withHash: boolean): Promise<StatePoint>;
}

export interface StatePointsOptions {
  /** There is a point at each multiple of it; 0: none. */
  everyEntries: number;
  /** Whether the state machine's own hash is taken, too. */
  withHash: () => boolean;
  taken: (point: StatePoint) => void;
  failed: (error: unknown) => void;
}

/** Points without the state machine's hash, at most, between two attempts to get it from one that gives none. */
const MAX_SKIPPED = 64;
/** Points asked for that are still to come. */
const MAX_WANTED = 4;

/**
 * Takes the hashes of a replica's state at certain indexes, which are the same on all replicas: between the entry at
 * that index and the next. An index that a snapshot takes the replica past is left out. How entries are applied does
 * not change.
 */
export class StatePoints {
  readonly #rsm: () => PointedStateMachine;
  readonly #options: StatePointsOptions;
  #wanted: number[] = [];
  #next = 0;
  /** Failures of the state machine's hash in a row, and points until it is asked for again. */
  #failures = 0;
  #toSkip = 0;

  constructor(rsm: () => PointedStateMachine, options: StatePointsOptions) {
    this.#rsm = rsm;
    this.#options = options;
  }

  /** Applies entries, and takes the points among them. Otherwise as `ReplicatedStateMachine.apply`. */
  apply(entries: readonly Entry[]): void | Promise<void> {
    const rsm = this.#rsm();
    const first = entries[0]?.index ?? 0;
    const last = first + entries.length - 1;
    if (this.#next < first) this.#choose(first - 1);
    return last < this.#next ? rsm.apply(entries) : this.#applyWithPoints(rsm, entries, first);
  }

  /** Takes a point at `index` as well, now or when it is applied; not if it is applied and others after it. */
  want(index: number): void {
    const { lastApplied } = this.#rsm();
    if (index < lastApplied || this.#wanted.includes(index)) return;
    if (index === lastApplied) {
      void this.#take(index);
      return;
    }
    this.#wanted = [...this.#wanted, index].slice(-MAX_WANTED);
    this.#choose(lastApplied);
  }

  async #applyWithPoints(rsm: PointedStateMachine, entries: readonly Entry[], first: number): Promise<void> {
    for (let from = 0; from < entries.length;) {
      const end = Math.min(entries.length, this.#next - first + 1);
      await rsm.apply(entries.slice(from, end));
      const applied = first + end - 1;
      if (applied === this.#next) {
        await this.#take(applied);
        this.#choose(applied);
      }
      from = end;
    }
  }

  /** The first point above `applied`. */
  #choose(applied: number): void {
    const { everyEntries } = this.#options;
    this.#wanted = this.#wanted.filter((index) => index > applied);
    const multiple = everyEntries === 0 ? Infinity : (Math.floor(applied / everyEntries) + 1) * everyEntries;
    this.#next = Math.min(multiple, ...this.#wanted);
  }

  async #take(index: number): Promise<void> {
    const { taken, failed } = this.#options;
    try {
      const point = await this.#point();
      if (point.index === index) taken(point);
    } catch (error) {
      failed(error);
    }
  }

  /** Without the hash of a state machine that gives none: the rest is compared all the same. */
  async #point(): Promise<StatePoint> {
    const { withHash, failed } = this.#options;
    if (!withHash() || this.#toSkip-- > 0) return await this.#rsm().statePoint(false);
    try {
      const point = await this.#rsm().statePoint(true);
      this.#failures = 0;
      this.#toSkip = 0;
      return point;
    } catch (error) {
      failed(error);
      this.#failures += 1;
      this.#toSkip = Math.min(2 ** this.#failures, MAX_SKIPPED);
      return await this.#rsm().statePoint(false);
    }
  }
}
