import { once } from 'node:events';
import type { ClientHttp2Session } from 'node:http2';
import { type Socket, isIPv6 } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type {
  Channel,
  ConnectRequest,
  Engine,
  EngineListener,
  EngineOptions,
  ListenRequest,
} from '../engine.js';
import { sha256 } from '../security/proof.js';
import { calmPings, contain, containHandshake, containSessions } from './containment.js';
import { ProofHook } from './proof-hook.js';
import { WebTransportChannel, watchForExtras } from './webtransport-channel.js';
import {
  AnyCertificate,
  type ClientOptions,
  type WebTransportLibrary,
  type WebTransportSession,
  abandonConnecting,
  abandonHttp3,
  http2SessionOf,
  innerClient,
} from './webtransport-library.js';
import { PATH, WINDOWS, WebTransportListener } from './webtransport-listener.js';

const MIN_TIMEOUT_MS = 1;

/**
 * WebTransport, over HTTP/3 or over HTTP/2. The library authenticates servers by hashes of certificates that must be
 * known beforehand, and clients not at all. So TLS encrypts, by throwaway certificates; who is who is proven in the
 * hello, which is bound to the TLS session by the hash of the server's certificate.
 */
export class WebTransportEngine implements Engine {
  readonly name: 'webtransport' | 'webtransport-h2';
  readonly #library: WebTransportLibrary;
  readonly #options: EngineOptions;
  readonly #hook: ProofHook | undefined;

  constructor(name: WebTransportEngine['name'], library: WebTransportLibrary, options: EngineOptions) {
    this.name = name;
    this.#library = library;
    this.#options = options;
    this.#hook = name === 'webtransport' ? ProofHook.installed() : undefined;
  }

  async connect(request: ConnectRequest): Promise<Channel> {
    return this.#hook === undefined
      ? this.#connectHttp2(request)
      : this.#hook.connecting(request.host, request.port, (seen) => this.#connectHttp3(request, seen));
  }

  listen(request: ListenRequest): Promise<EngineListener> {
    return WebTransportListener.open(this.name, this.#library, request, this.#options);
  }

  async #connectHttp2(request: ConnectRequest): Promise<Channel> {
    const options = { forceReliable: true, serverCertificateHashes: new AnyCertificate() };
    const session = this.#open(request, options);
    const http2 = http2SessionOf(session);
    containSessions(innerClient(session) ?? {}, () => undefined);
    if (http2 !== undefined) {
      calmPings(http2);
      containHandshake(http2);
      contain(http2, () => undefined);
    }
    const whyFailed = http2 === undefined ? undefined : firstError(http2);
    let socket: Socket | undefined;
    http2?.once('connect', (_session, connected) => {
      socket = connected;
    });
    const end = (done: () => void): void => {
      endHttp2(session, http2, done);
      // To a peer that does not read, the session would wait for its writes.
      socket?.destroy();
    };
    const fingerprint = (): Uint8Array | undefined => certificateSeen(http2);
    return this.#openChannel(request, session, { end, fingerprint, whyFailed });
  }

  async #connectHttp3(request: ConnectRequest, seen: () => Uint8Array | undefined): Promise<Channel> {
    const session = this.#open(request, { requireUnreliable: true });
    const end = (done: () => void): void => {
      endHttp3(session, this.#options.closeTimeoutMs, done);
    };
    return this.#openChannel(request, session, { end, fingerprint: seen, whyFailed: undefined });
  }

  #open({ host, port, timeoutMs }: ConnectRequest, options: Partial<ClientOptions>): WebTransportSession {
    const authority = isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
    const waitMs = Math.max(MIN_TIMEOUT_MS, timeoutMs);
    const session = new this.#library.WebTransport(`https://${authority}${PATH}`, {
      ...WINDOWS,
      quicConnectTimeout: waitMs,
      webTransportConnectTimeout: waitMs,
      ...options,
    });
    // Each rejects when connecting fails, whether or not somebody waits for it.
    for (const each of [session.ready, session.closed, session.draining]) each.catch(() => undefined);
    return session;
  }

  async #openChannel(
    { host, port, signal }: ConnectRequest,
    session: WebTransportSession,
    { end, fingerprint, whyFailed }: Below,
  ): Promise<Channel> {
    try {
      await untilAborted(session.ready, signal);
      const stream = await untilAborted(session.createBidirectionalStream(), signal);
      const channel = new WebTransportChannel(stream, {
        session,
        peer: `${host}:${port}`,
        closeTimeoutMs: this.#options.closeTimeoutMs,
        serverFingerprint: fingerprint(),
        end,
      });
      watchForExtras(session, session.incomingBidirectionalStreams.getReader(), () => {
        channel.sessionEnded(new Error('the peer opened a stream of its own'));
      });
      return channel;
    } catch (error) {
      const reason = whyFailed?.() ?? error;
      await new Promise<void>(end);
      throw reason;
    }
  }
}

interface Below {
  end: (done: () => void) => void;
  fingerprint: () => Uint8Array | undefined;
  /** What the library keeps to itself. */
  whyFailed: (() => Error | undefined) | undefined;
}

function firstError(session: ClientHttp2Session): () => Error | undefined {
  let first: Error | undefined;
  session.on('error', (error: Error) => {
    first ??= error;
  });
  return () => first;
}

function endHttp2(
  session: WebTransportSession,
  http2: ClientHttp2Session | undefined,
  done: () => void,
): void {
  session.close({ closeCode: 0, reason: '' });
  if (http2 === undefined) {
    session.closed.then(done, done);
    return;
  }
  const isOver = http2.destroyed ? Promise.resolve() : once(http2, 'close').catch(() => undefined);
  http2.destroy();
  abandonConnecting(session);
  void isOver.then(done);
}

/** A peer that is gone takes the library many seconds to give up, for which a stop can't wait. */
function endHttp3(session: WebTransportSession, timeoutMs: number, done: () => void): void {
  let isOver = false;
  const over = (): void => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    abandonHttp3(session);
    done();
  };
  const timer = setTimeout(over, timeoutMs);
  session.closed.then(over, over);
  session.close({ closeCode: 0, reason: '' });
}

function certificateSeen(http2: ClientHttp2Session | undefined): Uint8Array | undefined {
  const socket = http2?.socket as TLSSocket | undefined;
  const certificate = socket?.getPeerX509Certificate();
  return certificate === undefined ? undefined : sha256(certificate.raw);
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', onAbort);
    });
  });
}
