import type { OptionsSchema } from '@drakkar/raftio';
import {
  type IntegerOption,
  MAX_TIMER_MS,
  integerOption,
  integerOptionsSchema,
  resolveIntegerOptions,
} from '@drakkar/raftio/transport';

const PEER_CHOICES = ['drakkar', 'dragonboat'] as const;
/** What the other hosts of the deployment speak. */
export type Peers = (typeof PEER_CHOICES)[number];

/** Options of the TCP transport. `peers` must be, and the liveness options should be, the same on every host. */
export interface TcpTransportOptions {
  /**
   * `drakkar`: every host has this transport, so hosts say hello, are watched for signs of life, and confirm the chunks
   * of a snapshot. `dragonboat`: some are hosts of Dragonboat v2.1.7 with its own transport on TCP, which knows none of
   * that. Default `drakkar`.
   */
  peers?: Peers;
  /** Longest time to set a connection up: name lookup, TCP, TLS and hello together. Default 5000. */
  connectTimeoutMs?: number;
  /** Longest time that a client of this host may take for its TLS handshake and hello. Default 5000. */
  handshakeTimeoutMs?: number;
  /** An idle connection is pinged this often, or three times per `deadPeerTimeoutMs` if sooner. Default 2000. */
  pingIntervalMs?: number;
  /**
   * A connection on which nothing has arrived for this long is given up; with Dragonboat's hosts, one on which a frame
   * is under way and does not proceed. Default 10000.
   */
  deadPeerTimeoutMs?: number;
  /** Time that a closing connection gets to send what is buffered and part in order. Default 1000. */
  closeTimeoutMs?: number;
  /** Incoming connections held at a time; further ones are dropped. Default 1024. */
  maxConnections?: number;
  /**
   * Bytes buffered for one peer from which `sendMessageBatch` stays pending; the host's `sendBufferBytes` applies
   * when it is lower. Default 8 MiB.
   */
  highWaterMarkBytes?: number;
  /** Bytes of snapshot chunks sent but not yet taken by the peer before `sendSnapshotChunk` waits. Default 8 MiB. */
  snapshotWindowBytes?: number;
}

type IntegerName = Exclude<keyof TcpTransportOptions, 'peers'>;
export type ResolvedOptions = Readonly<Record<IntegerName, number>> & { readonly peers: Peers };

const MIB = 1024 * 1024;
const properties: Record<IntegerName, IntegerOption> = {
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

const peersProperty = {
  type: 'string',
  enum: PEER_CHOICES,
  default: 'drakkar',
  description: 'What the other hosts speak: drakkar, or the TCP transport of dragonboat (v2.1.7).',
};

export const optionsSchema: OptionsSchema = {
  ...integerOptionsSchema('Options of the TCP transport', {}),
  properties: { peers: peersProperty, ...properties },
};

/** The options with defaults for what is missing. Throws RangeError or TypeError for what the schema would refuse. */
export function resolveOptions(
  options: Readonly<Record<string, unknown>> | TcpTransportOptions,
): ResolvedOptions {
  const { peers = 'drakkar', ...rest } = options;
  if (!isPeerChoice(peers)) {
    throw new RangeError(
      `option 'peers' of the tcp transport must be one of ${PEER_CHOICES.join(', ')}, not ${JSON.stringify(peers)}`,
    );
  }
  return { ...resolveIntegerOptions('the tcp transport', properties, rest), peers };
}

function isPeerChoice(value: unknown): value is Peers {
  return PEER_CHOICES.some((choice) => choice === value);
}
