import {
  type ChunkSinkFactory,
  type IRaftRPC,
  type RaftRPCConfig,
  type RaftRPCModule,
  type RequestHandler,
} from '@drakkar/raftio';
import { GrpcRaftRPC } from './grpc-raft-rpc.js';
import { type GrpcTransportOptions, optionsSchema, resolveOptions } from './options.js';

export type { GrpcTransportOptions } from './options.js';

/**
 * A gRPC transport. Throws RangeError or TypeError for an option that doesn't exist or is out of range.
 */
export function createGrpcRaftRPC(
  config: RaftRPCConfig,
  requestHandler: RequestHandler,
  chunkSinkFactory: ChunkSinkFactory,
  options: GrpcTransportOptions = {},
): IRaftRPC {
  return new GrpcRaftRPC(config, requestHandler, chunkSinkFactory, resolveOptions(options));
}

/** What the host's configuration loads: `transport: { module: '@drakkar/transport-grpc', options: … }`. */
export const adapterModule: RaftRPCModule = {
  kind: 'transport',
  name: 'grpc',
  capabilities: { mutualTLS: true, snapshots: true, network: true },
  optionsSchema,
  create(options) {
    const resolved = resolveOptions(options);
    return (config, requestHandler, chunkSinkFactory) =>
      new GrpcRaftRPC(config, requestHandler, chunkSinkFactory, resolved);
  },
};
