import type { ChunkSinkFactory, IChunkSink, SnapshotChunk } from '@drakkar/raftio';
import { MemoryRPC } from '../reference/memory-rpc.js';
import { sleep } from '../suite/wait.js';
import { type RPCBug, bug, connectionBug, sinkBug, streamBug, wrapSink } from './rpc-bug.js';
import { wrapConnection, wrapSnapshotConnection } from '../faults/wrap.js';

const NEVER_MS = 2 ** 31 - 1;

const isLast = ({ chunkID, chunkCount }: SnapshotChunk): boolean => chunkID === chunkCount - 1;

function closesTwice(make: ChunkSinkFactory): ChunkSinkFactory {
  return () => {
    const inner = make();
    let complete = false;
    return wrapSink(inner, {
      addChunk: (chunk) => {
        complete = isLast(chunk);
        return inner.addChunk(chunk);
      },
      close: () => {
        inner.close();
        if (complete) inner.close();
      },
    });
  };
}

/** Forgets the sink of a stream that was refused. */
function leaksRefused(make: ChunkSinkFactory): ChunkSinkFactory {
  return () => {
    const inner = make();
    let refused = false;
    return wrapSink(inner, {
      addChunk: async (chunk) => {
        refused = !(await inner.addChunk(chunk));
        return !refused;
      },
      close: () => {
        if (!refused) inner.close();
      },
    });
  };
}

function withoutBackPressure(make: ChunkSinkFactory): ChunkSinkFactory {
  return () => {
    const inner = make();
    return wrapSink(inner, {
      addChunk: (chunk) => {
        void inner.addChunk(chunk).catch(() => undefined);
        return Promise.resolve(true);
      },
    });
  };
}

function oneSinkForAll(make: ChunkSinkFactory): ChunkSinkFactory {
  let shared: IChunkSink | undefined;
  return () => {
    const inner = (shared ??= make());
    return wrapSink(inner, {
      close: () => {
        if (shared !== inner) return;
        shared = undefined;
        inner.close();
      },
    });
  };
}

const FINISH_PATIENCE_MS = 50;
const LATE_MS = 1000;

/** Bugs in the life of a transport, of its connections and of its streams. */
export const HOST_BUGS: readonly RPCBug[] = [
  bug('stop before start fails', ['RPC-LIFE-2'], (inner) => {
    let started = false;
    return {
      start: async () => {
        await inner.start();
        started = true;
      },
      stop: () => (started ? inner.stop() : Promise.reject(new Error('not started'))),
    };
  }),
  bug('the address stays taken for a while after stop', ['RPC-LIFE-3'], (inner, hub, { listenAddress }) => ({
    stop: async () => {
      const mine = hub.listeners.get(listenAddress);
      await inner.stop();
      if (mine === undefined || hub.listeners.has(listenAddress)) return;
      hub.listeners.set(listenAddress, mine);
      void sleep(LATE_MS).then(() => hub.listeners.delete(listenAddress));
    },
  })),
  bug('takes an address that is in use', ['RPC-LIFE-5'], (inner, hub, { listenAddress }) => ({
    start: () => {
      hub.listeners.delete(listenAddress);
      return inner.start();
    },
  })),
  bug('connects although it is stopped', ['RPC-LIFE-4'], (inner, ...made) => {
    let stopped = false;
    return {
      stop: () => {
        stopped = true;
        return inner.stop();
      },
      getConnection: (target, signal) =>
        (stopped ? new MemoryRPC(...made) : inner).getConnection(target, signal),
    };
  }),
  bug('binds whatever it is told', ['RPC-LIFE-6'], (inner) => ({
    start: () =>
      inner.start().catch((error: unknown) => {
        const { code } = error as { code?: unknown };
        if (code !== 'ERR_INVALID_ADDRESS') throw error;
      }),
  })),
  bug('runs without TLS where TLS is asked for', ['RPC-TLS-1'], (_inner, hub, config, handler, sinks) => {
    const plain = new MemoryRPC(hub, { ...config, mutualTLS: undefined }, handler, sinks);
    return {
      start: () => plain.start(),
      stop: () => plain.stop(),
      getConnection: (...args) => plain.getConnection(...args),
      getSnapshotConnection: (...args) => plain.getSnapshotConnection(...args),
    };
  }),
  bug('the abort signal is ignored', ['RPC-CONN-2'], (inner) => ({
    getConnection: (target) => inner.getConnection(target, new AbortController().signal),
  })),
  bug('an attempt that was aborted rejects with the reason', ['RPC-CONN-2'], (inner) => ({
    getConnection: (target, signal) =>
      inner.getConnection(target, signal).catch((error: unknown) => {
        throw signal.aborted ? signal.reason : error;
      }),
  })),
  bug('a refused connection rejects with a plain error', ['RPC-CONN-1'], (inner) => ({
    getConnection: (target, signal) =>
      inner.getConnection(target, signal).catch((error: unknown) => {
        const { code } = error as { code?: unknown };
        throw code === 'ERR_CONNECT_FAILED' ? new Error('connect ECONNREFUSED') : error;
      }),
  })),
  connectionBug('closed stays pending when the peer stops', ['RPC-CONN-6'], (inner) =>
    wrapConnection(inner, {
      closed: inner.closed.then((reason) =>
        reason?.message === 'a host stopped' ? new Promise<undefined>(() => undefined) : reason,
      ),
    }),
  ),
  connectionBug('closed rejects when the network is cut', ['RPC-CONN-7'], (inner) => {
    const closed = inner.closed.then((reason) => {
      if (reason?.message === 'the network is cut') throw reason;
      return reason;
    });
    closed.catch(() => undefined);
    return wrapConnection(inner, { closed });
  }),
  bug('connections to one host share their end', ['RPC-CONN-3'], (inner) => {
    const shared = new Map<string, (() => void)[]>();
    return {
      getConnection: async (target, signal) => {
        const connection = await inner.getConnection(target, signal);
        const all = shared.get(target) ?? [];
        shared.set(target, all);
        all.push(() => {
          connection.close();
        });
        return wrapConnection(connection, {
          close: () => {
            for (const close of all.splice(0)) close();
          },
        });
      },
    };
  }),
  {
    name: 'a peer that fell silent is never given up',
    caughtBy: ['RPC-CONN-9'],
    make: (hub, ...made) => {
      hub.givesUpMs = NEVER_MS;
      return new MemoryRPC(hub, ...made);
    },
  },
  bug('an attempt at a peer that fell silent waits indefinitely', ['RPC-CONN-9'], (inner) => ({
    getConnection: async (target, signal) => {
      try {
        return await inner.getConnection(target, signal);
      } catch (error) {
        const { message } = error as Error;
        if (message.includes('does not answer')) await new Promise(() => undefined);
        throw error;
      }
    },
  })),
  sinkBug('the sink of a complete stream is closed twice', ['RPC-SNAP-1'], closesTwice),
  sinkBug('the sink of a refused stream is never closed', ['RPC-SNAP-3'], leaksRefused),
  sinkBug('chunks are handed over without waiting', ['RPC-SNAP-7'], withoutBackPressure),
  sinkBug('streams at the same time share a sink', ['RPC-SNAP-9'], oneSinkForAll),
  streamBug('finish does not wait for long', ['RPC-SNAP-8'], (inner) =>
    wrapSnapshotConnection(inner, {
      finish: () => Promise.race([inner.finish(), sleep(FINISH_PATIENCE_MS)]),
    }),
  ),
];
