import { type RaftRPCFactory, RaftRPCFactoryID, type RaftRPCModule } from '@drakkar/raftio';
import { integerOptionsSchema } from '@drakkar/raftio/transport';
import { ContainerModule } from 'inversify';
import { OPTIONS, type TcpOptions, resolveOptions } from './options.js';
import { TcpRaftRPC } from './tcp-raft-rpc.js';

/** Chosen in a configuration by the path of this file: `transport: { module: ./examples/transport-tcp/dist/index.js }`. */
export const adapterModule: RaftRPCModule = {
  kind: 'transport',
  name: 'tcp',
  capabilities: { mutualTLS: true, snapshots: true, network: true },
  optionsSchema: integerOptionsSchema('Options of the tcp transport', OPTIONS),
  createModule(options: Partial<TcpOptions>) {
    const resolved = resolveOptions(options);
    const factory: RaftRPCFactory = (config, requestHandler, chunkSinkFactory) =>
      new TcpRaftRPC(config, requestHandler, chunkSinkFactory, resolved);
    return new ContainerModule(({ bind }) => {
      bind(RaftRPCFactoryID).toConstantValue(factory);
    });
  },
};
