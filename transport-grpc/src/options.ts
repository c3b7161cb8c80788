import type { OptionsSchema } from '@drakkar/raftio';
import {
  type IntegerOption,
  MAX_TIMER_MS,
  integerOption,
  integerOptionsSchema,
  resolveIntegerOptions,
} from '@drakkar/raftio/transport';

/** Options of the gRPC transport. */
export interface GrpcTransportOptions {
  /** Longest time to set a connection up: name lookup, TCP, TLS and HTTP/2 together. Default 5000. */
  connectTimeoutMs?: number;
  /** Longest time that a client of this host may take from connecting to calling a method. Default 5000. */
  handshakeTimeoutMs?: number;
  /** This host pings its clients this often. Default 2000. */
  pingIntervalMs?: number;
  /** A connection on which nothing at all has arrived for this long is given up. Default 10000. */
  deadPeerTimeoutMs?: number;
  /** Time that a closing connection gets to send what is buffered and part in order. Default 1000. */
  closeTimeoutMs?: number;
  /** Incoming connections held at a time; further ones are dropped. Two per peer are the rule. Default 1024. */
  maxConnections?: number;
  /** Calls under way at a time on one incoming connection. Hosts use one; a proxy may use more. Default 4. */
  maxStreamsPerConnection?: number;
  /**
   * Bytes written to one peer and not yet taken over by the operating system from which `sendMessageBatch` stays
   * pending; the host's `sendBufferBytes` applies when it is lower. Default 8 MiB.
   */
  highWaterMarkBytes?: number;
  /** Bytes that a client of this host may send ahead of what is read, per connection. Default 4 MiB. */
  receiveWindowBytes?: number;
  /**
   * A host that is connected to and has said nothing of itself for this long is taken for one of Dragonboat, which never
   * does; until then nothing is sent to it. Hosts of Drakkar speak within a round trip. Default 500.
   */
  dragonboatSilenceMs?: number;
}

export type ResolvedOptions = Readonly<Required<GrpcTransportOptions>>;

const KIB = 1024;
const MIB = 1024 * KIB;
/** What HTTP/2 begins with; a smaller window would have to be closed while it is in use. */
const SMALLEST_WINDOW_BYTES = 64 * KIB;

const properties: Record<keyof GrpcTransportOptions, IntegerOption> = {
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
    'Longest time that a client may take from connecting to calling a method.',
  ),
  pingIntervalMs: integerOption(2000, 10, MAX_TIMER_MS, 'How often this host pings its clients.'),
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
  maxStreamsPerConnection: integerOption(4, 1, 1000, 'Calls under way at a time on one incoming connection.'),
  highWaterMarkBytes: integerOption(
    8 * MIB,
    1,
    1024 * MIB,
    "Bytes buffered for one peer from which senders wait; at most the host's own send buffer limit.",
  ),
  receiveWindowBytes: integerOption(
    4 * MIB,
    SMALLEST_WINDOW_BYTES,
    1024 * MIB,
    'Bytes that a client may send ahead of what is read.',
  ),
  dragonboatSilenceMs: integerOption(
    500,
    1,
    MAX_TIMER_MS,
    'A host that says nothing of itself for this long is taken for one of Dragonboat.',
  ),
};

export const optionsSchema: OptionsSchema = integerOptionsSchema('Options of the gRPC transport', properties);

/** The options with defaults for what is missing. Throws RangeError or TypeError for what the schema would refuse. */
export function resolveOptions(
  options: Readonly<Record<string, unknown>> | GrpcTransportOptions,
): ResolvedOptions {
  return resolveIntegerOptions('the grpc transport', properties, options);
}
