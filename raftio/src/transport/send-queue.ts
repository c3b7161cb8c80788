import { MAX_MESSAGE_BYTES } from '../constants.js';
import { ErrMessageTooLarge } from '../errors.js';

export interface SendQueueOptions<T> {
  /** `undefined` when there is nothing to be written for this item. */
  encode: (item: T) => Uint8Array | undefined;
  /** Hands encoded bytes on; from then on they count in `level`. */
  write: (bytes: Uint8Array) => void;
  /** Bytes written and not yet out of our hands. */
  level: () => number;
  /** The level from which senders wait. */
  highWaterMarkBytes: number;
}

interface Waiting<T> {
  /** What is still to be written; `undefined` once it is written and only room for another is waited for. */
  item: { readonly value: T } | undefined;
  resolve: () => void;
  reject: (error: Error) => void;
}

const READY = Promise.resolve();

/**
 * Order and back-pressure of one sender. An item sent while there is room is encoded and written at once; an item
 * sent while there is none is kept as it is and encoded in its turn, so that encoded bytes never exceed the mark by
 * more than one item, also when the caller does not wait.
 */
export class SendQueue<T> {
  readonly #options: SendQueueOptions<T>;
  readonly #waiting: Waiting<T>[] = [];
  #failure: Error | undefined;

  constructor(options: SendQueueOptions<T>) {
    this.#options = options;
  }

  /** Resolves when there is room for another item; rejects with ErrMessageTooLarge, or what `fail` was given. */
  send(value: T): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    let item: { readonly value: T } | undefined = { value };
    if (this.#waiting.length === 0 && this.#hasRoom()) {
      try {
        this.#write(value);
      } catch (error) {
        return Promise.reject(asError(error));
      }
      if (this.#hasRoom()) return READY;
      item = undefined;
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
    });
  }

  /** To be called when the level has fallen. */
  pump(): void {
    while (this.#waiting.length > 0 && this.#hasRoom()) {
      const head = this.#waiting[0] as Waiting<T>;
      if (head.item !== undefined) {
        const { value } = head.item;
        head.item = undefined;
        try {
          this.#write(value);
        } catch (error) {
          this.#waiting.shift();
          head.reject(asError(error));
          continue;
        }
        if (!this.#hasRoom()) return;
      }
      this.#waiting.shift();
      head.resolve();
    }
  }

  /** Rejects everything that waits and everything to come. The first failure stands. */
  fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  #hasRoom(): boolean {
    return this.#options.level() < this.#options.highWaterMarkBytes;
  }

  #write(value: T): void {
    const bytes = this.#options.encode(value);
    if (bytes === undefined) return;
    if (bytes.length > MAX_MESSAGE_BYTES) {
      throw new ErrMessageTooLarge(`${bytes.length} bytes to send, of at most ${MAX_MESSAGE_BYTES}`, {
        details: { sizeBytes: bytes.length, maxBytes: MAX_MESSAGE_BYTES },
      });
    }
    this.#options.write(bytes);
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
