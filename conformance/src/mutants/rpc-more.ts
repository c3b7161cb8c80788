import {
  type ChunkSinkFactory,
  ErrConnectFailed,
  ErrMessageTooLarge,
  type IConnection,
  MAX_MESSAGE_BYTES,
  type MessageBatch,
  MessageType,
  encodeMessageBatch,
  encodeSnapshotChunk,
} from '@drakkar/raftio';
import { wrapConnection, wrapSnapshotConnection } from '../faults/wrap.js';
import { MemoryRPC } from '../reference/memory-rpc.js';
import {
  type RPCBug,
  bug,
  connectionBug,
  receivingBug,
  sinkBug,
  streamBug,
  turns,
  wrapSink,
} from './rpc-bug.js';

/** Longer than anything that is seen at once takes on a slow machine. */
const LATE_MS = 120_000;

/** While a sink takes its time, batches wait as well. */
const oneLine: RPCBug = {
  name: 'a slow sink holds up messages',
  caughtBy: ['RPC-SNAP-11'],
  make: (hub, config, handler, makeSink) => {
    let busy: Promise<unknown> | undefined;
    const sinks: ChunkSinkFactory = () => {
      const inner = makeSink();
      return wrapSink(inner, {
        addChunk: async (chunk) => {
          const taken = inner.addChunk(chunk);
          const mine = Promise.allSettled([busy, taken]).then(() => {
            if (busy === mine) busy = undefined;
          });
          busy = mine;
          return taken;
        },
      });
    };
    const waits = (batch: MessageBatch): void => {
      if (busy === undefined) handler(batch);
      else {
        void busy.then(() => {
          waits(batch);
        });
      }
    };
    return new MemoryRPC(hub, config, waits, sinks);
  },
};

const oneStream: RPCBug = bug('a second stream waits for the first', ['RPC-SNAP-9'], (inner) => {
  let last: Promise<unknown> = Promise.resolve();
  return {
    getSnapshotConnection: async (...args) => {
      const before = last;
      let over = (): void => undefined;
      last = new Promise<void>((resolve) => (over = resolve));
      await before;
      const stream = await inner.getSnapshotConnection(...args);
      return wrapSnapshotConnection(stream, {
        finish: () => stream.finish().finally(over),
        close: () => {
          stream.close();
          over();
        },
      });
    },
  };
});

const isHeartbeat = ({ requests }: MessageBatch): boolean =>
  requests.length > 0 && requests.every(({ type }) => type === MessageType.Heartbeat);

const sizeOf = (batch: MessageBatch): number => encodeMessageBatch(batch).length;

/** Sends some batches at once, and the others a little later. */
function hastens(isUrgent: (batch: MessageBatch) => boolean) {
  return (inner: IConnection): IConnection => {
    let last: Promise<unknown> = Promise.resolve();
    return wrapConnection(inner, {
      sendMessageBatch: (batch) => {
        if (isUrgent(batch)) return inner.sendMessageBatch(batch);
        const sent = last.then(() => turns(3)).then(() => inner.sendMessageBatch(batch));
        last = sent.catch(() => undefined);
        return sent;
      },
    });
  };
}

/** Drops batches whose encoding has such a size. */
function losesSize(name: string, isLost: (sizeBytes: number) => boolean): RPCBug {
  return connectionBug(name, ['RPC-DELIVER-7'], (inner) =>
    wrapConnection(inner, {
      sendMessageBatch: (batch) =>
        isLost(sizeOf(batch)) ? Promise.resolve() : inner.sendMessageBatch(batch),
    }),
  );
}

function closedBy<T extends { close: () => void }>(signal: AbortSignal, connection: T): T {
  signal.addEventListener('abort', () => {
    connection.close();
  });
  return connection;
}

const MOST_COUNTED = 65_535;

/** Bugs of connections that one point asked of a clause does not show. */
const CONNECTION_BUGS: readonly RPCBug[] = [
  connectionBug('closed does not say why', ['RPC-CONN-7'], (inner) =>
    wrapConnection(inner, { closed: inner.closed.then(() => undefined) }),
  ),
  bug('the signal of an attempt ends the connection later', ['RPC-CONN-12'], (inner) => ({
    getConnection: async (target, signal, expected) =>
      closedBy(signal, await inner.getConnection(target, signal, expected)),
  })),
  bug('the signal of an attempt ends the stream later', ['RPC-CONN-12'], (inner) => ({
    getSnapshotConnection: async (target, signal, expected) =>
      closedBy(signal, await inner.getSnapshotConnection(target, signal, expected)),
  })),
  bug('the own address is refused', ['RPC-CONN-13'], (inner, _hub, { raftAddress }) => ({
    getConnection: (target, ...rest) =>
      target === raftAddress
        ? Promise.reject(new ErrConnectFailed('that is this host'))
        : inner.getConnection(target, ...rest),
  })),
  bug('twenty attempts that fail are too many', ['RPC-CONN-14'], (inner) => {
    let failed = 0;
    return {
      getConnection: async (...args) => {
        if (failed > 20) throw new ErrConnectFailed('no more attempts');
        try {
          return await inner.getConnection(...args);
        } catch (error) {
          failed += 1;
          throw error;
        }
      },
    };
  }),
  {
    name: 'listens at the address that others are given',
    caughtBy: ['RPC-LIFE-7'],
    make: (hub, config, ...rest) =>
      new MemoryRPC(hub, { ...config, listenAddress: config.raftAddress }, ...rest),
  },
];

