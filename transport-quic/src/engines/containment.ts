import type { EventEmitter } from 'node:events';
import type { ClientHttp2Session, Http2Session } from 'node:http2';
import type { SessionVisitor } from './webtransport-library.js';

type Destroyable = { destroy?: () => void; session?: { destroy?: () => void } };

/**
 * The HTTP/2 parser of the WebTransport library throws at some of what anybody can send to it, in the middle of an
 * event, which would end the process; so does its client when a session that was given up connects all the same. From
 * here on it ends the stream or the session that the event is about, and the connection below it.
 */
export function contain(emitter: EventEmitter & Destroyable, onError: (error: Error) => void): void {
  const emit = emitter.emit.bind(emitter);
  emitter.emit = (name: string, ...args: unknown[]): boolean => {
    try {
      return emit(name, ...args);
    } catch (error) {
      onError(error as Error);
      const [first] = args as (Destroyable | undefined)[];
      const broken = emitter.session === undefined ? first : emitter;
      broken?.destroy?.();
      broken?.session?.destroy?.();
      return true;
    }
  };
}

/**
 * The library pings each HTTP/2 session every second until it is closed, and does not expect it to be destroyed, which
 * throws in the timer. From here on that is a ping that was not sent.
 */
export function calmPings(session: Http2Session): void {
  const ping = session.ping.bind(session);
  session.ping = (...args: unknown[]): boolean =>
    !session.destroyed && ping(...(args as Parameters<typeof ping>));
}

/**
 * The library looks at a server's certificate when the TLS handshake has ended, and throws in the middle of that event
 * when the connection was given up meanwhile. From here on the session ends then. To be called before anything arrives.
 */
export function containHandshake(session: ClientHttp2Session): void {
  const { socket } = session;
  // Before it there is the listener of Node's own.
  const look = socket.listeners('secureConnect').at(-1) as (() => void) | undefined;
  if (look === undefined) return;
  socket.off('secureConnect', look);
  socket.on('secureConnect', () => {
    try {
      look();
    } catch {
      session.destroy();
    }
  });
}

/** What the library's inner streams call back; for those that it makes for a session that is over it forgets to set one. */
const INERT = Object.freeze({
  onStreamNetworkFinish: () => undefined,
  onStreamRecvSignal: () => undefined,
  onStreamWrite: () => undefined,
  getReadBuffer: ({ byteSize }: { byteSize: number }) => ({ buffer: new Uint8Array(byteSize), fin: false }),
  commitReadBuffer: () => ({ stopReading: true }),
});

interface InnerStream {
  jsobj?: unknown;
}
interface InnerSession {
  stream?: EventEmitter & Destroyable;
  jsobj?: { onStream?: (news: { stream: InnerStream }) => void };
}

/** Contains every session that `visitor`, a server or a client of the library, is told of. */
export function containSessions(visitor: SessionVisitor, onError: (error: Error) => void): void {
  const visit = visitor.onHttpWTSessionVisitor?.bind(visitor);
  if (visit === undefined) return;
  visitor.onHttpWTSessionVisitor = (args) => {
    const { stream } = (args.session ?? {}) as InnerSession;
    if (stream !== undefined) {
      stream.on('error', () => undefined);
      contain(stream, onError);
    }
    visit(args);
    const session = ((args.session ?? {}) as InnerSession).jsobj;
    const onStream = session?.onStream?.bind(session);
    if (session === undefined || onStream === undefined) return;
    session.onStream = (news) => {
      news.stream.jsobj ??= INERT;
      onStream(news);
    };
  };
}
