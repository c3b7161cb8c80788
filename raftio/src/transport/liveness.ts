/** One end of a connection, as the monitor sees it. */
export interface MonitoredLink {
  /**
   * Called at regular times: gives the peer cause to say something, and ends the link when nothing has arrived from
   * it during `maxSilentSweeps` sweeps, which is `deadPeerTimeoutMs`. Sweeps are counted rather than time, so that a
   * pause of this process itself, in which nothing could be read, is not held against the peer.
   */
  sweep(maxSilentSweeps: number, deadPeerTimeoutMs: number): void;
}

export interface LivenessOptions {
  pingIntervalMs: number;
  deadPeerTimeoutMs: number;
}

/** Fewest pings that go unanswered before a peer is given up. */
const MIN_SILENT_SWEEPS = 3;

/** One timer for all links of a host: pings idle ones and gives up those whose peer has fallen silent. */
export class LivenessMonitor {
  readonly #links: ReadonlySet<MonitoredLink>;
  readonly #deadPeerTimeoutMs: number;
  readonly #sweepIntervalMs: number;
  readonly #maxSilentSweeps: number;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: LivenessOptions, links: ReadonlySet<MonitoredLink>) {
    this.#links = links;
    this.#deadPeerTimeoutMs = options.deadPeerTimeoutMs;
    this.#sweepIntervalMs = Math.min(options.pingIntervalMs, options.deadPeerTimeoutMs / MIN_SILENT_SWEEPS);
    this.#maxSilentSweeps = Math.ceil(options.deadPeerTimeoutMs / this.#sweepIntervalMs);
  }

  /** To be called when a link was added. The timer runs only while there are links, and never holds the process. */
  wake(): void {
    if (this.#timer !== undefined || this.#stopped) return;
    this.#timer = setInterval(() => {
      this.#sweep();
    }, this.#sweepIntervalMs);
    this.#timer.unref();
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #sweep(): void {
    if (this.#links.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    for (const link of this.#links) link.sweep(this.#maxSilentSweeps, this.#deadPeerTimeoutMs);
  }
}
