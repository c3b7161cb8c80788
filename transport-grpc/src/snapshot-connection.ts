import {
  ErrConnectionClosed,
  type ISnapshotConnection,
  type SnapshotChunk,
  encodeSnapshotChunk,
} from '@drakkar/raftio';
import { SendQueue, asConnectionClosed } from '@drakkar/raftio/transport';
import type { OutgoingStream } from './outgoing-stream.js';

const END = Symbol('end of stream');

/**
 * The sending end of a call of RaftSnapshot. The receiver reads a chunk when it has taken the one before, so the
 * flow control of HTTP/2 holds the sender up; its end of the call says that it has taken all.
 */
export class SnapshotConnection implements ISnapshotConnection {
  readonly #stream: OutgoingStream;
  readonly #queue: SendQueue<SnapshotChunk | typeof END>;
  #ended: Error | undefined;
  #finish: { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } | undefined;

  constructor(stream: OutgoingStream, highWaterMarkBytes: number) {
    this.#stream = stream;
    this.#queue = new SendQueue<SnapshotChunk | typeof END>({
      encode: (item) => (item === END ? new Uint8Array(0) : encodeSnapshotChunk(item)),
      write: (bytes) => {
        if (bytes.length === 0) stream.end();
        else stream.write(bytes);
      },
      level: () => stream.level,
      highWaterMarkBytes,
    });
    stream.attach({
      onDrain: () => {
        this.#queue.pump();
      },
      onEnded: (reason) => {
        if (reason === undefined) this.#complete();
        else this.#fail(asConnectionClosed(reason));
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
    this.#stream.terminate(error);
  }

  #complete(): void {
    if (this.#ended !== undefined) return;
    this.#ended = new ErrConnectionClosed('the snapshot stream is finished');
    this.#queue.fail(this.#ended);
    this.#finish?.resolve();
  }

  #fail(error: Error): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#queue.fail(error);
    this.#finish?.reject(error);
  }
}
