import {
  ErrConnectionClosed,
  ErrMalformed,
  type IConnection,
  type ISnapshotConnection,
  type MessageBatch,
  type SnapshotChunk,
  encodeMessageBatch,
  encodeSnapshotChunk,
} from '@drakkar/raftio';
import { SendQueue, asConnectionClosed } from '@drakkar/raftio/transport';
import { FrameType } from './frames.js';
import type { Link } from './link.js';

/** Bytes of a snapshot that may be sent ahead of the answers: bounds the memory of both sides. */
const SNAPSHOT_WINDOW_BYTES = 8 * 1024 * 1024;

const unexpected = (type: FrameType): Error => new ErrMalformed(`a frame of type ${type} where none is due`);

/** Sends batches; a sender waits while `sendBufferBytes` of them have not left the process. */
export class MessageConnection implements IConnection {
  readonly closed: Promise<Error | undefined>;
  readonly #link: Link;
  readonly #queue: SendQueue<MessageBatch>;

  constructor(link: Link, sendBufferBytes: number) {
    this.#link = link;
    this.closed = link.closed;
    this.#queue = new SendQueue<MessageBatch>({
      encode: encodeMessageBatch,
      write: (bytes) => link.send(FrameType.Data, bytes),
      level: () => link.bufferedBytes,
      highWaterMarkBytes: Math.max(1, sendBufferBytes),
    });
    link.onDrain = () => this.#queue.pump();
    // Nothing is due but signs of life: whatever this gives is the end.
    const ended = link.read(0).then(({ type }) => unexpected(type));
    void ended.catch((error: Error) => error).then((reason) => this.#end(reason));
  }

  sendMessageBatch(batch: MessageBatch): Promise<void> {
    return this.#queue.send(batch);
  }

  close(): void {
    this.#end(new ErrConnectionClosed());
  }

  #end(reason: Error): void {
    this.#queue.fail(asConnectionClosed(this.#link.end(reason)));
  }
}

const END = Symbol('end of stream');

/** Sends the chunks of one snapshot. The peer answers each when its sink has taken it. */
export class SnapshotConnection implements ISnapshotConnection {
  readonly #link: Link;
  readonly #queue: SendQueue<SnapshotChunk | typeof END>;
  /** Sizes of the chunks without an answer, oldest first. */
  readonly #unanswered: number[] = [];
  readonly #done: Promise<void>;
  #isFinishing = false;

  constructor(link: Link) {
    this.#link = link;
    this.#queue = new SendQueue<SnapshotChunk | typeof END>({
      encode: (item) => (item === END ? new Uint8Array(0) : encodeSnapshotChunk(item)),
      write: (bytes) => {
        link.send(bytes.length === 0 ? FrameType.End : FrameType.Data, bytes);
        if (bytes.length > 0) this.#unanswered.push(bytes.length);
      },
      level: () => this.#unanswered.reduce((sum, sizeBytes) => sum + sizeBytes, 0),
      highWaterMarkBytes: SNAPSHOT_WINDOW_BYTES,
    });
    this.#done = this.#hearAnswers();
    this.#done.catch(() => undefined); // It is `finish` that tells of it.
  }

  async sendSnapshotChunk(chunk: SnapshotChunk): Promise<void> {
    if (this.#isFinishing) throw new ErrConnectionClosed('the snapshot stream is finished');
    await this.#queue.send(chunk);
  }

  async finish(): Promise<void> {
    if (!this.#isFinishing) {
      this.#isFinishing = true;
      await this.#queue.send(END);
    }
    await this.#done;
  }

  close(): void {
    this.#end(new ErrConnectionClosed('the snapshot stream was cut by its sender'));
  }

  async #hearAnswers(): Promise<void> {
    try {
      for (;;) {
        const { type } = await this.#link.read(0);
        const isAnswer = this.#unanswered.shift() !== undefined;
        if (type === FrameType.Done && !isAnswer && this.#isFinishing) break;
        if (type === FrameType.Refused)
          throw new ErrConnectionClosed(`${this.#link.peer} refused the snapshot`);
        if (type !== FrameType.Taken || !isAnswer) throw unexpected(type);
        this.#queue.pump();
      }
    } catch (error) {
      throw this.#end(error as Error);
    }
    this.#end(new ErrConnectionClosed('the snapshot stream is finished'));
  }

  #end(reason: Error): Error {
    const error = asConnectionClosed(this.#link.end(reason));
    this.#queue.fail(error);
    return error;
  }
}
