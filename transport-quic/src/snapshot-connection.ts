import { ErrMalformed, type ISnapshotConnection, type SnapshotChunk } from '@drakkar/raftio';
import { SnapshotSender, asConnectionClosed } from '@drakkar/raftio/transport';
import type { Link, Signal } from './link.js';
import { FrameType } from './protocol/frames.js';

/**
 * The sending end of a channel for one snapshot. The receiver gives credit for a chunk once it has taken it, which
 * bounds the memory of both ends however slowly it does.
 */
export class SnapshotConnection implements ISnapshotConnection {
  readonly #link: Link;
  readonly #sender: SnapshotSender;

  constructor(link: Link, windowBytes: number) {
    this.#link = link;
    this.#sender = new SnapshotSender({
      write: (bytes) => {
        link.send(bytes);
      },
      writeEnd: () => {
        link.sendEnd();
      },
      level: () => link.outstandingBytes,
      highWaterMarkBytes: windowBytes,
    });
    link.attach({
      onCredit: () => {
        this.#sender.pump();
      },
      onSignal: (signal) => {
        this.#hear(signal);
      },
      onClosed: (reason) => {
        this.#sender.fail(asConnectionClosed(reason));
      },
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

  /** Throws ErrMalformed for what can't be true. */
  #hear(signal: Signal): void {
    if (signal === FrameType.Rejected) {
      this.#sender.failRefused(this.#link.peer);
      this.#link.close();
    } else if (signal === FrameType.Done && this.#sender.endSent && !this.#link.hasUnsent) {
      this.#sender.complete();
      this.#link.close();
    } else {
      throw new ErrMalformed('an answer where none is due');
    }
  }
}
