import type { ILogger } from '../logging/logger.js';
import type { IClock } from '../runtime/clock.js';
import type { IEventSink } from '../runtime/event-sink.js';
import { isThenable } from '../runtime/is-thenable.js';
import type { HostEvents, HostListener } from './host-listener.js';

/** Events that wait for a listener, beyond which further ones are dropped, counted and reported. */
export const MAX_WAITING_EVENTS = 10_000;
/** Between two reports of dropped events, while there is no end to them. */
const DROPS_REPORT_MS = 60_000;
/** For how long listeners are told things in one turn, before the rest of the host has its own. */
export const LISTENER_TURN_MS = 5;

/**
 * The way of events to the user's listener. They are told in turns of their own, in order: a listener that throws,
 * or that calls the host, is never in the middle of the engine's work, and one that is slow shares the thread with it.
 */
export class EventHub implements IEventSink<HostEvents> {
  readonly #listener: HostListener;
  readonly #clock: IClock;
  readonly #log: ILogger;
  #waiting: (() => void)[] = [];
  /** Dropped since the last report. */
  #dropped = 0;
  #reportedMs = -Infinity;
  #isDue = false;

  constructor(listener: HostListener, clock: IClock, log: ILogger) {
    this.#listener = listener;
    this.#clock = clock;
    this.#log = log;
  }

  emit<Name extends keyof HostEvents>(name: Name, event: HostEvents[Name]): void {
    if (this.#listener[name] === undefined) return;
    if (this.#waiting.length >= MAX_WAITING_EVENTS) {
      this.#dropped++;
      // A listener that never keeps up never has an empty queue either.
      if (this.#clock.nowMs() - this.#reportedMs >= DROPS_REPORT_MS) this.#reportDropped();
      return;
    }
    this.#waiting.push(() => this.#tell(name, event));
    this.#tellSoon();
  }

  /** Tells all that waits, at once. What a listener causes meanwhile is told later. */
  flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const tell of waiting) tell();
    this.#reportDropped();
  }

  #tellSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#clock.defer(() => this.#turn());
  }

  /** At least one event has its turn. What a listener causes meanwhile waits for the next. */
  #turn(): void {
    this.#isDue = false;
    const endMs = this.#clock.nowMs() + LISTENER_TURN_MS;
    const waiting = this.#waiting;
    this.#waiting = [];
    let told = 0;
    while (told < waiting.length && (told === 0 || this.#clock.nowMs() < endMs)) waiting[told++]?.();
    if (told === waiting.length) {
      this.#reportDropped();
      return;
    }
    this.#waiting = [...waiting.slice(told), ...this.#waiting];
    this.#tellSoon();
  }

  #reportDropped(): void {
    if (this.#dropped === 0) return;
    this.#log.warn('events were dropped: the listener is slower than they come', { count: this.#dropped });
    this.#dropped = 0;
    this.#reportedMs = this.#clock.nowMs();
  }

  #tell<Name extends keyof HostEvents>(name: Name, event: HostEvents[Name]): void {
    const failed = (error: unknown): void =>
      this.#log.error('a listener failed', { event: name, err: error });
    try {
      const returned: unknown = this.#listener[name]?.(event);
      // A listener may return anything; only the end of a promise is of interest.
      if (isThenable(returned)) returned.then(undefined, failed);
    } catch (error) {
      failed(error);
    }
  }
}
