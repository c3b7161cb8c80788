import type { QuicServer, QuicServerSession, QuicStream } from '@currentspace/http3';
import { ErrTLS } from '@drakkar/raftio';
import type { Identity } from '@drakkar/raftio/transport';
import type { EngineListener, EngineOptions, ListenRequest } from '../engine.js';
import { sha256 } from '../security/proof.js';
import { makeThrowawayCertificate } from '../security/throwaway.js';
import { ALPN, type QuicLibrary, RUNTIME, idleTimeoutMs } from './quic.js';
import { QuicChannel } from './quic-channel.js';
import { probeUdpPort } from './udp-port.js';

const PORT_PATIENCE_MS = 5000;
const PORT_RETRY_MS = 20;

/**
 * Sessions of raw QUIC that others have opened. The CA that clients are checked against can't be changed in the
 * library's server: when it does change, the server is replaced by another at the same port, which ends its sessions.
 */
export class QuicListener implements EngineListener {
  readonly #library: QuicLibrary;
  readonly #request: ListenRequest;
  readonly #options: EngineOptions;
  readonly #ip: string;
  readonly #sessions = new Set<QuicServerSession>();
  readonly #channels = new Map<QuicServerSession, QuicChannel>();
  #server: QuicServer | undefined;
  #ca: string;
  #replacing: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(library: QuicLibrary, request: ListenRequest, options: EngineOptions, ip: string) {
    this.#library = library;
    this.#request = request;
    this.#options = options;
    this.#ip = ip;
    this.#ca = String(request.identity?.options.ca);
  }

  static async open(
    library: QuicLibrary,
    request: ListenRequest,
    options: EngineOptions,
  ): Promise<QuicListener> {
    const ip = await probeUdpPort(request.host, request.port, request.address);
    const listener = new QuicListener(library, request, options, ip);
    await listener.#listen(request.identity);
    return listener;
  }

  endsSessionsFor(identity: Identity): boolean {
    return String(identity.options.ca) !== this.#ca;
  }

  useIdentity(identity: Identity): Promise<void> {
    const replaced = this.#replacing.then(() => this.#replace(identity));
    this.#replacing = replaced.catch(() => undefined);
    return replaced;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#replacing;
    await this.#closeServer();
  }

  async #replace(identity: Identity): Promise<void> {
    if (this.#closed || !this.endsSessionsFor(identity)) return;
    this.#ca = '';
    await this.#closeServer();
    await this.#freePort();
    await this.#listen(identity);
    this.#ca = String(identity.options.ca);
  }

  /** Waits until the port that the server had is free. */
  async #freePort(): Promise<void> {
    const { host, port, address } = this.#request;
    const end = performance.now() + PORT_PATIENCE_MS;
    for (;;) {
      try {
        await probeUdpPort(host, port, address);
        return;
      } catch (error) {
        if (performance.now() > end) throw error;
        await new Promise((resolve) => setTimeout(resolve, PORT_RETRY_MS));
      }
    }
  }

  async #listen(identity: Identity | undefined): Promise<void> {
    const server = this.#library.createQuicServer({
      ...RUNTIME,
      ...(identity === undefined ? await plain() : authenticated(identity)),
      alpn: ALPN,
      maxIdleTimeoutMs: idleTimeoutMs(this.#options),
      maxConnections: this.#request.maxSessions,
      initialMaxStreamsBidi: 1,
    });
    server.on('session', (session) => {
      this.#accept(session);
    });
    server.on('error', (error) => {
      this.#request.onRefused(`accepting connections failed: ${error.message}`, '');
    });
    try {
      await server.listen(this.#request.port, this.#ip);
    } catch (error) {
      await server.close().catch(() => undefined);
      throw new ErrTLS(`can't listen on ${this.#request.address}: ${(error as Error).message}`, { cause: error });
    }
    this.#server = server;
  }

  async #closeServer(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const session of [...this.#sessions]) this.#ended(session, new Error('the host stops listening'));
    await server?.close();
  }

  #accept(session: QuicServerSession): void {
    const peer = `${session.remoteAddress}:${session.remotePort}`;
    this.#sessions.add(session);
    const deadline = setTimeout(() => {
      if (this.#channels.has(session)) return;
      this.#request.onRefused('a client opened no stream in time', peer);
      session.close();
    }, this.#options.handshakeTimeoutMs);
    deadline.unref();
    session.on('error', (error) => {
      this.#ended(session, error);
    });
    session.on('close', ({ errorCode, reason }) => {
      clearTimeout(deadline);
      const why = errorCode === 0 ? undefined : new Error(`the session ended with code ${errorCode}, ${reason}`);
      this.#ended(session, why);
    });
    session.on('stream', (stream) => {
      clearTimeout(deadline);
      this.#open(session, stream, peer);
    });
  }

  #open(session: QuicServerSession, stream: QuicStream, peer: string): void {
    if (this.#channels.has(session) || !this.#sessions.has(session)) {
      stream.on('error', () => undefined);
      this.#ended(session, new Error('a client opened a second stream'));
      session.close();
      return;
    }
    const certificate = session.peerCertificatePresented ? session.getPeerCertificate() : null;
    const channel = new QuicChannel(stream, {
      peer,
      closeTimeoutMs: this.#options.closeTimeoutMs,
      clientFingerprint: certificate === null ? undefined : sha256(certificate.raw),
      end: (done) => {
        if (this.#sessions.delete(session)) session.close();
        this.#channels.delete(session);
        done();
      },
    });
    this.#channels.set(session, channel);
    this.#request.onChannel(channel);
  }

  #ended(session: QuicServerSession, reason: Error | undefined): void {
    const channel = this.#channels.get(session);
    if (channel === undefined) this.#sessions.delete(session);
    else channel.sessionEnded(reason);
  }
}

/**
 * Certificates are asked for, not demanded, by the library: one that is shown is verified in the TLS handshake, which
 * fails if it is not good; a client that shows none gets to say hello and is then told why it is refused.
 */
function authenticated({ options }: Identity): {
  key: string;
  cert: string;
  ca: string;
  clientAuth: 'request';
} {
  return { key: String(options.key), cert: String(options.cert), ca: String(options.ca), clientAuth: 'request' };
}

async function plain(): Promise<{ key: string; cert: string; clientAuth: 'none' }> {
  const { key, cert } = await makeThrowawayCertificate();
  return { key, cert, clientAuth: 'none' };
}
