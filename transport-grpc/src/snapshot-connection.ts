import type { ISnapshotConnection, PeerKind, SnapshotChunk } from '@drakkar/raftio';
import { SnapshotSender, asConnectionClosed } from '@drakkar/raftio/transport';
import type { OutgoingStream } from './outgoing-stream.js';

/**
 * The sending end of a call of RaftSnapshot. The receiver reads a chunk when it has taken the one before, so the
 * flow control of HTTP/2 holds the sender up; its end of the call says that it has taken all.
 */
export class SnapshotConnection implements ISnapshotConnection {
  readonly #stream: OutgoingStream;
  readonly #sender: SnapshotSender;

  constructor(stream: OutgoingStream, highWaterMarkBytes: number) {
    this.#stream = stream;
    this.#sender = new SnapshotSender({
      write: (bytes) => {
        stream.write(bytes);
      },
      writeEnd: () => {
        stream.end();
      },
      level: () => stream.level,
      highWaterMarkBytes,
    });
    stream.attach({
      onDrain: () => {
        this.#sender.pump();
      },
      onEnded: (reason) => {
        if (reason === undefined) this.#sender.complete();
        else this.#sender.fail(asConnectionClosed(reason));
      },
    });
  }

  get peerKind(): Promise<PeerKind> {
    return this.#stream.peerKind;
  }

  sendSnapshotChunk(chunk: SnapshotChunk): Promise<void> {
    return this.#sender.send(chunk);
  }

  finish(): Promise<void> {
    return this.#sender.finish();
  }

  close(): void {
    this.#stream.terminate(this.#sender.cut());
  }
}
