import type { OptionsSchema } from '@drakkar/raftio';
import {
  type IntegerOption,
  MAX_TIMER_MS,
  integerOption,
  integerOptionsSchema,
  resolveIntegerOptions,
} from '@drakkar/raftio/transport';
import { ENGINE_NAMES } from './engine.js';

const ENGINE_CHOICES = ['auto', ...ENGINE_NAMES] as const;
export type EngineChoice = (typeof ENGINE_CHOICES)[number];

/** Options of the QUIC transport. The engine must be, and the liveness options should be, the same on every host. */
export interface QuicTransportOptions {
  /**
   * What carries the bytes: `quic` (raw QUIC), `webtransport` (over HTTP/3, needs an optional package),
   * `webtransport-h2` (over HTTP/2, without UDP), or `auto`: webtransport if its package loads, else quic. Default
   * `auto`.
   */
  engine?: EngineChoice;
  /** Longest time to set a connection up: name lookup, TLS, hello and proofs together. Default 5000. */
  connectTimeoutMs?: number;
  /** Longest time that a client of this host may take for the same before it is cut off. Default 5000. */
  handshakeTimeoutMs?: number;
  /** An open connection says something this often, or three times per `deadPeerTimeoutMs` if sooner. Default 1000. */
  pingIntervalMs?: number;
  /** A connection on which nothing at all has arrived for this long is given up. Default 5000. */
  deadPeerTimeoutMs?: number;
  /** Time that a closing connection gets to send what is buffered and part in order. Default 1000. */
  closeTimeoutMs?: number;
  /** Incoming connections held at a time; further ones are dropped. Two per peer are the rule. Default 1024. */
  maxConnections?: number;
  /**
   * Bytes outstanding for one peer from which `sendMessageBatch` stays pending; the host's `sendBufferBytes` applies
   * when it is lower. Default 8 MiB.
   */
  highWaterMarkBytes?: number;
  /** Bytes of messages that one peer may have under way to this host. Default 4 MiB. */
  receiveWindowBytes?: number;
  /** Bytes of snapshot chunks sent but not yet taken by the receiver, on either side. Default 4 MiB. */
  snapshotWindowBytes?: number;
}

type IntegerName = Exclude<keyof QuicTransportOptions, 'engine'>;
export type ResolvedOptions = Readonly<Record<IntegerName, number>> & { readonly engine: EngineChoice };

const KIB = 1024;
const MIB = 1024 * KIB;
const MAX_BUFFER_BYTES = 1024 * MIB;
/** A window takes a few frames at least. */
const MIN_WINDOW_BYTES = 64 * KIB;

const integers: Record<IntegerName, IntegerOption> = {
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
  pingIntervalMs: integerOption(1000, 10, MAX_TIMER_MS, 'How often an open connection says something.'),
  // Over UDP silence is all that is heard of a dead peer; TCP would mostly be told by its system.
  deadPeerTimeoutMs: integerOption(5000, 50, MAX_TIMER_MS, 'A connection silent for this long is given up.'),
  closeTimeoutMs: integerOption(
    1000,
    1,
    MAX_TIMER_MS,
    'Time that a closing connection gets to part in order.',
  ),
  maxConnections: integerOption(1024, 1, 10_000, 'Incoming connections held at a time.'),
  highWaterMarkBytes: integerOption(
    8 * MIB,
    1,
    MAX_BUFFER_BYTES,
    "Bytes outstanding for one peer from which senders wait; at most the host's own send buffer limit.",
  ),
  receiveWindowBytes: integerOption(
    4 * MIB,
    MIN_WINDOW_BYTES,
    MAX_BUFFER_BYTES,
    'Bytes of messages that one peer may have under way to this host.',
  ),
  snapshotWindowBytes: integerOption(
    4 * MIB,
    MIN_WINDOW_BYTES,
    MAX_BUFFER_BYTES,
    'Bytes of snapshot chunks on their way before the sender waits.',
  ),
};

const engineProperty = {
  type: 'string',
  enum: ENGINE_CHOICES,
  default: 'auto',
  description:
    'What carries the bytes, the same on every host: quic, webtransport (HTTP/3), webtransport-h2 (HTTP/2 over TCP), or auto.',
};

export const optionsSchema: OptionsSchema = {
  ...integerOptionsSchema('Options of the QUIC transport', {}),
  properties: { engine: engineProperty, ...integers },
};

/** The options with defaults for what is missing. Throws RangeError or TypeError for what the schema would refuse. */
export function resolveOptions(
  options: Readonly<Record<string, unknown>> | QuicTransportOptions,
): ResolvedOptions {
  const { engine = 'auto', ...rest } = options;
  if (!isEngineChoice(engine)) {
    throw new RangeError(
      `option 'engine' of the quic transport must be one of ${ENGINE_CHOICES.join(', ')}, not ${JSON.stringify(engine)}`,
    );
  }
  return { ...resolveIntegerOptions('the quic transport', integers, rest), engine };
}

function isEngineChoice(value: unknown): value is EngineChoice {
  return ENGINE_CHOICES.some((choice) => choice === value);
}
