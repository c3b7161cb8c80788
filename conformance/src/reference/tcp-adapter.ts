import type { RaftRPCModule } from '@drakkar/raftio';
import { TCP_RPC_CAPABILITIES, TCP_RULES, TcpRPC, type TcpRules } from './tcp-rpc.js';

/** The reference over TCP as a package would export it, so that it can be run in processes of its own. */
export const adapterModule: RaftRPCModule = {
  kind: 'transport',
  name: 'tcp',
  capabilities: TCP_RPC_CAPABILITIES,
  optionsSchema: { type: 'object' },
  create(options) {
    const rules: TcpRules = { ...TCP_RULES, ...options };
    return (config, requestHandler, chunkSinkFactory) =>
      new TcpRPC(config, requestHandler, chunkSinkFactory, rules);
  },
};
