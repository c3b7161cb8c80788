import type {
  ChunkSinkFactory,
  IChunkSink,
  IConnection,
  IRaftRPC,
  ISnapshotConnection,
  RequestHandler,
} from '@drakkar/raftio';
import { type MakeMemoryRPC } from '../reference/memory-rpc-harness.js';
import { MemoryRPC } from '../reference/memory-rpc.js';
import { turn } from '../suite/wait.js';
import { wrapRPC } from '../faults/wrap.js';

export interface RPCBug {
  name: string;
  caughtBy: readonly string[];
  make: MakeMemoryRPC;
}

/** Asked of bugs that are asked no more than the cases that are named, so that one that breaks all is not caught by that. */
export const SOUND_RPC: readonly string[] = [
  'RPC-LIFE-1',
  'RPC-CONN-3',
  'RPC-DELIVER-2',
  'RPC-ORDER-2',
  'RPC-SNAP-1',
  'RPC-STOP-1',
];

export async function turns(count: number): Promise<void> {
  for (let done = 0; done < count; done++) await turn();
}

/** Every call of the transport itself may be overridden. */
export function bug(
  name: string,
  caughtBy: readonly string[],
  overrides: (inner: IRaftRPC, ...made: Parameters<MakeMemoryRPC>) => Partial<IRaftRPC>,
): RPCBug {
  return {
    name,
    caughtBy,
    make: (...made) => {
      const inner = new MemoryRPC(...made);
      return wrapRPC(inner, overrides(inner, ...made));
    },
  };
}

/** A bug between the network and the host's request handler. */
export function receivingBug(
  name: string,
  caughtBy: readonly string[],
  wrap: (handler: RequestHandler) => RequestHandler,
): RPCBug {
  return {
    name,
    caughtBy,
    make: (hub, config, handler, sinks) => new MemoryRPC(hub, config, wrap(handler), sinks),
  };
}

/** A bug in every connection that a transport makes. */
export function connectionBug(
  name: string,
  caughtBy: readonly string[],
  wrap: (inner: IConnection, target: string) => IConnection,
): RPCBug {
  return bug(name, caughtBy, (inner) => ({
    getConnection: async (target, signal) => wrap(await inner.getConnection(target, signal), target),
  }));
}

/** A bug in every snapshot connection that a transport makes. */
export function streamBug(
  name: string,
  caughtBy: readonly string[],
  wrap: (inner: ISnapshotConnection) => ISnapshotConnection,
): RPCBug {
  return bug(name, caughtBy, (inner) => ({
    getSnapshotConnection: async (target, signal) => wrap(await inner.getSnapshotConnection(target, signal)),
  }));
}

/** A bug between the network and the sinks. */
export function sinkBug(
  name: string,
  caughtBy: readonly string[],
  wrap: (make: ChunkSinkFactory) => ChunkSinkFactory,
): RPCBug {
  return {
    name,
    caughtBy,
    make: (hub, config, handler, sinks) => new MemoryRPC(hub, config, handler, wrap(sinks)),
  };
}

/** Forwards to the sink, but for what is overridden. */
export const wrapSink = (inner: IChunkSink, overrides: Partial<IChunkSink>): IChunkSink => ({
  addChunk: (chunk) => inner.addChunk(chunk),
  close: () => {
    inner.close();
  },
  ...overrides,
});
