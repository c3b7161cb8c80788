import {
  type ChunkSinkFactory,
  type IRaftRPC,
  type RaftRPCConfig,
  type RaftRPCModule,
  type RequestHandler,
} from '@drakkar/raftio';
import { type TcpTransportOptions, optionsSchema, resolveOptions } from './options.js';
import { TcpRaftRPC } from './tcp-raft-rpc.js';

export type { Peers, TcpTransportOptions } from './options.js';

/**
 * A transport on TCP. Throws RangeError or TypeError for an option that doesn't exist or is out of range.
 */
export function createTcpRaftRPC(
  config: RaftRPCConfig,
  requestHandler: RequestHandler,
  chunkSinkFactory: ChunkSinkFactory,
  options: TcpTransportOptions = {},
): IRaftRPC {
  return new TcpRaftRPC(config, requestHandler, chunkSinkFactory, resolveOptions(options));
}

/** What the host's configuration loads: `transport: { module: '@drakkar/transport-tcp', options: … }`. */
export const adapterModule: RaftRPCModule = {
  kind: 'transport',
  name: 'tcp',
  capabilities: { mutualTLS: true, snapshots: true, network: true },
  optionsSchema,
  create(options) {
    const resolved = resolveOptions(options);
    return (config, requestHandler, chunkSinkFactory) =>
      new TcpRaftRPC(config, requestHandler, chunkSinkFactory, resolved);
  },
};
