import type { PeerKind } from '@drakkar/raftio';

/** How long a host that says nothing is waited for. It grows when one has spoken later than that. */
export class Patience {
  readonly #maxMs: number;
  #ms: number;

  constructor(initialMs: number, maxMs: number) {
    this.#ms = initialMs;
    this.#maxMs = Math.max(initialMs, maxMs);
  }

  get ms(): number {
    return this.#ms;
  }

  grow(): void {
    this.#ms = Math.min(2 * this.#ms, this.#maxMs);
  }
}

/**
 * Finds out what kind of host a call has reached. Hosts of Drakkar, also those of version 0.1, answer a call with
 * metadata at once; one of Dragonboat answers it with nothing, so it is known by its silence.
 */
export class PeerKindFinder {
  readonly found: Promise<PeerKind>;
  readonly #patience: Patience;
  #timer: NodeJS.Timeout | undefined;
  #kind: PeerKind | undefined;
  #resolve!: (kind: PeerKind) => void;

  /** @param setupMs how long it took to connect: the answer to a call takes as long where the way is slow */
  constructor(patience: Patience, setupMs = 0) {
    this.#patience = patience;
    this.found = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    // What came while this process paused is read after its timers have run.
    const onTimeout = (): void => void setImmediate(() => this.#settle('dragonboat'));
    this.#timer = setTimeout(onTimeout, Math.max(patience.ms, setupMs));
    this.#timer.unref();
  }

  /** Undefined: not known yet. */
  get kind(): PeerKind | undefined {
    return this.#kind;
  }

  /** @returns whether it was taken for a host of Dragonboat by mistake: what was sent to it, it may not understand */
  spoke(): boolean {
    const isLate = this.#kind === 'dragonboat';
    if (isLate) this.#patience.grow();
    else this.#settle('drakkar');
    return isLate;
  }

  /** The call has ended. What is not known is settled as what does no harm. */
  end(): void {
    this.#settle('drakkar');
  }

  #settle(kind: PeerKind): void {
    if (this.#kind !== undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#kind = kind;
    this.#resolve(kind);
  }
}
