import { ErrMalformed, type ISnapshotConnection, type SnapshotChunk } from '@drakkar/raftio';
import { SnapshotSender, asConnectionClosed } from '@drakkar/raftio/transport';
import { Method } from './frames.js';
import type { Link } from './link.js';

/**
 * The sending end of a snapshot channel. The receiver answers each chunk once it has taken it; chunks not yet
 * answered are bounded by a window, which bounds the memory of both ends however slowly the receiver takes them.
 */
export class SnapshotConnection implements ISnapshotConnection {
  readonly #link: Link;
  readonly #sender: SnapshotSender;
  /** Sizes in bytes of the chunks not yet answered, oldest first. */
  readonly #unanswered: number[] = [];
  #unansweredBytes = 0;

  constructor(link: Link, windowBytes: number) {
    this.#link = link;
    this.#sender = new SnapshotSender({
      write: (bytes) => {
        link.send(Method.Chunk, bytes);
        this.#unanswered.push(bytes.length);
        this.#unansweredBytes += bytes.length;
      },
      writeEnd: () => link.send(Method.SnapshotEnd),
      level: () => this.#unansweredBytes,
      highWaterMarkBytes: windowBytes,
    });
    link.attach({
      limitOf: (method) => (isAnswer(method) ? 0 : undefined),
      onFrame: (method) => this.#hear(method),
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

  #hear(answer: number): void {
    const sizeBytes = this.#unanswered[0];
    if (answer === Method.Taken && sizeBytes !== undefined) {
      this.#unanswered.shift();
      this.#unansweredBytes -= sizeBytes;
      this.#sender.pump();
    } else if (answer === Method.Done && sizeBytes === undefined && this.#sender.endSent) {
      this.#sender.complete();
      this.#link.close();
    } else if (answer === Method.Refused) {
      this.#sender.failRefused(this.#link.peer);
      this.#link.close();
    } else {
      throw new ErrMalformed('an answer to a chunk that was not sent');
    }
  }
}

function isAnswer(method: number): boolean {
  return method === Method.Taken || method === Method.Refused || method === Method.Done;
}
