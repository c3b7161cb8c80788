import type { OptionsSchema } from '@drakkar/raftio';
import {
  CONNECTION_OPTIONS,
  type ConnectionOptions,
  type IntegerOption,
  MAX_TIMER_MS,
  integerOption,
  integerOptionsSchema,
  resolveIntegerOptions,
} from '@drakkar/raftio/transport';

/** Options of the gRPC transport. */
export interface GrpcTransportOptions extends ConnectionOptions {
  /** Calls under way at a time on one incoming connection. Hosts use one; a proxy may use more. Default 4. */
  maxStreamsPerConnection?: number;
  /** Bytes that a client of this host may send ahead of what is read, per connection. Default 4 MiB. */
  receiveWindowBytes?: number;
  /**
   * A host that is connected to and has said nothing of itself for this long is taken for one of Dragonboat, which never
   * does; until then nothing is sent to it. Hosts of Drakkar speak within a round trip. Longer where it took longer to
   * connect. Default 500.
   */
  dragonboatSilenceMs?: number;
}

export type ResolvedOptions = Readonly<Required<GrpcTransportOptions>>;

const KIB = 1024;
const MIB = 1024 * KIB;
/** What HTTP/2 begins with; a smaller window would have to be closed while it is in use. */
const SMALLEST_WINDOW_BYTES = 64 * KIB;

const properties: Record<keyof GrpcTransportOptions, IntegerOption> = {
  ...CONNECTION_OPTIONS,
  maxStreamsPerConnection: integerOption(4, 1, 1000, 'Calls under way at a time on one incoming connection.'),
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
