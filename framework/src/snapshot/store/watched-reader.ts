import { throwIfStopped } from '../failure.js';

/**
 * The data of a snapshot on its way to a state machine, which may stop reading early, read again, or make something
 * else of an error. Afterwards `finish` tells whether the whole of the data was good, reading only what nobody has.
 */
export class WatchedReader implements AsyncIterable<Uint8Array> {
  readonly #source: AsyncIterable<Uint8Array>;
  #rest: AsyncIterator<Uint8Array> | undefined;
  #isComplete = false;
  #failure: { error: unknown } | undefined;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source;
  }

  /** What reading has thrown, if it has. */
  get failure(): { error: unknown } | undefined {
    return this.#failure;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    const source = this.#source[Symbol.asyncIterator]();
    this.#rest = source;
    let ended = false;
    return {
      next: async () => (ended ? { done: true, value: undefined } : this.#next(source)),
      // The source stays where it is: `finish` goes on from there.
      return: async () => {
        ended = true;
        return { done: true, value: undefined };
      },
    };
  }

  /** @throws what reading has thrown, also when the reader passed it over; ErrSnapshotStopped */
  async finish(signal: AbortSignal): Promise<void> {
    const rest = this.#rest ?? this.#source[Symbol.asyncIterator]();
    while (!this.#isComplete && this.#failure === undefined) {
      throwIfStopped(signal, 'reading a snapshot');
      await this.#next(rest).catch(() => undefined); // kept as the failure
    }
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #next(source: AsyncIterator<Uint8Array>): Promise<IteratorResult<Uint8Array>> {
    try {
      const result = await source.next();
      if (result.done === true) this.#isComplete = true;
      return result;
    } catch (error) {
      this.#failure ??= { error };
      throw error;
    }
  }
}