/** Bugs of batches of which only some sizes, counts or types are concerned. */
const BATCH_BUGS: readonly RPCBug[] = [
  connectionBug('a batch of just the most bytes is refused', ['RPC-BOUND-4'], (inner) =>
    wrapConnection(inner, {
      sendMessageBatch: (batch) =>
        sizeOf(batch) >= MAX_MESSAGE_BYTES
          ? Promise.reject(new ErrMessageTooLarge('too large'))
          : inner.sendMessageBatch(batch),
    }),
  ),
  connectionBug('heartbeats overtake other batches', ['RPC-ORDER-3'], hastens(isHeartbeat)),
  connectionBug(
    'batches below 1 KiB are sent first',
    ['RPC-ORDER-1'],
    hastens((batch) => sizeOf(batch) < 1024),
  ),
  losesSize('a batch of 65,536 bytes is lost', (sizeBytes) => sizeBytes === 65_536),
  losesSize('a batch of 127 bytes is lost', (sizeBytes) => sizeBytes === 127),
  losesSize('a batch whose size is a multiple of 16 KiB is lost', (sizeBytes) => sizeBytes % 16_384 === 0),
  connectionBug('a batch has 65,535 messages at most', ['RPC-DELIVER-8'], (inner) =>
    wrapConnection(inner, {
      sendMessageBatch: (batch) =>
        inner.sendMessageBatch({ ...batch, requests: batch.requests.slice(0, MOST_COUNTED) }),
    }),
  ),
  connectionBug('a message has 65,535 entries at most', ['RPC-DELIVER-8'], (inner) =>
    wrapConnection(inner, {
      sendMessageBatch: (batch) => {
        const requests = batch.requests.map((each) => ({
          ...each,
          entries: each.entries.slice(0, MOST_COUNTED),
        }));
        return inner.sendMessageBatch({ ...batch, requests });
      },
    }),
  ),
  receivingBug('what was delivered is overwritten later', ['RPC-DELIVER-9'], (handler) => {
    let last: MessageBatch | undefined;
    return (batch, sender) => {
      for (const { entries } of last?.requests ?? []) for (const { cmd } of entries) cmd.fill(0);
      last = batch;
      handler(batch, sender);
    };
  }),
  receivingBug('batches that are alike are delivered as one object', ['RPC-DELIVER-9'], (handler) => {
    let last: MessageBatch | undefined;
    let lastBytes: Uint8Array = new Uint8Array(0);
    return (batch, sender) => {
      const bytes = encodeMessageBatch(batch);
      if (last === undefined || Buffer.compare(bytes, lastBytes) !== 0) last = batch;
      lastBytes = bytes;
      handler(last, sender);
    };
  }),
];

/** Bugs of streams. */
const STREAM_BUGS: readonly RPCBug[] = [
  oneLine,
  oneStream,
  sinkBug('the sink of a cut stream is closed late', ['RPC-SNAP-5'], (make) => () => {
    const inner = make();
    return wrapSink(inner, {
      close: () => {
        setTimeout(() => {
          inner.close();
        }, LATE_MS).unref();
      },
    });
  }),
  streamBug('a stream without chunks never finishes', ['RPC-SNAP-12'], (inner) => {
    let count = 0;
    return wrapSnapshotConnection(inner, {
      sendSnapshotChunk: (chunk) => {
        count += 1;
        return inner.sendSnapshotChunk(chunk);
      },
      finish: () => (count === 0 ? new Promise<void>(() => undefined) : inner.finish()),
    });
  }),
  streamBug('a chunk of just the most bytes is refused', ['RPC-SNAP-13'], (inner) =>
    wrapSnapshotConnection(inner, {
      sendSnapshotChunk: (chunk) =>
        encodeSnapshotChunk(chunk).length >= MAX_MESSAGE_BYTES
          ? Promise.reject(new ErrMessageTooLarge('too large'))
          : inner.sendSnapshotChunk(chunk),
    }),
  ),
  streamBug('a chunk is read after its promise has settled', ['RPC-SNAP-14'], (inner) => {
    let last: Promise<void> = Promise.resolve();
    return wrapSnapshotConnection(inner, {
      sendSnapshotChunk: (chunk) => {
        last = last.then(() => turns(2)).then(() => inner.sendSnapshotChunk(chunk));
        last.catch(() => undefined);
        return turns(1);
      },
      finish: () => last.then(() => inner.finish()),
    });
  }),
];

/** Bugs that were made up before there were cases for them. */
export const MORE_RPC_BUGS: readonly RPCBug[] = [...CONNECTION_BUGS, ...BATCH_BUGS, ...STREAM_BUGS];
