/** The user's wish to end early: Ctrl-C, or a polite kill. */
export class Interruption {
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #onSignal = (name: NodeJS.Signals): void => {
    this.#exitCode = name === 'SIGINT' ? 130 : 143;
    this.#controller.abort(new Error('interrupted'));
  };
  #exitCode = 0;

  constructor() {
    this.signal = this.#controller.signal;
    process.on('SIGINT', this.#onSignal);
    process.on('SIGTERM', this.#onSignal);
  }

  /** What a shell expects of a program that ended for this reason. */
  get exitCode(): number {
    return this.#exitCode;
  }

  /** `work`, but rejects at once when the user wants an end; what the work comes to is then of no interest. */
  async orEnd<T>(work: Promise<T>): Promise<T> {
    const { signal } = this;
    work.catch(() => {});
    return await new Promise<T>((resolve, reject) => {
      const stop = (): void => reject(signal.reason as Error);
      if (signal.aborted) stop();
      signal.addEventListener('abort', stop, { once: true });
      work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
    });
  }

  dispose(): void {
    process.off('SIGINT', this.#onSignal);
    process.off('SIGTERM', this.#onSignal);
  }
}
