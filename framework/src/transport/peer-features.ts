/** Hosts remembered at most: more than a host talks to, and a bound for who makes addresses up. */
const MAX_HOSTS = 4_096;

/**
 * What other hosts have announced that they know (`Feature`), by raft address. A host may be replaced by one of another
 * version whenever there is no connection to it, so whoever sees one end, or begin, calls `forget`.
 */
export class PeerFeatures {
  /** The one heard of last is the last. */
  readonly #known = new Map<string, number>();

  /** Undefined: not heard yet. A host that was heard and announced nothing has none: 0. */
  of(address: string): number | undefined {
    return this.#known.get(address);
  }

  /** A batch came from that host: what it says replaces what was known. */
  heard(address: string, features: number): void {
    if (this.#known.get(address) === features) return;
    this.#known.delete(address);
    this.#known.set(address, features);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_HOSTS && oldest !== undefined) this.#known.delete(oldest);
  }

  forget(address: string): void {
    this.#known.delete(address);
  }
}
