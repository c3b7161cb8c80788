import {
  ErrConnectionClosed,
  ErrMessageTooLarge,
  type IConnection,
  type Message,
  type MessageBatch,
  type RequestHandler,
  encodeMessageBatch,
  makeEntry,
} from '@drakkar/raftio';
import { MemoryRPC } from '../reference/memory-rpc.js';
import { type RPCBug, bug, connectionBug, receivingBug, turns } from './rpc-bug.js';
import { wrapConnection } from '../faults/wrap.js';

const KIB = 1024;
const MIB = KIB * KIB;

function payloadBytes({ requests }: MessageBatch): number {
  return requests.reduce(
    (sum, { entries }) => sum + entries.reduce((all, { cmd }) => all + cmd.length, 0),
    0,
  );
}

/** The batch with every payload changed. */
function withPayloads(batch: MessageBatch, change: (cmd: Uint8Array) => Uint8Array): MessageBatch {
  const changed = (message: Message): Message => ({
    ...message,
    entries: message.entries.map(({ term, index, type, key, clientID, seriesID, respondedTo, cmd }) =>
      makeEntry({ term, index, type, key, clientID, seriesID, respondedTo, cmd: change(cmd) }),
    ),
  });
  return { ...batch, requests: batch.requests.map(changed) };
}

/** Does `action` to every `period`-th batch, and hands on the others. */
function everyNth(period: number, action: (batch: MessageBatch, next: RequestHandler) => void) {
  return (handler: RequestHandler): RequestHandler => {
    let count = 0;
    return (batch) => {
      count += 1;
      if (count % period === 0) action(batch, handler);
      else handler(batch);
    };
  };
}

/** Gives up the order of large batches, which take longer. */
function smallOnesOvertake(handler: RequestHandler): RequestHandler {
  return (batch) => {
    if (payloadBytes(batch) > 130 * KIB) {
      void turns(3).then(() => {
        handler(batch);
      });
    } else {
      handler(batch);
    }
  };
}

/** Sends the last batch of a connection that broke again on the next one. */
function sendsAgain(): (inner: IConnection, target: string) => IConnection {
  const unconfirmed = new Map<string, MessageBatch>();
  return (inner, target) => {
    const last = unconfirmed.get(target);
    unconfirmed.delete(target);
    if (last !== undefined) void inner.sendMessageBatch(last).catch(() => undefined);
    let sent: MessageBatch | undefined;
    void inner.closed.then((reason) => {
      if (reason !== undefined && sent !== undefined) unconfirmed.set(target, sent);
    });
    return wrapConnection(inner, {
      sendMessageBatch: async (batch) => {
        sent ??= batch;
        await inner.sendMessageBatch(batch);
      },
    });
  };
}

/** Says yes to small batches at once, and encodes them a little later. */
function encodesLate(inner: IConnection): IConnection {
  let tail: Promise<void> = Promise.resolve();
  let closed = false;
  void inner.closed.then(() => {
    closed = true;
  });
  return wrapConnection(inner, {
    sendMessageBatch: async (batch) => {
      if (closed) throw new ErrConnectionClosed();
      const sent = tail.then(() => turns(1)).then(() => inner.sendMessageBatch(batch));
      tail = sent.catch(() => undefined);
      if (payloadBytes(batch) > 100 * KIB) await sent;
    },
    close: () => {
      closed = true;
      inner.close();
    },
  });
}

/** What is pending when the connection ends stays pending. */
function leavesPending(inner: IConnection): IConnection {
  return wrapConnection(inner, {
    sendMessageBatch: async (batch) => {
      let waited = false;
      const timer = setTimeout(() => {
        waited = true;
      }, 100);
      try {
        await inner.sendMessageBatch(batch);
      } catch (error) {
        if (waited) await new Promise(() => undefined);
        throw error;
      } finally {
        clearTimeout(timer);
      }
    },
  });
}

function closesOnTooLarge(inner: IConnection): IConnection {
  return wrapConnection(inner, {
    sendMessageBatch: async (batch) => {
      try {
        await inner.sendMessageBatch(batch);
      } catch (error) {
        inner.close();
        throw error;
      }
    },
  });
}

