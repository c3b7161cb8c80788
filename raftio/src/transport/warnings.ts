import { boundedDetails } from '../bounded-details.js';
import { printable } from '../printable.js';

/** What a transport warns of; each kind is limited on its own. */
export type WarningKind = 'content' | 'handler' | 'handshake' | 'connections' | 'certificates' | 'identity';

const QUIET_PERIOD_MS = 5000;
/** Of one kind in a period: messages that were not told in it yet, and those that were. */
const MAX_NEW_PER_PERIOD = 8;
const MAX_REPEATED_PER_PERIOD = 3;

interface KindState {
  periodStartMs: number;
  /** Messages of this period, in the form in which they are compared. */
  messages: Set<string>;
  repeated: number;
  suppressed: number;
}

/**
 * Passes warnings on, but a hostile client that causes thousands of them a second is told of a few times only. One
 * with another cause than those before is passed on at once; what is passed on is bounded, see `boundedDetails`.
 */
export class Warnings {
  readonly #sink: (message: string, details: Record<string, unknown>) => void;
  readonly #kinds = new Map<WarningKind, KindState>();

  constructor(sink: (message: string, details: Record<string, unknown>) => void) {
    this.#sink = sink;
  }

  warn(kind: WarningKind, message: string, details: Record<string, unknown>): void {
    const state = this.#stateOf(kind);
    const cause = causeOf(message);
    const isNew = !state.messages.has(cause);
    const isTold = isNew
      ? state.messages.size < MAX_NEW_PER_PERIOD
      : state.repeated + 1 < MAX_REPEATED_PER_PERIOD;
    if (!isTold) {
      state.suppressed += 1;
      return;
    }
    if (isNew) state.messages.add(cause);
    else state.repeated += 1;
    const suppressed = state.suppressed;
    state.suppressed = 0;
    const bounded = boundedDetails(details);
    this.#sink(printable(message), suppressed === 0 ? bounded : { ...bounded, suppressedBefore: suppressed });
  }

  #stateOf(kind: WarningKind): KindState {
    const nowMs = performance.now();
    const known = this.#kinds.get(kind);
    if (known !== undefined && nowMs - known.periodStartMs < QUIET_PERIOD_MS) return known;
    const state = {
      periodStartMs: nowMs,
      messages: new Set<string>(),
      repeated: 0,
      suppressed: known?.suppressed ?? 0,
    };
    this.#kinds.set(kind, state);
    return state;
  }
}

/** Messages that differ in numbers only have one cause. */
function causeOf(message: string): string {
  return message.slice(0, 400).replace(/[0-9a-f]*\d[0-9a-f]*/gi, '#');
}
