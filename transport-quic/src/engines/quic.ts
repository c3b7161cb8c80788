import { X509Certificate } from 'node:crypto';
import { createRequire } from 'node:module';
import { isIPv6 } from 'node:net';
import type { QuicClientSession, QuicConnectOptions } from '@currentspace/http3';
import type { Identity } from '@drakkar/raftio/transport';
import type {
  Channel,
  ConnectRequest,
  Engine,
  EngineListener,
  EngineOptions,
  ListenRequest,
} from '../engine.js';
import { sha256 } from '../security/proof.js';
import { QuicChannel } from './quic-channel.js';
import { QuicListener } from './quic-listener.js';
import { explainSessionEnd } from './quic-tls-alert.js';
import { resolveHost } from './udp-port.js';

export type QuicLibrary = typeof import('@currentspace/http3');

export const ALPN = ['drakkar-quic'];
/** Fewer surprises and more throughput than the io_uring driver that `auto` would take. */
export const RUNTIME = { runtimeMode: 'portable', fallbackPolicy: 'error' } as const;

/** Sessions say something all the time, and have their own way to find a dead peer; this is for what was left over. */
export function idleTimeoutMs({ deadPeerTimeoutMs, handshakeTimeoutMs }: EngineOptions): number {
  return Math.max(2 * deadPeerTimeoutMs, 2 * handshakeTimeoutMs, 10_000);
}

/**
 * Raw QUIC. With mutual TLS the listening side verifies the client's certificate in the TLS handshake; the dialling
 * side can't do the same, for the library checks names only, never IP addresses, and does not show the certificate.
 * It has the server prove itself by the hello, which is bound to the TLS session by the client's certificate.
 */
export class QuicEngine implements Engine {
  readonly name = 'quic';
  readonly #library: QuicLibrary;
  readonly #options: EngineOptions;

  constructor(library: QuicLibrary, options: EngineOptions) {
    this.#library = library;
    this.#options = options;
  }

  async connect(request: ConnectRequest): Promise<Channel> {
    const ip = await resolveHost(request.host);
    request.signal.throwIfAborted();
    const authority = isIPv6(ip) ? `[${ip}]:${request.port}` : `${ip}:${request.port}`;
    const session = this.#library.connectQuic(authority, this.#connectOptions(request));
    const end = new SessionEnd(session, authority);
    try {
      await end.race(session.ready());
      return this.#open(session, end, request, authority);
    } catch (error) {
      await session.close().catch(() => undefined);
      throw end.reason ?? error;
    }
  }

  listen(request: ListenRequest): Promise<EngineListener> {
    return QuicListener.open(this.#library, request, this.#options);
  }

  #connectOptions({ host, identity, timeoutMs, signal }: ConnectRequest): QuicConnectOptions {
    return {
      ...RUNTIME,
      alpn: ALPN,
      servername: host,
      rejectUnauthorized: false,
      connectTimeoutMs: timeoutMs,
      maxIdleTimeoutMs: idleTimeoutMs(this.#options),
      signal,
      ...(identity === undefined
        ? {}
        : { cert: String(identity.options.cert), key: String(identity.options.key) }),
    };
  }

  #open(session: QuicClientSession, end: SessionEnd, { identity }: ConnectRequest, peer: string): Channel {
    const stream = session.openStream();
    const channel = new QuicChannel(stream, {
      peer,
      closeTimeoutMs: this.#options.closeTimeoutMs,
      clientFingerprint: identity === undefined ? undefined : fingerprint(identity),
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

function fingerprint(identity: Identity): Uint8Array {
  return sha256(new X509Certificate(String(identity.options.cert)).raw);
}

/** The end of a session by the peer or the network, which may come at any time, also before anybody asks. */
class SessionEnd {
  reason: Error | undefined;
  #hasEnded = false;
  #listener: ((reason: Error | undefined) => void) | undefined;

  constructor(session: QuicClientSession, peer: string) {
    session.on('error', (error) => {
      this.#end(error);
    });
    session.on('close', ({ errorCode, reason }) => {
      this.#end(explainSessionEnd(errorCode, reason, peer));
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

/** Throws when the library has no prebuilt binary for this machine. */
export function loadQuicLibrary(): QuicLibrary {
  const library = createRequire(import.meta.url)('@currentspace/http3') as QuicLibrary;
  return library;
}