function refusesAbove(maxBytes: number): (inner: IConnection) => IConnection {
  return (inner) =>
    wrapConnection(inner, {
      sendMessageBatch: async (batch) => {
        if (encodeMessageBatch(batch).length > maxBytes) throw new ErrMessageTooLarge('above our own limit');
        await inner.sendMessageBatch(batch);
      },
    });
}

/** All connections of a host stand in one line. */
const oneLine: RPCBug = bug('a slow peer holds up the others', ['RPC-BOUND-3'], (inner) => {
  let tail: Promise<unknown> = Promise.resolve();
  return {
    getConnection: async (target, signal) => {
      const connection = await inner.getConnection(target, signal);
      return wrapConnection(connection, {
        sendMessageBatch: (batch) => {
          const sent = tail.then(() => connection.sendMessageBatch(batch));
          tail = sent.catch(() => undefined);
          return sent;
        },
      });
    },
  };
});

/** Bugs in what happens to messages. */
export const MESSAGE_BUGS: readonly RPCBug[] = [
  receivingBug(
    'a batch in a thousand is delivered twice',
    ['RPC-DELIVER-2'],
    everyNth(1000, (batch, next) => {
      next(batch);
      next(batch);
    }),
  ),
  receivingBug(
    'a batch in a thousand is lost',
    ['RPC-DELIVER-2'],
    everyNth(1000, () => undefined),
  ),
  receivingBug('small batches overtake large ones', ['RPC-ORDER-1'], smallOnesOvertake),
  receivingBug(
    'two neighbours in two hundred change places',
    ['RPC-ORDER-1'],
    everyNth(200, (batch, next) => {
      void turns(2).then(() => {
        next(batch);
      });
    }),
  ),
  receivingBug('a byte of large payloads is altered', ['RPC-DELIVER-3'], (handler) => (batch) => {
    handler(
      withPayloads(batch, (cmd) => {
        if (cmd.length <= 64 * KIB) return cmd;
        const altered = cmd.slice();
        altered[70_000] = (altered[70_000] ?? 0) ^ 1;
        return altered;
      }),
    );
  }),
  receivingBug('payloads are cut at four MiB', ['RPC-DELIVER-3'], (handler) => (batch) => {
    handler(withPayloads(batch, (cmd) => cmd.subarray(0, 4 * MIB)));
  }),
  receivingBug('hints pass through a double', ['RPC-DELIVER-1'], (handler) => (batch) => {
    const requests = batch.requests.map((each) => ({ ...each, hint: Number(each.hint) }));
    handler({ ...batch, requests });
  }),
  receivingBug('batches without messages are swallowed', ['RPC-DELIVER-1'], (handler) => (batch) => {
    if (batch.requests.length > 0) handler(batch);
  }),
  receivingBug('batches are delivered after stop', ['RPC-STOP-3'], (handler) => (batch) => {
    void turns(3).then(() => {
      handler(batch);
    });
  }),
  {
    name: 'after a break the batch that may not have arrived is sent again',
    caughtBy: ['RPC-DELIVER-5'],
    make: (...made) => connectionBug('', [], sendsAgain()).make(...made),
  },
  connectionBug('a batch is read after its promise has settled', ['RPC-DELIVER-4'], encodesLate),
  connectionBug('a pending batch stays pending when the connection ends', ['RPC-BOUND-2'], leavesPending),
  connectionBug('a batch that is too large ends the connection', ['RPC-BOUND-5'], closesOnTooLarge),
  connectionBug('the limit is 32 MiB', ['RPC-BOUND-4'], refusesAbove(32 * MIB)),
  oneLine,
  {
    name: 'the buffer for a slow peer has no bound',
    caughtBy: ['RPC-BOUND-1'],
    make: (hub, config, handler, sinks) =>
      new MemoryRPC(hub, { ...config, sendBufferBytes: Number.MAX_SAFE_INTEGER }, handler, sinks),
  },
  connectionBug('a batch for a closed connection is swallowed', ['RPC-CONN-5'], (inner) =>
    wrapConnection(inner, {
      sendMessageBatch: (batch) =>
        inner.sendMessageBatch(batch).catch((error: unknown) => {
          const { code } = error as { code?: unknown };
          if (code !== 'ERR_CONNECTION_CLOSED') throw error;
        }),
    }),
  ),
];
