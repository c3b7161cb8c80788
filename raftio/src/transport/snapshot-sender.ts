import { ErrConnectionClosed } from '../errors.js';
import { encodeSnapshotChunk } from '../raftpb/chunk-codec.js';
import type { SnapshotChunk } from '../raftpb/types.js';
import { SendQueue } from './send-queue.js';

export interface SnapshotSenderOptions {
  /** Hands an encoded chunk on; from then on it counts in `level`. */
  write: (bytes: Uint8Array) => void;
  /** Tells the receiver, behind all chunks, that there are no more. */
  writeEnd: () => void;
  /** Bytes sent and not yet taken, or not yet out of our hands. */
  level: () => number;
  /** The level from which `send` waits. */
  highWaterMarkBytes: number;
}

const END = Symbol('end of stream');
const NOTHING = new Uint8Array(0);

/** The sending end of one snapshot stream, whatever carries it: order, back-pressure, and the ways that it can end. */
export class SnapshotSender {
  readonly #queue: SendQueue<SnapshotChunk | typeof END>;
  #ended: Error | undefined;
  #endSent = false;
  #finish: { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } | undefined;

  constructor({ write, writeEnd, level, highWaterMarkBytes }: SnapshotSenderOptions) {
    this.#queue = new SendQueue<SnapshotChunk | typeof END>({
      // No chunk is encoded as nothing.
      encode: (item) => (item === END ? NOTHING : encodeSnapshotChunk(item)),
      write: (bytes) => {
        if (bytes.length > 0) {
          write(bytes);
        } else {
          this.#endSent = true;
          writeEnd();
        }
      },
      level,
      highWaterMarkBytes,
    });
  }

  /** Whether the receiver may say by now that it has taken everything. */
  get endSent(): boolean {
    return this.#endSent;
  }

  /** As `ISnapshotConnection.sendSnapshotChunk`. */
  send(chunk: SnapshotChunk): Promise<void> {
    if (this.#finish !== undefined && this.#ended === undefined) return Promise.reject(finished());
    return this.#queue.send(chunk);
  }

  /** As `ISnapshotConnection.finish`: resolves with `complete`. */
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
      this.fail(error as Error);
    });
    return promise;
  }

  /** To be called when the level has fallen. */
  pump(): void {
    this.#queue.pump();
  }

  /** The receiver has taken everything. */
  complete(): void {
    if (this.#ended !== undefined) return;
    this.#ended = finished();
    this.#queue.fail(this.#ended);
    this.#finish?.resolve();
  }

  /** The stream is over without that. How it ended first stands. */
  fail(error: Error): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#queue.fail(error);
    this.#finish?.reject(error);
  }

  /** The receiver at `peer` does not want the snapshot. */
  failRefused(peer: string): void {
    this.fail(new ErrConnectionClosed(`${peer} refused the snapshot stream`, { details: { refused: true } }));
  }

  /** Ends the stream from this side; gives what its connection is to be ended with. */
  cut(): Error {
    const error = new ErrConnectionClosed('the snapshot stream was cut by its sender');
    this.fail(error);
    return error;
  }
}

function finished(): ErrConnectionClosed {
  return new ErrConnectionClosed('the snapshot stream is finished');
}
