import type { OptionsSchema } from '@drakkar/raftio';
import {
  CONNECTION_OPTIONS,
  type ConnectionOptions,
  type IntegerOption,
  integerOptionsSchema,
  resolveChoice,
  resolveIntegerOptions,
  snapshotWindow,
} from '@drakkar/raftio/transport';

const PEER_CHOICES = ['drakkar', 'dragonboat'] as const;
/** What the other hosts of the deployment speak. */
export type Peers = (typeof PEER_CHOICES)[number];

/**
 * Options of the TCP transport. `peers` must be the same on every host. With Dragonboat's hosts, `deadPeerTimeoutMs`
 * ends a connection on which a frame is under way and does not proceed.
 */
export interface TcpTransportOptions extends ConnectionOptions {
  /**
   * `drakkar`: every host has this transport, so hosts say hello, are watched for signs of life, and confirm the chunks
   * of a snapshot. `dragonboat`: some are hosts of Dragonboat v2.1.7 with its own transport on TCP, which knows none of
   * that. Default `drakkar`.
   */
  peers?: Peers;
  /** Bytes of snapshot chunks sent but not yet taken by the peer before `sendSnapshotChunk` waits. Default 8 MiB. */
  snapshotWindowBytes?: number;
}

type IntegerName = Exclude<keyof TcpTransportOptions, 'peers'>;
export type ResolvedOptions = Readonly<Record<IntegerName, number>> & { readonly peers: Peers };

const OWNER = 'the tcp transport';

const properties: Record<IntegerName, IntegerOption> = {
  ...CONNECTION_OPTIONS,
  snapshotWindowBytes: snapshotWindow(8 * 1024 * 1024, 1),
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
  return {
    peers: resolveChoice(OWNER, 'peers', PEER_CHOICES, peers),
    ...resolveIntegerOptions(OWNER, properties, rest),
  };
}
