import {
  ErrConnectionClosed,
  ErrMalformed,
  type ISnapshotConnection,
  type SnapshotChunk,
  encodeSnapshotChunk,
} from '@drakkar/raftio';
import { SendQueue, asConnectionClosed } from '@drakkar/raftio/transport';
import type { Link, Signal } from './link.js';
import { FrameType } from './protocol/frames.js';

const END = Symbol('end of stream');

/**
 * The sending end of a channel for one snapshot. The receiver gives credit for a chunk once it has taken it, which
 * bounds the memory of both ends however slowly it does.
 */
export class SnapshotConnection implements ISnapshotConnection {
  readonly #link: Link;
  readonly #queue: SendQueue<SnapshotChunk | typeof END>;
  #ended: Error | undefined;
  #endSent = false;
  #finish: { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } | undefined;

  constructor(link: Link, windowBytes: number) {
    this.#link = link;
    this.#queue = new SendQueue<SnapshotChunk | typeof END>({
      encode: (item) => (item === END ? new Uint8Array(0) : encodeSnapshotChunk(item)),
      write: (bytes) => {
        if (bytes.length > 0) {
          link.send(bytes);
        } else {
          this.#endSent = true;
          link.sendEnd();
        }
      },
      level: () => link.outstandingBytes,
      highWaterMarkBytes: windowBytes,
    });
    link.attach({
      onCredit: () => {
        this.#queue.pump();
      },
      onSignal: (signal) => {
        this.#hear(signal);
      },
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

  /** Throws ErrMalformed for what can't be true. */
  #hear(signal: Signal): void {
    if (signal === FrameType.Rejected) {
      this.#fail(
        new ErrConnectionClosed(`${this.#link.peer} refused the snapshot stream`, {
          details: { refused: true },
        }),
      );
      this.#link.close();
    } else if (signal === FrameType.Done && this.#endSent && this.#finish !== undefined) {
      this.#ended = new ErrConnectionClosed('the snapshot stream is finished');
      this.#queue.fail(this.#ended);
      this.#finish.resolve();
      this.#link.close();
    } else {
      throw new ErrMalformed('an answer where none is due');
    }
  }

  #fail(error: Error): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#queue.fail(error);
    this.#finish?.reject(error);
  }
}
