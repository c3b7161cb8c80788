/** Of all connections that are held, one of so many may be of somebody who has proven nothing yet. */
const SHARE = 4;
/** Where few connections are held, a bound of its own would stand in the way of hosts that all come at once. */
const MIN_COUNT = 16;

/**
 * Those who have connected and not shown yet that they belong here. They hold a quarter of all places at most: when
 * one more comes, who has been at it longest is cut. Between hosts that takes a few round trips, so strangers who come
 * and say nothing push each other out, and not the hosts.
 */
export class Newcomers {
  readonly #maxCount: number;
  /** What cuts each of them, the oldest first. */
  readonly #present = new Set<() => void>();

  /** @param maxConnections connections held at a time, of whatever kind */
  constructor(maxConnections: number) {
    this.#maxCount = Math.max(MIN_COUNT, Math.floor(maxConnections / SHARE));
  }

  get count(): number {
    return this.#present.size;
  }

  /**
   * @param cut ends the connection; called at most once
   * @returns to be called when the connection is one of a host, and when it is gone; further calls do nothing
   */
  enter(cut: () => void): () => void {
    const newcomer = (): void => {
      cut();
    };
    this.#present.add(newcomer);
    const [oldest] = this.#present;
    if (this.#present.size > this.#maxCount && oldest !== undefined) {
      this.#present.delete(oldest);
      oldest();
    }
    return () => {
      this.#present.delete(newcomer);
    };
  }
}
