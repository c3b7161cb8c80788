import type { OptionsSchema } from '@drakkar/raftio';
import {
  type IntegerOption,
  MAX_TIMER_MS,
  integerOption,
  integerOptionsSchema,
  resolveIntegerOptions,
} from '@drakkar/raftio/transport';

/** Options of the WebSocket transport. Liveness options should be the same on every host. */
export interface WsTransportOptions {
  /** Longest time to set a connection up: name lookup, TCP, TLS and WebSocket handshakes together. Default 5000. */
  connectTimeoutMs?: number;
  /** Longest time that a client of this host may take for its handshakes before it is cut off. Default 5000. */
  handshakeTimeoutMs?: number;
  /**
   * An idle connection is pinged this often, by both sides, or three times per `deadPeerTimeoutMs` when that is
   * shorter. Default 2000.
   */
  pingIntervalMs?: number;
  /** A connection on which nothing at all has arrived for this long is given up. Default 10000. */
  deadPeerTimeoutMs?: number;
  /** Time that a closing connection gets to send what is buffered and part in order. Default 1000. */
  closeTimeoutMs?: number;
  /** Incoming connections held at a time; further ones are dropped. Two per peer are the rule. Default 1024. */
  maxConnections?: number;
  /**
   * Bytes buffered for one peer from which `sendMessageBatch` stays pending; the host's `sendBufferBytes` applies
   * when it is lower. Default 8 MiB.
   */
  highWaterMarkBytes?: number;
  /** Bytes of snapshot chunks sent but not yet taken by the peer before `sendSnapshotChunk` waits. Default 8 MiB. */
  snapshotWindowBytes?: number;
}

export type ResolvedOptions = Readonly<Required<WsTransportOptions>>;

const MIB = 1024 * 1024;
const properties: Record<keyof WsTransportOptions, IntegerOption> = {
  connectTimeoutMs: integerOption(
    5000,
    1,
    MAX_TIMER_MS,
    'Longest time to set up a connection to another host.',
  ),
  handshakeTimeoutMs: integerOption(
    5000,
    1,
    MAX_TIMER_MS,
    'Longest time that a client may take for its handshakes.',
  ),
  pingIntervalMs: integerOption(2000, 10, MAX_TIMER_MS, 'How often an idle connection is pinged.'),
  deadPeerTimeoutMs: integerOption(
    10_000,
    50,
    MAX_TIMER_MS,
    'A connection silent for this long is given up.',
  ),
  closeTimeoutMs: integerOption(
    1000,
    1,
    MAX_TIMER_MS,
    'Time that a closing connection gets to part in order.',
  ),
  maxConnections: integerOption(1024, 1, 1_000_000, 'Incoming connections held at a time.'),
  highWaterMarkBytes: integerOption(
    8 * MIB,
    1,
    1024 * MIB,
    "Bytes buffered for one peer from which senders wait; at most the host's own send buffer limit.",
  ),
  snapshotWindowBytes: integerOption(
    8 * MIB,
    1,
    1024 * MIB,
    'Bytes of snapshot chunks on their way before the sender waits.',
  ),
};

export const optionsSchema: OptionsSchema = integerOptionsSchema(
  'Options of the WebSocket transport',
  properties,
);

/** The options with defaults for what is missing. Throws RangeError or TypeError for what the schema would refuse. */
export function resolveOptions(
  options: Readonly<Record<string, unknown>> | WsTransportOptions,
): ResolvedOptions {
  return resolveIntegerOptions('the ws transport', properties, options);
}
