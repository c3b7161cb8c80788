import type { OptionsSchema } from '@drakkar/raftio';
import {
  CONNECTION_OPTIONS,
  type ConnectionOptions,
  type IntegerOption,
  MAX_TIMER_MS,
  integerOption,
  integerOptionsSchema,
  resolveChoice,
  resolveIntegerOptions,
  snapshotWindow,
} from '@drakkar/raftio/transport';
import { ENGINE_NAMES } from './engine.js';

const ENGINE_CHOICES = ['auto', ...ENGINE_NAMES] as const;
export type EngineChoice = (typeof ENGINE_CHOICES)[number];

/**
 * Options of the QUIC transport. The engine must be the same on every host. By default connections are pinged each second.
 */
export interface QuicTransportOptions extends ConnectionOptions {
  /**
   * What carries the bytes: `quic` (raw QUIC), `webtransport` (over HTTP/3, needs an optional package),
   * `webtransport-h2` (over HTTP/2, without UDP), or `auto`: webtransport if its package loads, else quic. Default
   * `auto`.
   */
  engine?: EngineChoice;
  /** Bytes of messages that one peer may have under way to this host. Default 4 MiB. */
  receiveWindowBytes?: number;
  /** Bytes of snapshot chunks sent but not yet taken by the receiver, on either side. Default 4 MiB. */
  snapshotWindowBytes?: number;
}

type IntegerName = Exclude<keyof QuicTransportOptions, 'engine'>;
export type ResolvedOptions = Readonly<Record<IntegerName, number>> & { readonly engine: EngineChoice };

const OWNER = 'the quic transport';
const KIB = 1024;
const MIB = 1024 * KIB;
const MAX_BUFFER_BYTES = 1024 * MIB;
/** A window takes a few frames at least. */
const MIN_WINDOW_BYTES = 64 * KIB;

const integers: Record<IntegerName, IntegerOption> = {
  ...CONNECTION_OPTIONS,
  pingIntervalMs: integerOption(1000, 10, MAX_TIMER_MS, 'How often an open connection says something.'),
  maxConnections: integerOption(1024, 1, 10_000, 'Incoming connections held at a time.'),
  receiveWindowBytes: integerOption(
    4 * MIB,
    MIN_WINDOW_BYTES,
    MAX_BUFFER_BYTES,
    'Bytes of messages that one peer may have under way to this host.',
  ),
  snapshotWindowBytes: snapshotWindow(4 * MIB, MIN_WINDOW_BYTES),
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
  return {
    engine: resolveChoice(OWNER, 'engine', ENGINE_CHOICES, engine),
    ...resolveIntegerOptions(OWNER, integers, rest),
  };
}
