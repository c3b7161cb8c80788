import type { IClock, Timer } from '../runtime/clock.js';
import type { Replica } from './replica.js';

/** Ticks of the host between two looks for members that are away: ten election timeouts, as they are by default. */
const SEEK_TICKS = 100;

/**
 * Replicas that sleep though a member of their group lacks entries. That member may sleep as well, or, added and never
 * started, know nobody: only their leader can find it. One timer for all of the host, and none while there are no such.
 */
export class Sleepers {
  readonly #clock: IClock;
  readonly #periodMs: number;
  readonly #replicas = new Set<Replica>();
  #timer: Timer | undefined;

  constructor(clock: IClock, tickMs: number) {
    this.#clock = clock;
    this.#periodMs = SEEK_TICKS * tickMs;
  }

  [Symbol.iterator](): Iterator<Replica> {
    return this.#replicas[Symbol.iterator]();
  }

  /** The replica has fallen asleep. */
  add(replica: Replica): void {
    if (replica.raft.membersToSeek.length === 0) return;
    this.#replicas.add(replica);
    this.#timer ??= this.#clock.setInterval(() => this.#seek(), this.#periodMs);
  }

  /** It is awake, or gone. */
  delete(replica: Replica): void {
    if (this.#replicas.delete(replica) && this.#replicas.size === 0) this.stop();
  }

  stop(): void {
    this.#replicas.clear();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #seek(): void {
    for (const replica of [...this.#replicas]) {
      if (replica.raft.membersToSeek.length === 0) this.delete(replica);
      for (const nodeID of replica.raft.membersToSeek) replica.reachable(nodeID);
    }
  }
}
