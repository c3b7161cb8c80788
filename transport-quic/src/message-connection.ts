import { type IConnection, type MessageBatch, encodeMessageBatch } from '@drakkar/raftio';
import { SendQueue, asConnectionClosed } from '@drakkar/raftio/transport';
import type { Link } from './link.js';

/** The sending end of a channel for messages. */
export class MessageConnection implements IConnection {
  readonly closed: Promise<Error | undefined>;
  readonly #link: Link;
  readonly #queue: SendQueue<MessageBatch>;

  constructor(link: Link, highWaterMarkBytes: number) {
    this.#link = link;
    this.closed = link.closed;
    this.#queue = new SendQueue<MessageBatch>({
      encode: encodeMessageBatch,
      write: (bytes) => {
        link.send(bytes);
      },
      level: () => link.outstandingBytes,
      highWaterMarkBytes,
    });
    link.attach({
      onCredit: () => {
        this.#queue.pump();
      },
      onClosed: (reason) => {
        this.#queue.fail(asConnectionClosed(reason));
      },
    });
  }

  sendMessageBatch(batch: MessageBatch): Promise<void> {
    return this.#queue.send(batch);
  }

  close(): void {
    this.#link.close();
  }
}
