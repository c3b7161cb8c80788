import {
  type ChunkSinkFactory,
  type IRaftRPC,
  type RaftRPCConfig,
  type RaftRPCModule,
  type RequestHandler,
} from '@drakkar/raftio';
import { type QuicTransportOptions, optionsSchema, resolveOptions } from './options.js';
import { QuicRaftRPC } from './quic-raft-rpc.js';

export type { EngineChoice, QuicTransportOptions } from './options.js';

/** A QUIC transport. Throws RangeError or TypeError for an option that doesn't exist or is out of range. */
export function createQuicRaftRPC(
  config: RaftRPCConfig,
  requestHandler: RequestHandler,
  chunkSinkFactory: ChunkSinkFactory,
  options: QuicTransportOptions = {},
): IRaftRPC {
  return new QuicRaftRPC(config, requestHandler, chunkSinkFactory, resolveOptions(options));
}

/** What the host's configuration loads: `transport: { module: '@drakkar/transport-quic', options: … }`. */
export const adapterModule: RaftRPCModule = {
  kind: 'transport',
  name: 'quic',
  capabilities: { mutualTLS: true, snapshots: true, network: true },
  optionsSchema,
  create(options) {
    const resolved = resolveOptions(options);
    return (config, requestHandler, chunkSinkFactory) =>
      new QuicRaftRPC(config, requestHandler, chunkSinkFactory, resolved);
  },
};
