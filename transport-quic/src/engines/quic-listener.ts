import type { QuicServer, QuicServerSession, QuicStream } from '@currentspace/http3';
import { ErrInvalidAddress } from '@drakkar/raftio';
import { printable } from '@drakkar/raftio/transport';
import type { EngineListener, EngineOptions, ListenRequest } from '../engine.js';
import { makeServerCertificate, makeSessionCA } from '../security/session-certificates.js';
import { sha256 } from '../security/proof.js';
import { ALPN, type QuicLibrary, RUNTIME, idleTimeoutMs } from './quic-library.js';
import { QuicChannel } from './quic-channel.js';
import { probeUdpPort } from './udp-port.js';

/**
 * What the library may come to hold of a session, in whatever streams and order it arrives, before it gives more by
 * itself to one that is read; its default of 100 MB would be there for everybody who has not proven anything yet.
 */
const SESSION_WINDOW_BYTES = 16 * 1024 * 1024;

/** Sessions of raw QUIC that others have opened. */
export class QuicListener implements EngineListener {
  readonly #request: ListenRequest;
  readonly #options: EngineOptions;
  readonly #server: QuicServer;
  /** With what takes each from those who have not opened their stream. What is not here any more was closed. */
  readonly #sessions = new Map<QuicServerSession, () => void>();
  readonly #channels = new Map<QuicServerSession, QuicChannel>();

  private constructor(server: QuicServer, request: ListenRequest, options: EngineOptions) {
    this.#server = server;
    this.#request = request;
    this.#options = options;
    server.on('session', (session) => {
      this.#accept(session);
    });
    server.on('error', (error) => {
      request.onRefused(`accepting connections failed: ${error.message}`, '');
    });
  }

  static async open(
    library: QuicLibrary,
    request: ListenRequest,
    options: EngineOptions,
  ): Promise<QuicListener> {
    const { host, port, address, maxSessions } = request;
    const ip = await probeUdpPort(host, port, address);
    const { cert, key } = await makeServerCertificate();
    const server = library.createQuicServer({
      ...RUNTIME,
      cert,
      key,
      // Asked for rather than demanded: a client that shows none gets to say hello and is then told why it is refused.
      ...(request.mutualTLS
        ? { ca: await makeSessionCA(), clientAuth: 'request' as const }
        : { clientAuth: 'none' as const }),
      alpn: ALPN,
      maxIdleTimeoutMs: idleTimeoutMs(options),
      maxConnections: maxSessions,
      // Nothing is held for a client that has not shown that it receives at the address it sends from.
      disableRetry: false,
      initialMaxStreamsBidi: 1,
      initialMaxData: SESSION_WINDOW_BYTES,
    });
    const listener = new QuicListener(server, request, options);
    try {
      await server.listen(port, ip);
    } catch (error) {
      await server.close().catch(() => undefined);
      throw new ErrInvalidAddress(`can't listen on ${address}: ${(error as Error).message}`, {
        cause: error,
      });
    }
    return listener;
  }

  async close(): Promise<void> {
    for (const session of [...this.#sessions.keys()]) {
      this.#ended(session, new Error('the host stops listening'));
    }
    await this.#server.close();
  }

  #accept(session: QuicServerSession): void {
    const peer = `${session.remoteAddress}:${session.remotePort}`;
    const deadline = setTimeout(() => {
      this.#request.onRefused('a client opened no stream in time', peer);
      this.#drop(session);
    }, this.#options.handshakeTimeoutMs);
    deadline.unref();
    const leave = this.#request.newcomers.enter(() => {
      this.#request.onRefused('a client was cut before it opened a stream: too many are at it', peer);
      this.#drop(session);
    });
    const admit = (): void => {
      clearTimeout(deadline);
      leave();
    };
    this.#sessions.set(session, admit);
    session.on('error', (error) => {
      this.#ended(session, error);
    });
    session.on('close', ({ errorCode, reason }) => {
      // Before all else: the library gives its number to the next session, which a late close would hit.
      this.#forget(session);
      const why =
        errorCode === 0
          ? undefined
          : new Error(`the session ended with code ${errorCode}, ${printable(reason)}`);
      this.#ended(session, why);
    });
    session.on('stream', (stream) => {
      admit();
      this.#open(session, stream, peer);
    });
  }

  #open(session: QuicServerSession, stream: QuicStream, peer: string): void {
    if (this.#channels.has(session) || !this.#sessions.has(session)) {
      stream.on('error', () => undefined);
      this.#ended(session, new Error('a client opened a second stream'));
      return;
    }
    const certificate = session.peerCertificatePresented ? session.getPeerCertificate() : null;
    const channel = new QuicChannel(stream, {
      peer,
      closeTimeoutMs: this.#options.closeTimeoutMs,
      clientFingerprint: certificate === null ? undefined : sha256(certificate.raw),
      packetsRead: () => session.getMetrics()?.packetsIn,
      end: (done) => {
        this.#drop(session);
        this.#channels.delete(session);
        done();
      },
    });
    this.#channels.set(session, channel);
    this.#request.onChannel(channel);
  }

  #ended(session: QuicServerSession, reason: Error | undefined): void {
    const channel = this.#channels.get(session);
    if (channel === undefined) this.#drop(session);
    else channel.sessionEnded(reason);
  }

  /** Closes the session, once: a second time its number may be another's. */
  #drop(session: QuicServerSession): void {
    if (this.#forget(session)) session.close();
  }

  #forget(session: QuicServerSession): boolean {
    this.#sessions.get(session)?.();
    return this.#sessions.delete(session);
  }
}
