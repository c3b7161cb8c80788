import {
  type ChunkSinkFactory,
  type IRaftRPC,
  type RaftRPCConfig,
  type RaftRPCModule,
  type RequestHandler,
} from '@drakkar/raftio';
import { type WsTransportOptions, optionsSchema, resolveOptions } from './options.js';
import { WsRaftRPC } from './ws-raft-rpc.js';

export type { WsTransportOptions } from './options.js';

/**
 * A WebSocket transport. Throws RangeError or TypeError for an option that doesn't exist or is out of range.
 */
export function createWsRaftRPC(
  config: RaftRPCConfig,
  requestHandler: RequestHandler,
  chunkSinkFactory: ChunkSinkFactory,
  options: WsTransportOptions = {},
): IRaftRPC {
  return new WsRaftRPC(config, requestHandler, chunkSinkFactory, resolveOptions(options));
}

/** What the host's configuration loads: `transport: { module: '@drakkar/transport-ws', options: … }`. */
export const adapterModule: RaftRPCModule = {
  kind: 'transport',
  name: 'ws',
  capabilities: { mutualTLS: true, snapshots: true, network: true },
  optionsSchema,
  create(options) {
    const resolved = resolveOptions(options);
    return (config, requestHandler, chunkSinkFactory) =>
      new WsRaftRPC(config, requestHandler, chunkSinkFactory, resolved);
  },
};
