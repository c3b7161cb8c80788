import { setMaxListeners } from 'node:events';
import { ErrConnectFailed, ErrTransportStopped, hasErrorCode } from '../errors.js';

/** The attempts to connect of one transport: each ends when its caller aborts it, and all of them with the transport. */
export class ConnectAttempts {
  readonly #stopping = new AbortController();
  readonly #running = new Set<Promise<unknown>>();

  constructor() {
    setMaxListeners(0, this.#stopping.signal);
  }

  get stopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  /**
   * Runs `connect`, which must reject with ErrConnectFailed soon after the signal that it is given aborts. Rejects
   * with ErrTransportStopped when the transport is stopped before or meanwhile.
   */
  async run<T>(
    target: string,
    signal: AbortSignal,
    connect: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    if (this.stopped) throw new ErrTransportStopped();
    const attempt = this.#connect(target, signal, connect);
    this.#running.add(attempt);
    try {
      return await attempt;
    } catch (error) {
      // What failed because of the stop is told as the stop.
      throw this.stopped && hasErrorCode(error, 'ERR_CONNECT_FAILED')
        ? new ErrTransportStopped(undefined, { cause: error })
        : error;
    } finally {
      this.#running.delete(attempt);
    }
  }

  /** Aborts all attempts and waits for their end. */
  async stop(): Promise<void> {
    this.#stopping.abort(new ErrTransportStopped());
    await Promise.allSettled(this.#running);
  }

  async #connect<T>(
    target: string,
    signal: AbortSignal,
    connect: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    if (signal.aborted) throw attemptAborted(target, signal.reason);
    const either = new AbortController();
    const abort = (): void => {
      either.abort(signal.reason);
    };
    signal.addEventListener('abort', abort);
    this.#stopping.signal.addEventListener('abort', abort);
    try {
      return await connect(either.signal);
    } finally {
      signal.removeEventListener('abort', abort);
      this.#stopping.signal.removeEventListener('abort', abort);
    }
  }
}

export function attemptAborted(target: string, reason: unknown): ErrConnectFailed {
  return new ErrConnectFailed(`the attempt to connect to ${target} was aborted`, {
    cause: reason,
    details: { target },
  });
}

export function attemptTimedOut(target: string, timeoutMs: number): ErrConnectFailed {
  return new ErrConnectFailed(`no answer from ${target} within ${timeoutMs} ms`, { details: { target } });
}
