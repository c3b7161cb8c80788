import type { EventEmitter } from 'node:events';
import type { Http2Session } from 'node:http2';
import type { SessionVisitor } from './webtransport-library.js';

type Destroyable = { destroy?: () => void; session?: { destroy?: () => void } };

/**
 * The HTTP/2 parser of the WebTransport library throws at some of what anybody can send to it, in the middle of an
 * event, which would end the process. From here on it ends the stream, and the connection below it.
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
