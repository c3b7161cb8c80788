import type { OptionsSchema } from '@drakkar/raftio';
import {
  CONNECTION_OPTIONS,
  type ConnectionOptions,
  type IntegerOption,
  integerOptionsSchema,
  resolveIntegerOptions,
  snapshotWindow,
} from '@drakkar/raftio/transport';

/** Options of the WebSocket transport. */
export interface WsTransportOptions extends ConnectionOptions {
  /** Bytes of snapshot chunks sent but not yet taken by the peer before `sendSnapshotChunk` waits. Default 8 MiB. */
  snapshotWindowBytes?: number;
}

export type ResolvedOptions = Readonly<Required<WsTransportOptions>>;

const properties: Record<keyof WsTransportOptions, IntegerOption> = {
  ...CONNECTION_OPTIONS,
  snapshotWindowBytes: snapshotWindow(8 * 1024 * 1024, 1),
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
