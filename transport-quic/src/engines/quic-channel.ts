import type { QuicStream } from '@currentspace/http3';
import type { Channel, ChannelHandlers } from '../engine.js';
import { destroyAfter } from './close-timer.js';

export interface QuicChannelSession {
  peer: string;
  /** Ends the session, which the peer is told; then calls `done`. */
  end: (done: () => void) => void;
  closeTimeoutMs: number;
  packetsRead: () => number | undefined;
  /** See `Channel`: the fingerprint of the client's certificate in the TLS handshake. */
  clientFingerprint: Uint8Array | undefined;
}

/** The one stream of a QUIC session, and the session with it. */
export class QuicChannel implements Channel {
  readonly peer: string;
  readonly closed: Promise<void>;
  readonly #stream: QuicStream;
  readonly #session: QuicChannelSession;
  #handlers: ChannelHandlers | undefined;
  #hasEnded = false;
  #isClosing = false;
  #isDestroyed = false;
  #isReading = false;
  /** Writes, and the end, that were asked for while something was read. */
  readonly #putOff: (() => void)[] = [];
  #resolveClosed: () => void = () => undefined;

  constructor(stream: QuicStream, session: QuicChannelSession) {
    this.peer = session.peer;
    this.#stream = stream;
    this.#session = session;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  attach(handlers: ChannelHandlers): void {
    this.#handlers = handlers;
    this.#stream.on('data', (bytes: Buffer) => {
      if (this.#hasEnded || this.#isClosing) return;
      this.#isReading = true;
      try {
        handlers.onData(bytes);
      } finally {
        this.#isReading = false;
      }
    });
    this.#stream.on('end', () => {
      this.#streamEnded(undefined);
    });
    // An error without a listener would end the process; it is how the library tells of the end of a session too.
    this.#stream.on('error', (error) => {
      this.#streamEnded(error);
    });
    this.#stream.on('close', () => {
      this.#streamEnded(undefined);
    });
  }

  packetsRead(): number | undefined {
    return this.#session.packetsRead();
  }

  write(bytes: Uint8Array): void {
    if (this.#hasEnded || this.#isClosing || this.#stream.destroyed) return;
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#whenRead(() => this.#stream.write(buffer));
  }

  /**
   * Of a write in the call that hands data out, the library forgets the rest when the peer's window has no room for all of
   * it: nothing is sent any more. So such writes wait until that call is over.
   */
  #whenRead(write: () => void): void {
    if (!this.#isReading && this.#putOff.length === 0) {
      write();
      return;
    }
    this.#putOff.push(write);
    if (this.#putOff.length > 1) return;
    process.nextTick(() => {
      const writes = this.#putOff.splice(0);
      if (!this.#stream.destroyed) for (const each of writes) each();
    });
  }

  close(): void {
    if (this.#isClosing || this.#isDestroyed) return;
    this.#isClosing = true;
    if (this.#hasEnded || this.#stream.destroyed) {
      this.destroy();
      return;
    }
    this.#whenRead(() => this.#stream.end());
    destroyAfter(this.#session.closeTimeoutMs, this.closed, () => {
      this.destroy();
    });
  }

  destroy(): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.#hasEnded = true;
    this.#session.end(this.#resolveClosed);
  }

  binding(): Uint8Array | undefined {
    return this.#session.clientFingerprint;
  }

  confirms(binding: Uint8Array): boolean {
    const own = this.#session.clientFingerprint;
    return own !== undefined && Buffer.compare(own, binding) === 0;
  }

  /** The session has ended, by whichever side. */
  sessionEnded(reason: Error | undefined): void {
    this.#streamEnded(reason);
    this.destroy();
  }

  #streamEnded(reason: Error | undefined): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (this.#isClosing) this.destroy();
    else this.#handlers?.onEnd(reason);
  }
}
