import {
  ErrConnectionClosed,
  ErrMalformed,
  type ISnapshotConnection,
  MAX_MESSAGE_BYTES,
  type PeerKind,
  type SnapshotChunk,
  decodeDragonboatBatch,
} from '@drakkar/raftio';
import { SnapshotSender, asConnectionClosed } from '@drakkar/raftio/transport';
import type { ChunkReceiver } from './chunk-receiver.js';
import { Method } from './frames.js';
import { type Incoming, endHandlers, handleBatch, openReceiver, watchOf } from './inbound.js';
import type { Link } from './link.js';

/*
 * Both ends of connections with hosts of Dragonboat v2.1.7. There is no hello: a connection begins with a batch or a
 * chunk. Both may come on the same one, nothing is answered, and one snapshot may follow another.
 */

function limitOf(method: number): number | undefined {
  if (method === Method.Hello) {
    throw new ErrMalformed(
      "it has `peers: 'drakkar'` and this host 'dragonboat': set the same on every host",
    );
  }
  return method === Method.Batch || method === Method.Chunk ? MAX_MESSAGE_BYTES : undefined;
}

/** Attaches the receiving end to a link. `onAdmitted` is called at the first frame: who sends one belongs here. */
export function receiveFromDragonboat(incoming: Incoming, onAdmitted: () => void): void {
  const { link, arrival } = incoming;
  const { onClosed, onDamaged } = endHandlers(incoming);
  let isAdmitted = false;
  let receiver: ChunkReceiver | undefined;
  const take = async (chunk: SnapshotChunk): Promise<void> => {
    receiver ??= openReceiver(incoming);
    if (receiver === undefined) return;
    if (await receiver.take(chunk)) link.resume();
    else link.refuse(new Error('this host refused a chunk'));
  };
  link.attach({
    ...watchOf(incoming),
    limitOf,
    onFrame: (method, payload) => {
      if (!isAdmitted) onAdmitted();
      isAdmitted = true;
      if (method === Method.Batch) {
        handleBatch(incoming, () => decodeDragonboatBatch(payload));
        return;
      }
      const chunk = arrival.chunk(payload);
      link.pause();
      void take(chunk);
    },
    onPeerDone: () => link.close(),
    onDamaged,
    onClosed: (reason) => {
      onClosed(reason);
      receiver?.close();
    },
  });
}

/**
 * The sending end of one snapshot. Nothing comes back but the end of the connection, which says that everything was
 * read; whether it was taken, the receiving host says by a message. How long it takes to store a chunk is unknown:
 * the caller that waits for the end sets the limit.
 */
export class DragonboatSnapshotConnection implements ISnapshotConnection {
  readonly peerKind: Promise<PeerKind> = Promise.resolve('dragonboat');
  readonly #link: Link;
  readonly #sender: SnapshotSender;

  constructor(link: Link, highWaterMarkBytes: number) {
    this.#link = link;
    this.#sender = new SnapshotSender({
      write: (bytes) => link.send(Method.Chunk, bytes),
      writeEnd: () => link.endSending(),
      level: () => link.bufferedBytes,
      highWaterMarkBytes,
    });
    link.attach({
      limitOf: () => undefined,
      onFrame: () => undefined,
      onDrain: () => this.#sender.pump(),
      onPeerDone: () => this.#peerDone(),
      onClosed: (reason) => this.#sender.fail(asConnectionClosed(reason)),
    });
  }

  sendSnapshotChunk(chunk: SnapshotChunk): Promise<void> {
    return this.#sender.send(chunk);
  }

  finish(): Promise<void> {
    return this.#sender.finish();
  }

  close(): void {
    this.#link.terminate(this.#sender.cut());
  }

  #peerDone(): void {
    if (this.#sender.endSent) {
      this.#sender.complete();
      this.#link.close();
    } else {
      const message = `${this.#link.peer} closed the connection before the end of the snapshot`;
      this.#link.terminate(new ErrConnectionClosed(message));
    }
  }
}
