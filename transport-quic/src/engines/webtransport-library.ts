import type { ClientHttp2Session, Http2SecureServer } from 'node:http2';
import { createRequire } from 'node:module';

/** The optional package that has HTTP/3 in it. */
const HTTP3_PACKAGE = '@fails-components/webtransport-transport-http3-quiche';

/** What is used of a bidirectional stream. */
export interface WebTransportStream {
  readable: ReadableStream<Uint8Array>;
  writable: WritableStream<Uint8Array>;
}

/** What is used of a session, of either side. */
export interface WebTransportSession {
  ready: Promise<unknown>;
  closed: Promise<unknown>;
  draining: Promise<unknown>;
  peerAddress?: string | undefined;
  datagrams: { readable: ReadableStream<Uint8Array> };
  incomingBidirectionalStreams: ReadableStream<WebTransportStream>;
  incomingUnidirectionalStreams: ReadableStream<unknown>;
  createBidirectionalStream(): Promise<WebTransportStream>;
  close(info?: { closeCode: number; reason: string }): void;
}

export interface ClientOptions {
  serverCertificateHashes?: { algorithm: string; value: Uint8Array }[];
  requireUnreliable?: boolean;
  forceReliable?: boolean;
  quicConnectTimeout: number;
  webTransportConnectTimeout: number;
  initialStreamFlowControlWindow: number;
  initialSessionFlowControlWindow: number;
}

export interface ServerOptions {
  host: string;
  port: number;
  secret: string;
  cert: string;
  privKey: string;
  initialStreamFlowControlWindow: number;
  initialSessionFlowControlWindow: number;
}

export interface WebTransportServer extends SessionVisitor {
  ready: Promise<unknown>;
  closed: Promise<unknown>;
  startServer(): void;
  stopServer(): void;
  sessionStream(path: string): ReadableStream<WebTransportSession>;
  setRequestCallback(
    callback: (request: { header: Record<string, unknown> }) => Promise<{
      status: number;
      path?: string;
      header?: Record<string, unknown>;
      userData?: object;
    }>,
  ): void;
}

/** What is used of `@fails-components/webtransport`, whose own types leave out half of it. */
export interface WebTransportLibrary {
  WebTransport: new (url: string, options: ClientOptions) => WebTransportSession;
  Http2Server: new (options: ServerOptions) => WebTransportServer;
  Http3Server: new (options: ServerOptions) => WebTransportServer;
  quicheLoaded: Promise<unknown>;
}

let loading: Promise<WebTransportLibrary> | undefined;

/** Rejects when the package can't be loaded. Without HTTP/3 it loads too. */
export function loadWebTransportLibrary(): Promise<WebTransportLibrary> {
  loading ??= withoutNoise(async () => {
    const library = (await import('@fails-components/webtransport')) as unknown as WebTransportLibrary;
    await library.quicheLoaded;
    // The library tries a second time by itself, and tells of that in later turns only.
    for (let turns = 0; turns < 10; turns++) await new Promise((resolve) => setImmediate(resolve));
    return library;
  });
  return loading;
}

/** Why there is no HTTP/3 on this machine; undefined when there is. */
export async function whyNoHttp3(): Promise<string | undefined> {
  try {
    createRequire(import.meta.url).resolve(HTTP3_PACKAGE);
  } catch {
    return `the optional package ${HTTP3_PACKAGE} is not installed: npm install ${HTTP3_PACKAGE}@1.6`;
  }
  try {
    await import(HTTP3_PACKAGE);
    return undefined;
  } catch (error) {
    const [reason = ''] = (error as Error).message.split('\n', 1);
    return `${HTTP3_PACKAGE} is installed and does not load: ${reason}`;
  }
}

const NOISE = /^(http3 loader:|Problem loading http3-quiche|Did you install @fails-components)/;

/** Where there is no HTTP/3 the library says so on the console, several times, to those who never asked for it. */
async function withoutNoise<T>(load: () => Promise<T>): Promise<T> {
  const restore: (() => void)[] = [];
  for (const method of ['log', 'error'] as const) {
    const original = console[method].bind(console);
    const replaced = Object.getOwnPropertyDescriptor(console, method);
    const filtered = (...args: unknown[]): void => {
      if (typeof args[0] !== 'string' || !NOISE.test(args[0])) original(...args);
    };
    console[method] = filtered;
    restore.push(() => {
      const isStillOurs = Object.getOwnPropertyDescriptor(console, method)?.value === filtered;
      if (isStillOurs && replaced !== undefined) Object.defineProperty(console, method, replaced);
    });
  }
  try {
    return await load();
  } finally {
    for (const each of restore) each();
  }
}

/**
 * Certificate hashes of which every one is said to match. The HTTP/2 client asks this list with `some`; a client that
 * asked otherwise would find it empty, and refuse.
 */
export class AnyCertificate extends Array<{ algorithm: string; value: Uint8Array }> {
  override some(): boolean {
    return true;
  }
}

/** What the library tells of each session that it makes, before anything can arrive in it. */
export interface SessionVisitor {
  onHttpWTSessionVisitor?: (visit: { session?: unknown }) => void;
}

/** The inner client of a WebTransport over HTTP/2, as far as it is needed. */
export interface InnerClient extends SessionVisitor {
  transportInt?: { clientInt?: unknown };
  onClientConnected?: (outcome: { success: boolean }) => void;
  closeHookSession?: () => void;
  onClientWebTransportSupport?: (nothing: object) => void;
}

export function innerClient(session: WebTransportSession): InnerClient | undefined {
  return (session as { sessionint?: { parentobj?: InnerClient } }).sessionint?.parentobj;
}

/**
 * The HTTP/2 session below a WebTransport: the library has no other way to end it at once, to say why it failed, and
 * which certificate it has seen. Undefined where a later version has it elsewhere.
 */
export function http2SessionOf(session: WebTransportSession): ClientHttp2Session | undefined {
  const inner = innerClient(session)?.transportInt?.clientInt as Partial<ClientHttp2Session> | undefined;
  const isSession = typeof inner?.destroy === 'function' && typeof inner.on === 'function';
  return isSession ? (inner as ClientHttp2Session) : undefined;
}

/** Ends the waiting of a client that is still connecting, whose timers would hold the process otherwise. */
export function abandonConnecting(session: WebTransportSession): void {
  const inner = innerClient(session);
  inner?.onClientConnected?.({ success: false });
  inner?.onClientWebTransportSupport?.({});
}

/** Ends a client of HTTP/3 that is still connecting, and frees its socket whatever state it is in. */
export function abandonHttp3(session: WebTransportSession): void {
  const inner = innerClient(session);
  inner?.onClientConnected?.({ success: false });
  inner?.closeHookSession?.();
}

/** The HTTP/2 server below a WebTransport server that was told to start; undefined where it is elsewhere. */
export function http2ServerOf(server: WebTransportServer): Http2SecureServer | undefined {
  const inner = (server as { transportInt?: { serverInt?: Partial<Http2SecureServer> } }).transportInt
    ?.serverInt;
  const isServer = typeof inner?.close === 'function' && typeof inner.on === 'function';
  return isServer ? (inner as Http2SecureServer) : undefined;
}
