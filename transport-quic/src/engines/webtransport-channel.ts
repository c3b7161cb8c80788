import type { Channel, ChannelHandlers } from '../engine.js';
import { destroyAfter } from './close-timer.js';
import type { WebTransportSession, WebTransportStream } from './webtransport-library.js';

export interface WebTransportChannelSession {
  session: WebTransportSession;
  peer: string;
  closeTimeoutMs: number;
  /** See `Channel`: the fingerprint of the server's certificate in the TLS handshake. */
  serverFingerprint: Uint8Array | undefined;
  /** Ends the session and what is below it at once, then calls `done`. */
  end: (done: () => void) => void;
}

/** The one stream of a WebTransport session, and the session with it. */
export class WebTransportChannel implements Channel {
  readonly peer: string;
  readonly closed: Promise<void>;
  readonly #below: WebTransportChannelSession;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #handlers: ChannelHandlers | undefined;
  #hasEnded = false;
  #isClosing = false;
  #isDestroyed = false;
  #resolveClosed: () => void = () => undefined;

  constructor(stream: WebTransportStream, below: WebTransportChannelSession) {
    this.peer = below.peer;
    this.#below = below;
    this.#reader = stream.readable.getReader();
    this.#writer = stream.writable.getWriter();
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  attach(handlers: ChannelHandlers): void {
    this.#handlers = handlers;
    this.#reader.closed.catch(ignore);
    this.#writer.closed.catch(ignore);
    this.#writer.ready.catch(ignore);
    void this.#read(handlers);
    const sessionEnded = (): void => {
      this.sessionEnded(undefined);
    };
    this.#below.session.closed.then(sessionEnded, sessionEnded);
  }

  packetsRead(): undefined {
    return undefined;
  }

  write(bytes: Uint8Array): void {
    if (this.#hasEnded || this.#isClosing) return;
    this.#writer.write(bytes).catch(ignore);
  }

  close(): void {
    if (this.#isClosing || this.#isDestroyed) return;
    this.#isClosing = true;
    if (this.#hasEnded) {
      this.destroy();
      return;
    }
    this.#writer.close().catch(ignore);
    destroyAfter(this.#below.closeTimeoutMs, this.closed, () => {
      this.destroy();
    });
  }

  destroy(): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.#hasEnded = true;
    this.#below.end(this.#resolveClosed);
  }

  binding(): Uint8Array | undefined {
    return this.#below.serverFingerprint;
  }

  confirms(binding: Uint8Array): boolean {
    const seen = this.#below.serverFingerprint;
    return seen !== undefined && Buffer.compare(seen, binding) === 0;
  }

  /** The session has ended, by whichever side. */
  sessionEnded(reason: Error | undefined): void {
    this.#streamEnded(reason);
    this.destroy();
  }

  async #read(handlers: ChannelHandlers): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await this.#reader.read();
        if (done) break;
        if (!this.#hasEnded && !this.#isClosing) handlers.onData(value);
      }
      this.#streamEnded(undefined);
    } catch (error) {
      this.#streamEnded(error as Error);
    }
  }

  #streamEnded(reason: Error | undefined): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (this.#isClosing) this.destroy();
    else this.#handlers?.onEnd(reason);
  }
}

/**
 * Reads what nobody but an attacker sends: datagrams, which are dropped, and streams besides the one, of which the
 * first calls `onExtra`. Not read, they would pile up.
 */
export function watchForExtras(
  session: WebTransportSession,
  bidirectional: ReadableStreamDefaultReader<WebTransportStream>,
  onExtra: () => void,
): void {
  void drain(session.datagrams.readable.getReader(), ignore);
  void drain(session.incomingUnidirectionalStreams.getReader(), onExtra);
  void drain(bidirectional, onExtra);
}

async function drain<T>(reader: ReadableStreamDefaultReader<T>, onEach: () => void): Promise<void> {
  try {
    while (!(await reader.read()).done) onEach();
  } catch {
    // The session has ended, which its channel knows.
  }
}

function ignore(): void {
  // Told elsewhere.
}
