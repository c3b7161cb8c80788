import {
  type ChunkSinkFactory,
  type IRaftRPC,
  type RaftRPCConfig,
  type RaftRPCFactory,
  RaftRPCFactoryID,
  type RaftRPCModule,
  type RequestHandler,
} from '@drakkar/raftio';
import { ContainerModule } from 'inversify';
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
  createModule(options) {
    const resolved = resolveOptions(options);
    const factory: RaftRPCFactory = (config, requestHandler, chunkSinkFactory) =>
      new WsRaftRPC(config, requestHandler, chunkSinkFactory, resolved);
    return new ContainerModule(({ bind }) => {
      bind<RaftRPCFactory>(RaftRPCFactoryID).toConstantValue(factory);
    });
  },
};
