import type { ChunkSinkFactory, IRaftRPC, RaftRPCConfig, RequestHandler } from '@drakkar/raftio';
import type { RPCHarness } from '../rpc/harness.js';
import { MemoryHub } from './memory-hub.js';
import { MEMORY_RPC_CAPABILITIES, MemoryRPC } from './memory-rpc.js';

export type MakeMemoryRPC = (
  hub: MemoryHub,
  config: RaftRPCConfig,
  requestHandler: RequestHandler,
  chunkSinkFactory: ChunkSinkFactory,
) => IRaftRPC;

/** The harness of the reference transport, or of a variant of it. */
export function memoryRPCHarness(
  make: MakeMemoryRPC = (hub, config, handler, sinks) => new MemoryRPC(hub, config, handler, sinks),
  name = 'reference-rpc',
): RPCHarness {
  return {
    name,
    capabilities: MEMORY_RPC_CAPABILITIES,
    setup: () => {
      const hub = new MemoryHub();
      return Promise.resolve({
        create: (config, requestHandler, chunkSinkFactory) =>
          make(hub, config, requestHandler, chunkSinkFactory),
        newAddress: () => Promise.resolve(hub.newAddress()),
        link: (target) => Promise.resolve(hub.link(target)),
        teardown: () => Promise.resolve(),
      });
    },
  };
}
