import type { Damage } from '@drakkar/raftio';
import type { IEventSink } from '../runtime/event-sink.js';
import type { TransportEvents } from './transport-events.js';
import type { ILogger } from '../logging/logger.js';
import type { IClock } from '../runtime/clock.js';

const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 3_600_000;
/** Hosts remembered at most. Who makes addresses up has the oldest forgotten. */
const MAX_PEERS = 1_024;

interface PeerState {
  nextMs: number;
  pauseMs: number;
  /** Since it was last logged. */
  unlogged: number;
}

/**
 * Tells of damage to what other hosts send: the listener each time, the log once for each host and then after pauses
 * that double, since a faulty network card may damage something every second.
 */
export class DamageLog {
  readonly #events: IEventSink<TransportEvents>;
  readonly #clock: IClock;
  readonly #log: ILogger;
  readonly #peers = new Map<string, PeerState>();

  constructor(events: IEventSink<TransportEvents>, clock: IClock, log: ILogger) {
    this.#events = events;
    this.#clock = clock;
    this.#log = log;
  }

  notice({ part, peer, from, reason }: Damage): void {
    this.#events.emit('messageDamaged', { part, peer, address: from });
    const nowMs = this.#clock.nowMs();
    const state = this.#stateOf(from ?? hostOf(peer));
    state.unlogged += 1;
    if (nowMs < state.nextMs) return;
    const { unlogged } = state;
    state.unlogged = 0;
    state.nextMs = nowMs + state.pauseMs;
    state.pauseMs = Math.min(state.pauseMs * 2, LONGEST_PAUSE_MS);
    const advice =
      part === 'entry' ? 'check the memory and disk of that host' : 'check the network, or use mutual TLS';
    this.#log.error(`what a host sent was damaged, and its connection was ended: ${advice}`, {
      from,
      peer,
      part,
      reason,
      times: unlogged,
    });
  }

  #stateOf(name: string): PeerState {
    const known = this.#peers.get(name);
    if (known !== undefined) return known;
    const [oldest] = this.#peers.keys();
    if (this.#peers.size >= MAX_PEERS && oldest !== undefined) this.#peers.delete(oldest);
    const state = { nextMs: 0, pauseMs: FIRST_PAUSE_MS, unlogged: 0 };
    this.#peers.set(name, state);
    return state;
  }
}

/** Without the port, which is another one for each connection. */
function hostOf(peer: string): string {
  return peer.slice(0, Math.max(0, peer.lastIndexOf(':')));
}
