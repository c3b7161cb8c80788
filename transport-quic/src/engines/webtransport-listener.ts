import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { ErrAddressInUse, ErrInvalidAddress, ErrUnsupported } from '@drakkar/raftio';
import type { EngineListener, EngineName, EngineOptions, ListenRequest } from '../engine.js';
import { type KeyedCertificate, makeServerCertificate } from '../security/session-certificates.js';
import { probeUdpPort } from './udp-port.js';
import { calmPings, contain, containSessions } from './containment.js';
import { WebTransportChannel, watchForExtras } from './webtransport-channel.js';
import {
  type WebTransportLibrary,
  type WebTransportServer,
  type WebTransportSession,
  http2ServerOf,
} from './webtransport-library.js';

/** Where hosts find each other at a WebTransport server. */
export const PATH = '/drakkar';

const MIB = 1024 * 1024;
/** The defaults of the library stall a stream after 16 KiB. */
export const WINDOWS = {
  initialStreamFlowControlWindow: 6 * MIB,
  initialSessionFlowControlWindow: 15 * MIB,
};

/**
 * HTTP/2 has a window of its own below WebTransport's, by default 64 KiB for each round trip. What is held is bounded
 * by credit, so this one need not bind.
 */
const HTTP2_WINDOW_BYTES = 16 * MIB;

/** Sessions of WebTransport that others have opened. */
export class WebTransportListener implements EngineListener {
  readonly #server: WebTransportServer;
  readonly #certificate: KeyedCertificate;
  readonly #request: ListenRequest;
  readonly #options: EngineOptions;
  readonly #isHttp3: boolean;
  readonly #sockets = new HttpSockets();
  readonly #sessions = new Set<WebTransportSession>();
  #isListening = false;

  private constructor(
    server: WebTransportServer,
    certificate: KeyedCertificate,
    request: ListenRequest,
    options: EngineOptions,
    isHttp3: boolean,
  ) {
    this.#isHttp3 = isHttp3;
    this.#server = server;
    this.#certificate = certificate;
    this.#request = request;
    this.#options = options;
  }

  static async open(
    engine: EngineName,
    library: WebTransportLibrary,
    request: ListenRequest,
    options: EngineOptions,
  ): Promise<WebTransportListener> {
    const isHttp3 = engine === 'webtransport';
    const { host, port, address } = request;
    const ip = isHttp3 ? await probeUdpPort(host, port, address) : host;
    const certificate = await makeServerCertificate();
    const settings = {
      ...WINDOWS,
      host: ip,
      port,
      secret: randomBytes(32).toString('hex'),
      cert: certificate.cert,
      privKey: certificate.key,
    };
    const server = isHttp3 ? new library.Http3Server(settings) : new library.Http2Server(settings);
    const listener = new WebTransportListener(server, certificate, request, options, isHttp3);
    try {
      await listener.#start();
    } catch (error) {
      await listener.close();
      throw explainListenError(error, address);
    }
    return listener;
  }

  async close(): Promise<void> {
    const sessions = [...this.#sessions];
    for (const session of sessions) session.close({ closeCode: 0, reason: 'stopping' });
    if (this.#isListening) {
      if (this.#isHttp3) await this.#untilSaid(sessions);
      this.#server.stopServer();
      if (this.#isHttp3) await this.#untilSaid([this.#server]);
    }
    await this.#sockets.close(this.#isListening);
  }

  /** HTTP/3 needs its socket for the goodbyes of its sessions, which may also take indefinitely. */
  async #untilSaid(closing: readonly { closed: Promise<unknown> }[]): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise((resolve) => {
      timer = setTimeout(resolve, this.#options.closeTimeoutMs);
    });
    await Promise.race([Promise.allSettled(closing.map(({ closed }) => closed)), limit]);
    clearTimeout(timer);
  }

  async #start(): Promise<void> {
    const server = this.#server;
    server.setRequestCallback(({ header }) => {
      const isOurs = header[':path'] === PATH && (this.#isHttp3 || header[':protocol'] === 'webtransport');
      return Promise.resolve(isOurs ? { status: 200, path: PATH, header, userData: {} } : { status: 404 });
    });
    const sessions = server.sessionStream(PATH);
    server.ready.catch(() => undefined);
    server.startServer();
    if (!this.#isHttp3) this.#sockets.guard(server, this.#request, this.#options.handshakeTimeoutMs);
    await server.ready;
    this.#isListening = true;
    void this.#acceptAll(sessions.getReader());
  }

  async #acceptAll(sessions: ReadableStreamDefaultReader<WebTransportSession>): Promise<void> {
    for (;;) {
      const { done, value } = await sessions.read();
      if (done) return;
      this.#accept(value).catch((error: unknown) => {
        this.#end(value, () => undefined);
        this.#request.onRefused(`a client failed: ${(error as Error).message}`, value.peerAddress ?? '');
      });
    }
  }

  async #accept(session: WebTransportSession): Promise<void> {
    for (const each of [session.ready, session.closed, session.draining]) each.catch(() => undefined);
    const peer = session.peerAddress ?? 'unknown';
    if (this.#sessions.size >= this.#request.maxSessions) throw new Error('as many as may be are connected');
    this.#sessions.add(session);
    const forget = (): void => {
      this.#sessions.delete(session);
    };
    session.closed.then(forget, forget);
    await session.ready;
    const streams = session.incomingBidirectionalStreams.getReader();
    const deadline = setTimeout(() => {
      this.#request.onRefused('a client opened no stream in time', peer);
      this.#end(session, () => undefined);
    }, this.#options.handshakeTimeoutMs);
    deadline.unref();
    const { done, value: stream } = await streams.read().finally(() => {
      clearTimeout(deadline);
    });
    if (done) return;
    this.#sockets.opened(peer);
    const channel = new WebTransportChannel(stream, {
      session,
      peer,
      closeTimeoutMs: this.#options.closeTimeoutMs,
      serverFingerprint: this.#request.mutualTLS ? this.#certificate.fingerprint : undefined,
      end: (finished) => {
        this.#end(session, finished);
      },
    });
    watchForExtras(session, streams, () => {
      channel.sessionEnded(new Error('a client opened a second stream'));
    });
    this.#request.onChannel(channel);
  }

  #end(session: WebTransportSession, done: () => void): void {
    this.#sessions.delete(session);
    session.close({ closeCode: 0, reason: '' });
    this.#sockets.destroy(session.peerAddress ?? '');
    done();
  }
}

