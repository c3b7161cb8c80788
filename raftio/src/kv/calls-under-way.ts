/** The calls of a LogDB that have begun and not ended, for `close` to wait for. */
export class CallsUnderWay {
  readonly #calls = new Set<Promise<unknown>>();

  /** Begins the call at once; settles as it does. */
  async track<T>(call: () => Promise<T>): Promise<T> {
    const promise = call();
    this.#calls.add(promise);
    try {
      return await promise;
    } finally {
      this.#calls.delete(promise);
    }
  }

  /** Resolves, whatever became of them, when the calls have ended that are under way now. */
  async ended(): Promise<void> {
    await Promise.allSettled([...this.#calls]);
  }
}
