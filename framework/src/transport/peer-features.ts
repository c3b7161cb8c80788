import type { NormalAddress } from '@drakkar/raftio';

/** Hosts remembered at most: more than a host talks to, and a bound for who makes addresses up. */
const MAX_HOSTS = 4_096;

/**
 * What other hosts have announced that they know (`Feature`), by host. A host may be replaced by one of another
 * version whenever there is no connection to it, so the code that sees one end, or begin, calls `forget`.
 */
export class PeerFeatures {
  /** The one heard of last is the last. */
  readonly #known = new Map<NormalAddress, number>();

  /** Undefined: not heard yet. A host that was heard and announced nothing has none: 0. */
  of(host: NormalAddress): number | undefined {
    return this.#known.get(host);
  }

  /** A batch came from that host: what it says replaces what was known. */
  heard(host: NormalAddress, features: number): void {
    if (this.#known.get(host) === features) return;
    this.#known.delete(host);
    this.#known.set(host, features);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_HOSTS && oldest !== undefined) this.#known.delete(oldest);
  }

  forget(host: NormalAddress): void {
    this.#known.delete(host);
  }
}
