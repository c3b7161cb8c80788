import {
  type IConnection,
  type MessageBatch,
  type OnWithheld,
  type PeerKind,
  encodeDragonboatBatch,
  encodeMessageBatch,
} from '@drakkar/raftio';
import { SendQueue, asConnectionClosed } from '@drakkar/raftio/transport';
import { Method } from './frames.js';
import type { Link } from './link.js';

/** The sending end of a message channel. */
export class MessageConnection implements IConnection {
  readonly closed: Promise<Error | undefined>;
  readonly peerKind: Promise<PeerKind>;
  readonly #link: Link;
  readonly #queue: SendQueue<MessageBatch>;

  constructor(link: Link, peerKind: PeerKind, highWaterMarkBytes: number, onWithheld: OnWithheld) {
    this.#link = link;
    this.closed = link.closed;
    this.peerKind = Promise.resolve(peerKind);
    this.#queue = new SendQueue<MessageBatch>({
      encode: (batch) =>
        peerKind === 'dragonboat' ? encodeDragonboatBatch(batch, onWithheld) : encodeMessageBatch(batch),
      write: (bytes) => link.send(Method.Batch, bytes),
      level: () => link.bufferedBytes,
      highWaterMarkBytes,
    });
    link.attach({
      limitOf: () => undefined,
      onFrame: () => undefined,
      onDrain: () => this.#queue.pump(),
      onClosed: (reason) => this.#queue.fail(asConnectionClosed(reason)),
    });
  }

  sendMessageBatch(batch: MessageBatch): Promise<void> {
    return this.#queue.send(batch);
  }

  close(): void {
    this.#link.close();
  }
}
