import type { ILogger } from '../logging/logger.js';
import type { IClock } from '../runtime/clock.js';
import type { HostEvents, HostListener } from './host-listener.js';

/**
 * The way of events to the user's listener. They are told in a turn of their own, in order: a listener that throws,
 * or that calls the host, is never in the middle of the engine's work.
 */
export class EventHub {
  readonly #listener: HostListener;
  readonly #clock: IClock;
  readonly #log: ILogger;
  #waiting: (() => void)[] = [];
  #isDue = false;

  constructor(listener: HostListener, clock: IClock, log: ILogger) {
    this.#listener = listener;
    this.#clock = clock;
    this.#log = log;
  }

  emit<Name extends keyof HostEvents>(name: Name, event: HostEvents[Name]): void {
    if (this.#listener[name] === undefined) return;
    this.#waiting.push(() => this.#tell(name, event));
    if (this.#isDue) return;
    this.#isDue = true;
    this.#clock.defer(() => this.flush());
  }

  /** Tells what waits. What a listener causes meanwhile is told later. */
  flush(): void {
    this.#isDue = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const tell of waiting) tell();
  }

  #tell<Name extends keyof HostEvents>(name: Name, event: HostEvents[Name]): void {
    const failed = (error: unknown): void =>
      this.#log.error('a listener failed', { event: name, err: error });
    try {
      this.#listener[name]?.(event)?.then(undefined, failed);
    } catch (error) {
      failed(error);
    }
  }
}
