/** A way to a host that the suite can obstruct: hosts that connect to `address` reach the target through it. */
export interface Link {
  readonly address: string;
  /** Nothing passes any more, and nobody is told: as with a peer that hangs, or a cable that was pulled. */
  pause(): void;
  resume(): void;
  /** Breaks what is connected through it; it can be connected through again. */
  cut(): void;
  close(): Promise<void>;
}
