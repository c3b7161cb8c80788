import { ErrCanceled } from '../errors/index.js';
import type { IEventSource } from '../runtime/event-sink.js';
import { onAbort } from '../runtime/on-abort.js';

/** A listener and the function that ends it. */
interface Registration {
  listener: unknown;
  end: () => void;
}

/**
 * Events in the manner of Node's `EventEmitter`: any number of listeners, added and removed at any time. They are called in
 * turns of their own, in the order of the events, and may call the host; what one throws, or rejects with, is logged.
 */
export class Emitter<Events> {
  readonly #source: IEventSource<Events>;
  readonly #registrations = new Map<PropertyKey, Registration[]>();

  /** @internal */
  constructor(source: IEventSource<Events>) {
    this.#source = source;
  }

  /** Calls `listener` for each event of that name from now on. */
  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => unknown): this {
    this.#add(name, listener, listener);
    return this;
  }

  /** As `on`, for the next event only. */
  once<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => unknown): this {
    const registration = this.#add(name, listener, (event) => {
      this.#remove(name, registration);
      return listener(event);
    });
    return this;
  }

  /** Removes the listener, once: the registration that was made last. */
  off<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => unknown): this {
    const found = this.#registrations.get(name)?.findLast((each) => each.listener === listener);
    if (found !== undefined) this.#remove(name, found);
    return this;
  }

  /** The next event of that name. @throws ErrCanceled when `signal` aborts first */
  next<Name extends keyof Events>(name: Name, options: { signal?: AbortSignal } = {}): Promise<Events[Name]> {
    const { signal } = options;
    return new Promise((resolve, reject) => {
      const registration = this.#add(name, undefined, (event) => {
        this.#remove(name, registration);
        endWait?.();
        resolve(event);
      });
      const cancel = (): void => {
        this.#remove(name, registration);
        const message = `the wait for the event ${String(name)} was ended by its signal`;
        reject(new ErrCanceled(message, { effect: 'none', cause: signal?.reason }));
      };
      const endWait = signal === undefined ? undefined : onAbort(signal, cancel);
    });
  }

  #add<Name extends keyof Events>(
    name: Name,
    listener: unknown,
    heard: (event: Events[Name]) => unknown,
  ): Registration {
    const registration = { listener, end: this.#source.listen(name, heard) };
    const registrations = this.#registrations.get(name);
    if (registrations === undefined) this.#registrations.set(name, [registration]);
    else registrations.push(registration);
    return registration;
  }

  #remove(name: keyof Events, registration: Registration): void {
    registration.end();
    const left = this.#registrations.get(name)?.filter((each) => each !== registration) ?? [];
    if (left.length > 0) this.#registrations.set(name, left);
    else this.#registrations.delete(name);
  }

  /** Removes all listeners. @internal */
  endListeners(): void {
    for (const registrations of this.#registrations.values()) for (const { end } of registrations) end();
    this.#registrations.clear();
  }
}