function explainListenError(error: unknown, address: string): Error {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ERR_UNSUPPORTED') return error as Error;
  const options = { cause: error, details: { listenAddress: address } };
  return code === 'EADDRINUSE'
    ? new ErrAddressInUse(
        `can't listen on ${address}: another process, or another host in this one, uses it`,
        options,
      )
    : new ErrInvalidAddress(`can't listen on ${address}: ${message}`, options);
}

/**
 * The sockets below the HTTP/2 server, which the library leaves to themselves: held in number, under a deadline by
 * which each must have become a session, and destroyed with the server.
 */
class HttpSockets {
  readonly #sockets = new Map<string, Socket>();
  /** For those that are no session in use yet: takes them from the newcomers. */
  readonly #admits = new Map<string, () => void>();
  #serverClosed: Promise<unknown> = Promise.resolve();

  /** Rejects nothing; throws ErrUnsupported when the library's server is not what it was. */
  guard(server: WebTransportServer, request: ListenRequest, deadlineMs: number): void {
    const { maxSessions, onRefused } = request;
    const http2 = http2ServerOf(server);
    if (http2 === undefined) {
      throw new ErrUnsupported(
        'this version of @fails-components/webtransport has another HTTP/2 server within',
      );
    }
    this.#serverClosed = once(http2, 'close').catch(() => undefined);
    http2.maxConnections = maxSessions;
    http2.on('connection', (socket: Socket) => {
      this.#accept(socket, request, deadlineMs);
    });
    http2.on('tlsClientError', (error: Error, socket: Socket) => {
      onRefused(`a client failed the TLS handshake: ${error.message}`, socket.remoteAddress ?? '');
      socket.destroy();
    });
    http2.on('sessionError', () => undefined);
    http2.on('session', (session) => {
      calmPings(session);
      session.setLocalWindowSize(HTTP2_WINDOW_BYTES);
      session.settings({ initialWindowSize: HTTP2_WINDOW_BYTES });
    });
    const onBroken = (error: Error): void => {
      onRefused(`a client broke the protocol: ${error.message}`, '');
    };
    contain(http2, onBroken);
    containSessions(server, onBroken);
  }

  /** The socket of the peer, as `address:port`, has become a session in use. */
  opened(peer: string): void {
    this.#admits.get(peer)?.();
  }

  destroy(peer: string): void {
    this.#sockets.get(peer)?.destroy();
  }

  /** Resolves when all of them are gone, and the server with them. */
  async close(wasListening: boolean): Promise<void> {
    await Promise.all(
      [...this.#sockets.values()].map(
        (socket) =>
          new Promise<void>((resolve) => {
            socket.once('close', () => {
              resolve();
            });
            socket.destroy();
          }),
      ),
    );
    if (wasListening) await this.#serverClosed;
  }

  #accept(socket: Socket, { newcomers, onRefused }: ListenRequest, deadlineMs: number): void {
    const peer = `${socket.remoteAddress}:${socket.remotePort}`;
    const deadline = setTimeout(() => {
      onRefused('a client did not complete its handshake in time', peer);
      socket.destroy();
    }, deadlineMs);
    const leave = newcomers.enter(() => {
      onRefused('a client was cut before its handshake: too many are at it', peer);
      socket.destroy();
    });
    const admit = (): void => {
      clearTimeout(deadline);
      leave();
      if (this.#admits.get(peer) === admit) this.#admits.delete(peer);
    };
    this.#sockets.set(peer, socket);
    this.#admits.set(peer, admit);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (this.#sockets.get(peer) === socket) this.#sockets.delete(peer);
      admit();
    });
  }
}
