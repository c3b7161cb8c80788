import { type IConnection, type MessageBatch, encodeMessageBatch } from '@drakkar/raftio';
import { SendQueue, asConnectionClosed } from '@drakkar/raftio/transport';
import type { OutgoingStream } from './outgoing-stream.js';

/** The sending end of a call of RaftMessage. */
export class MessageConnection implements IConnection {
  readonly closed: Promise<Error | undefined>;
  readonly #stream: OutgoingStream;
  readonly #queue: SendQueue<MessageBatch>;

  constructor(stream: OutgoingStream, highWaterMarkBytes: number) {
    this.#stream = stream;
    this.closed = stream.closed;
    this.#queue = new SendQueue<MessageBatch>({
      encode: encodeMessageBatch,
      write: (bytes) => {
        stream.write(bytes);
      },
      level: () => stream.level,
      highWaterMarkBytes,
    });
    stream.attach({
      onDrain: () => {
        this.#queue.pump();
      },
      onEnded: (reason) => {
        this.#queue.fail(asConnectionClosed(reason));
      },
    });
  }

  sendMessageBatch(batch: MessageBatch): Promise<void> {
    return this.#queue.send(batch);
  }

  close(): void {
    this.#queue.fail(asConnectionClosed(undefined));
    this.#stream.close();
  }
}
