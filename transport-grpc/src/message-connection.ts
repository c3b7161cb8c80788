import {
  type IConnection,
  type MessageBatch,
  type OnWithheld,
  type PeerKind,
  encodeDragonboatBatch,
  encodeMessageBatch,
} from '@drakkar/raftio';
import { SendQueue, asConnectionClosed } from '@drakkar/raftio/transport';
import type { OutgoingStream } from './outgoing-stream.js';

/** The sending end of a call of RaftMessage. */
export class MessageConnection implements IConnection {
  readonly closed: Promise<Error | undefined>;
  readonly #stream: OutgoingStream;
  readonly #queue: SendQueue<MessageBatch>;

  constructor(stream: OutgoingStream, highWaterMarkBytes: number, onWithheld: OnWithheld) {
    this.#stream = stream;
    this.closed = stream.closed;
    this.#queue = new SendQueue<MessageBatch>({
      encode: (batch) => {
        if (!stream.isDragonboat) return encodeMessageBatch(batch);
        return encodeDragonboatBatch(batch, (message, fault) => {
          stream.withheld();
          onWithheld(message, fault);
        });
      },
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

  get peerKind(): Promise<PeerKind> {
    return this.#stream.peerKind;
  }

  sendMessageBatch(batch: MessageBatch): Promise<void> {
    return this.#queue.send(batch);
  }

  close(): void {
    this.#queue.fail(asConnectionClosed(undefined));
    this.#stream.close();
  }
}
