import type { RaftRPCModule } from '@drakkar/raftio';
import { integerOptionsSchema } from '@drakkar/raftio/transport';
import { OPTIONS, type TcpOptions, resolveOptions } from './options.js';
import { TcpRaftRPC } from './tcp-raft-rpc.js';

/** Chosen in a configuration by the path of this file: `transport: { module: ./examples/transport-tcp/dist/index.js }`. */
export const adapterModule: RaftRPCModule = {
  kind: 'transport',
  name: 'tcp',
  capabilities: { mutualTLS: true, snapshots: true, network: true },
  optionsSchema: integerOptionsSchema('Options of the tcp transport', OPTIONS),
  create(options: Partial<TcpOptions>) {
    const resolved = resolveOptions(options);
    return (config, requestHandler, chunkSinkFactory) =>
      new TcpRaftRPC(config, requestHandler, chunkSinkFactory, resolved);
  },
};
