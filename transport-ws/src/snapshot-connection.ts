import { ErrMalformed, type ISnapshotConnection, type SnapshotChunk } from '@drakkar/raftio';
import { SnapshotSender, asConnectionClosed } from '@drakkar/raftio/transport';
import type { Link } from './link.js';
import { CloseCode, SNAPSHOT_END, SnapshotReply } from './protocol.js';

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
        link.send(bytes);
        this.#unanswered.push(bytes.length);
        this.#unansweredBytes += bytes.length;
      },
      writeEnd: () => {
        link.send(SNAPSHOT_END);
      },
      level: () => this.#unansweredBytes,
      highWaterMarkBytes: windowBytes,
    });
    link.attach({
      onFrame: (bytes) => {
        this.#receive(bytes);
      },
      onDrain: () => undefined,
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

  #receive(bytes: Uint8Array): void {
    const reply = bytes.length === 1 ? bytes[0] : undefined;
    const size = this.#unanswered[0];
    if (reply === SnapshotReply.Taken && size !== undefined) {
      this.#unanswered.shift();
      this.#unansweredBytes -= size;
      this.#sender.pump();
    } else if (reply === SnapshotReply.Done && size === undefined && this.#sender.endSent) {
      this.#sender.complete();
      this.#link.close();
    } else if (reply === SnapshotReply.Refused) {
      this.#sender.failRefused(this.#link.peer);
      this.#link.close();
    } else {
      this.#link.refuse(
        CloseCode.PolicyViolation,
        new ErrMalformed(`${this.#link.peer} sent an unexpected reply`),
      );
    }
  }
}
