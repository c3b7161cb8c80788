import {
  ErrConnectionClosed,
  ErrMalformed,
  type ISnapshotConnection,
  type SnapshotChunk,
  encodeSnapshotChunk,
} from '@drakkar/raftio';
import { SendQueue, asConnectionClosed } from '@drakkar/raftio/transport';
import type { Link } from './link.js';
import { CloseCode, SNAPSHOT_END, SnapshotReply } from './protocol.js';

const END = Symbol('end of stream');

/**
 * The sending end of a snapshot channel. The receiver answers each chunk once it has taken it; chunks not yet
 * answered are bounded by a window, which bounds the memory of both ends however slowly the receiver takes them.
 */
export class SnapshotConnection implements ISnapshotConnection {
  readonly #link: Link;
  readonly #queue: SendQueue<SnapshotChunk | typeof END>;
  /** Sizes in bytes of the chunks not yet answered, oldest first. */
  readonly #unanswered: number[] = [];
  #unansweredBytes = 0;
  #ended: Error | undefined;
  #finish: { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } | undefined;

  constructor(link: Link, windowBytes: number) {
    this.#link = link;
    this.#queue = new SendQueue<SnapshotChunk | typeof END>({
      encode: (item) => (item === END ? SNAPSHOT_END : encodeSnapshotChunk(item)),
      write: (bytes) => {
        link.send(bytes);
        if (bytes.length === 0) return;
        this.#unanswered.push(bytes.length);
        this.#unansweredBytes += bytes.length;
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
        this.#fail(asConnectionClosed(reason));
      },
    });
  }

  sendSnapshotChunk(chunk: SnapshotChunk): Promise<void> {
    if (this.#finish !== undefined && this.#ended === undefined) {
      return Promise.reject(new ErrConnectionClosed('the snapshot stream is finished'));
    }
    return this.#queue.send(chunk);
  }

  finish(): Promise<void> {
    if (this.#finish !== undefined) return this.#finish.promise;
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    let resolve!: () => void;
    let reject!: (error: Error) => void;
    const promise = new Promise<void>((resolvePromise, rejectPromise) => {
      resolve = resolvePromise;
      reject = rejectPromise;
    });
    this.#finish = { promise, resolve, reject };
    this.#queue.send(END).catch((error: unknown) => {
      this.#fail(error as Error);
    });
    return promise;
  }

  close(): void {
    const error = new ErrConnectionClosed('the snapshot stream was cut by its sender');
    this.#fail(error);
    this.#link.terminate(error);
  }

  #receive(bytes: Uint8Array): void {
    const reply = bytes.length === 1 ? bytes[0] : undefined;
    const size = this.#unanswered[0];
    if (reply === SnapshotReply.Taken && size !== undefined) {
      this.#unanswered.shift();
      this.#unansweredBytes -= size;
      this.#queue.pump();
    } else if (reply === SnapshotReply.Done && size === undefined && this.#finish !== undefined) {
      this.#ended = new ErrConnectionClosed('the snapshot stream is finished');
      this.#queue.fail(this.#ended);
      this.#finish.resolve();
      this.#link.close();
    } else if (reply === SnapshotReply.Refused) {
      this.#fail(
        new ErrConnectionClosed(`${this.#link.peer} refused the snapshot stream`, {
          details: { refused: true },
        }),
      );
      this.#link.close();
    } else {
      this.#link.refuse(
        CloseCode.PolicyViolation,
        new ErrMalformed(`${this.#link.peer} sent an unexpected reply`),
      );
    }
  }

  #fail(error: Error): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#queue.fail(error);
    this.#finish?.reject(error);
  }
}
