import type { QuicClientSession, QuicConnectOptions } from '@currentspace/http3';
import { urlAuthority } from '@drakkar/raftio/transport';
import type {
  Channel,
  ConnectRequest,
  Engine,
  EngineListener,
  EngineOptions,
  ListenRequest,
} from '../engine.js';
import { type ClientCertificate, makeClientCertificate } from '../security/session-certificates.js';
import { QuicChannel } from './quic-channel.js';
import { ALPN, type QuicLibrary, RUNTIME, idleTimeoutMs } from './quic-library.js';
import { QuicListener } from './quic-listener.js';
import { explainSessionEnd } from './quic-session-end.js';
import { resolveHost } from './udp-port.js';

/**
 * Raw QUIC. The library checks certificates of servers by DNS names only, does not show them, and takes the CA for
 * those of clients once. So TLS encrypts, by throwaway certificates; who is who is proven in the hello, which
 * is bound to the TLS session by the client's certificate: the one thing about it that both sides can see.
 */
export class QuicEngine implements Engine {
  readonly name = 'quic';
  readonly #library: QuicLibrary;
  readonly #options: EngineOptions;
  #certificate: Promise<ClientCertificate> | undefined;

  constructor(library: QuicLibrary, options: EngineOptions) {
    this.#library = library;
    this.#options = options;
  }

  async connect(request: ConnectRequest): Promise<Channel> {
    const ip = await resolveHost(request.host);
    const certificate = request.mutualTLS ? await this.#clientCertificate() : undefined;
    request.signal.throwIfAborted();
    const { port } = request;
    // Not as text: the library would look an IPv6 address up as a name, brackets and all.
    const session = this.#library.connectQuic(
      { address: ip, port },
      this.#connectOptions(request, certificate),
    );
    const end = new SessionEnd(session);
    try {
      await end.race(session.ready());
      return this.#open(session, end, urlAuthority({ host: ip, port }), certificate?.fingerprint);
    } catch (error) {
      await session.close().catch(() => undefined);
      throw end.reason ?? error;
    }
  }

  listen(request: ListenRequest): Promise<EngineListener> {
    return QuicListener.open(this.#library, request, this.#options);
  }

  /** One for all sessions of this host, while it runs. */
  #clientCertificate(): Promise<ClientCertificate> {
    this.#certificate ??= makeClientCertificate();
    return this.#certificate;
  }

  #connectOptions(
    { host, timeoutMs, signal }: ConnectRequest,
    certificate: ClientCertificate | undefined,
  ): QuicConnectOptions {
    return {
      ...RUNTIME,
      alpn: ALPN,
      servername: host,
      rejectUnauthorized: false,
      connectTimeoutMs: timeoutMs,
      maxIdleTimeoutMs: idleTimeoutMs(this.#options),
      signal,
      ...(certificate === undefined ? {} : { cert: certificate.cert, key: certificate.key }),
    };
  }

  #open(
    session: QuicClientSession,
    end: SessionEnd,
    peer: string,
    clientFingerprint: Uint8Array | undefined,
  ): Channel {
    const channel = new QuicChannel(session.openStream(), {
      peer,
      closeTimeoutMs: this.#options.closeTimeoutMs,
      clientFingerprint,
      packetsRead: () => session.getMetrics()?.packetsIn,
      end: (done) => {
        session.close().then(done, done);
      },
    });
    // Nobody but the dialling side opens streams.
    session.on('stream', (extra) => {
      extra.on('error', () => undefined);
      channel.sessionEnded(new Error('the peer opened a stream of its own'));
    });
    end.tell((reason) => {
      channel.sessionEnded(reason);
    });
    return channel;
  }
}

/** The end of a session by the peer or the network, which may come at any time, also before anybody asks. */
class SessionEnd {
  reason: Error | undefined;
  #hasEnded = false;
  #listener: ((reason: Error | undefined) => void) | undefined;

  constructor(session: QuicClientSession) {
    session.on('error', (error) => {
      this.#end(error);
    });
    session.on('close', ({ errorCode, reason }) => {
      this.#end(explainSessionEnd(errorCode, reason));
    });
  }

  tell(listener: (reason: Error | undefined) => void): void {
    this.#listener = listener;
    if (this.#hasEnded) listener(this.reason);
  }

  /** `promise`, or a rejection when the session ends first. */
  race<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(resolve, reject);
      this.tell((reason) => {
        reject(reason ?? new Error('the session ended'));
      });
    });
  }

  #end(reason: Error | undefined): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.reason = reason;
    this.#listener?.(reason);
  }
}
