import type { ILogger } from '../logging/logger.js';
import type { IClock } from '../runtime/clock.js';
import type { IEventSink, IEventSource } from '../runtime/event-sink.js';
import { isThenable } from '../runtime/is-thenable.js';
import type { HostEvents, HostListener } from './host-listener.js';

/** Events that wait for a listener, beyond which further ones are dropped, counted and reported. */
export const MAX_WAITING_EVENTS = 10_000;
/** Between two reports of dropped events, while there is no end to them. */
const DROPS_REPORT_MS = 60_000;
/** For how long listeners are told things in one turn, before the rest of the host has its own. */
export const LISTENER_TURN_MS = 5;

type AnyListener = (event: never) => unknown;

/** The group that an event is of. */
function groupOf(event: object): number | undefined {
  return 'clusterID' in event && typeof event.clusterID === 'number' ? event.clusterID : undefined;
}

/**
 * The way of events to the user's listeners. They are told in turns of their own, in order: a listener that throws,
 * or that calls the host, is never in the middle of the engine's work, and one that is slow shares the thread with it.
 */
export class EventHub implements IEventSink<HostEvents>, IEventSource<HostEvents> {
  readonly #listener: HostListener;
  /** Added while the host runs: by event and group; `undefined`: of all groups. */
  readonly #added = new Map<keyof HostEvents, Map<number | undefined, Set<AnyListener>>>();
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
    if (this.#listener[name] === undefined && !this.#added.has(name)) return;
    if (this.#waiting.length >= MAX_WAITING_EVENTS) {
      this.#dropped++;
      // A listener that never keeps up never has an empty queue either.
      if (this.#clock.nowMs() - this.#reportedMs >= DROPS_REPORT_MS) this.#reportDropped();
      return;
    }
    this.#waiting.push(() => this.#tell(name, event));
    this.#tellSoon();
  }

  /** Those of one event hear it one after the other, the one given to `NodeHost.create` first. */
  listen<Name extends keyof HostEvents>(
    name: Name,
    listener: (event: HostEvents[Name]) => unknown,
    clusterID?: number,
  ): () => void {
    const ofEvent = this.#added.get(name) ?? new Map<number | undefined, Set<AnyListener>>();
    const ofGroup = ofEvent.get(clusterID) ?? new Set();
    this.#added.set(name, ofEvent);
    ofEvent.set(clusterID, ofGroup);
    const each: AnyListener = (event) => listener(event); // one of its own for each call
    ofGroup.add(each);
    return () => {
      ofGroup.delete(each);
      if (ofGroup.size === 0 && ofEvent.get(clusterID) === ofGroup) ofEvent.delete(clusterID);
      if (ofEvent.size === 0 && this.#added.get(name) === ofEvent) this.#added.delete(name);
    };
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
    this.#call(name, () => this.#listener[name]?.(event));
    const ofEvent = this.#added.get(name);
    if (ofEvent === undefined) return;
    const clusterID = groupOf(event);
    const all = [...(ofEvent.get(undefined) ?? [])];
    if (clusterID !== undefined) all.push(...(ofEvent.get(clusterID) ?? []));
    for (const listener of all)
      this.#call(name, () => (listener as (event: HostEvents[Name]) => unknown)(event));
  }

  #call(name: keyof HostEvents, listener: () => unknown): void {
    const failed = (error: unknown): void =>
      this.#log.error('a listener failed', { event: name, err: error });
    try {
      const returned = listener();
      // A listener may return anything; only the end of a promise is of interest.
      if (isThenable(returned)) returned.then(undefined, failed);
    } catch (error) {
      failed(error);
    }
  }
}
