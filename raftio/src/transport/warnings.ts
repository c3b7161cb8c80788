/** What a transport warns of; each kind is limited on its own. */
export type WarningKind = 'content' | 'handler' | 'handshake' | 'connections' | 'certificates';

const QUIET_PERIOD_MS = 5000;
const MAX_PER_PERIOD = 3;

interface KindState {
  periodStartMs: number;
  told: number;
  suppressed: number;
}

/** Passes warnings on, but a hostile client that causes thousands of them a second is told of a few times only. */
export class Warnings {
  readonly #sink: (message: string, details: Record<string, unknown>) => void;
  readonly #kinds = new Map<WarningKind, KindState>();

  constructor(sink: (message: string, details: Record<string, unknown>) => void) {
    this.#sink = sink;
  }

  warn(kind: WarningKind, message: string, details: Record<string, unknown>): void {
    const nowMs = performance.now();
    let state = this.#kinds.get(kind);
    if (state === undefined) {
      state = { periodStartMs: nowMs, told: 0, suppressed: 0 };
      this.#kinds.set(kind, state);
    }
    if (nowMs - state.periodStartMs >= QUIET_PERIOD_MS) {
      state.periodStartMs = nowMs;
      state.told = 0;
    }
    if (state.told >= MAX_PER_PERIOD) {
      state.suppressed += 1;
      return;
    }
    state.told += 1;
    const suppressed = state.suppressed;
    state.suppressed = 0;
    this.#sink(message, suppressed === 0 ? details : { ...details, suppressedBefore: suppressed });
  }
}
