import { type Socket, connect } from 'node:net';
import { type ConnectionOptions, type TLSSocket, connect as connectTLS } from 'node:tls';
import { ErrConnectFailed, ErrMalformed } from '@drakkar/raftio';
import {
  type AttemptState,
  type Identity,
  type Introductions,
  type PeerCredentials,
  attemptAborted,
  attemptTimedOut,
  credentialsOfSocket,
  explainConnectError,
  parseAddress,
  serverCheck,
} from '@drakkar/raftio/transport';
import { Method } from './frames.js';
import { type Channel, MAX_HELLO_BYTES, decodeHello, encodeHello } from './hello.js';
import { Link, type LinkHandlers, type LinkOptions } from './link.js';

export interface DialRequest {
  target: string;
  channel: Channel;
  identity: Identity | undefined;
  connectTimeoutMs: number;
  signal: AbortSignal;
  /** Raft address of this host. */
  from: string;
  /** Raft address of the host that must be there. */
  expected: string | undefined;
  introductions: Introductions;
  link: LinkOptions;
}

/** After so long without traffic, the operating system asks whether the machine at the other end is still there. */
const KEEP_ALIVE_MS = 30_000;

/** Hosts that give no session tickets are taken to have let this one in after so long. */
const TICKET_TIMEOUT_MS = 1000;

/**
 * Opens a connection to a host and resolves to what `wrap` makes of it, in the turn in which it opened: when the host
 * has said hello, or, for hosts of Dragonboat, when it has accepted. Nothing is left behind when it rejects.
 */
export function dial<T>(
  request: DialRequest,
  wrap: (link: Link, credentials: PeerCredentials | undefined) => T,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const onLink: OnLink = (link, credentials) => resolve(wrap(link, credentials));
    new Attempt(request, onLink, reject).start();
  });
}

type OnLink = (link: Link, credentials: PeerCredentials | undefined) => void;

/** A socket for either side, set up alike. */
export function prepareSocket(socket: Socket): void {
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
}

class Attempt {
  readonly #request: DialRequest;
  readonly #state: AttemptState;
  readonly #onLink: OnLink;
  readonly #onFailed: (error: Error) => void;
  readonly #onAbort: () => void;
  #timer: NodeJS.Timeout | undefined;
  #ticketTimer: NodeJS.Timeout | undefined;
  #link: Link | undefined;
  /** What the host has shown, with mutual TLS. */
  #credentials: PeerCredentials | undefined;
  #isSettled = false;

  constructor(request: DialRequest, onLink: OnLink, onFailed: (error: Error) => void) {
    const { target, identity, signal } = request;
    this.#request = request;
    this.#onLink = onLink;
    this.#onFailed = onFailed;
    this.#state = { target, secure: identity !== undefined, secured: false, connected: false };
    this.#onAbort = () => this.#fail(attemptAborted(target, signal.reason));
  }

  /** Throws ErrInvalidAddress. */
  start(): void {
    const { target, identity, connectTimeoutMs, signal, link } = this.#request;
    const options = { ...parseAddress(target), allowHalfOpen: true };
    const socket =
      identity === undefined ? connect(options) : connectTLS({ ...options, ...secured(options, identity) });
    prepareSocket(socket);
    this.#timer = setTimeout(() => this.#fail(attemptTimedOut(target, connectTimeoutMs)), connectTimeoutMs);
    signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#link = new Link(socket, target, link, this.#handlers());
    socket.once('connect', () => {
      this.#state.connected = true;
      if (identity === undefined) this.#onConnected();
    });
    if (identity !== undefined) this.#awaitTLS(socket as TLSSocket);
  }

  /**
   * With TLS 1.3 the handshake is over for this side before the host has looked at its certificate. A host that says no
   * hello shows by a session ticket that it has.
   */
  #awaitTLS(socket: TLSSocket): void {
    socket.once('secureConnect', () => {
      this.#state.secured = true;
      this.#credentials = credentialsOfSocket(socket);
      if (this.#request.link.peers === 'drakkar' || socket.getProtocol() !== 'TLSv1.3') {
        this.#onConnected();
        return;
      }
      // What is written while a ticket is being read stays where it is until something else arrives.
      socket.once('session', () => setImmediate(() => this.#onConnected()));
      this.#ticketTimer = setTimeout(() => this.#onConnected(), TICKET_TIMEOUT_MS);
    });
  }

  #onConnected(): void {
    const { channel, from, expected: to, link, introductions, target } = this.#request;
    if (this.#isSettled || this.#link === undefined) return;
    if (link.peers === 'drakkar') {
      this.#link.send(Method.Hello, encodeHello({ who: channel, from, to }));
      return;
    }
    introductions.failureOf(target, to, undefined);
    this.#succeed(this.#link);
  }

  #handlers(): LinkHandlers {
    return {
      limitOf: (method) => (method === Method.Hello ? MAX_HELLO_BYTES : undefined),
      onFrame: (_method, payload) => this.#hear(payload),
      onClosed: (reason) => {
        if (!this.#isSettled) this.#fail(this.#explain(reason));
      },
    };
  }

  #hear(payload: Uint8Array): void {
    const hello = decodeHello(payload);
    if (hello.who !== 'host') throw new ErrMalformed('it answers as a client would');
    const { target, expected, introductions } = this.#request;
    const mistake = introductions.failureOf(target, expected, hello.from);
    if (mistake !== undefined) this.#fail(mistake);
    else if (this.#link !== undefined) this.#succeed(this.#link);
  }

  #succeed(link: Link): void {
    if (this.#isSettled) return;
    this.#settle();
    this.#onLink(link, this.#credentials);
  }

  #fail(error: Error): void {
    if (this.#isSettled) return;
    this.#settle();
    this.#link?.terminate(error);
    this.#onFailed(error);
  }

  #settle(): void {
    this.#isSettled = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#ticketTimer);
    this.#request.signal.removeEventListener('abort', this.#onAbort);
  }

  /** What the end of the link before it was open means. */
  #explain(reason: Error | undefined): Error {
    const { target } = this.#request;
    const { details } = (reason ?? {}) as { details?: { why?: unknown } };
    if (typeof details?.why === 'string') {
      return new ErrConnectFailed(`${target} refused the connection: ${details.why}`, {
        details: { target },
      });
    }
    if (reason !== undefined && 'code' in reason && reason.code === 'ERR_MALFORMED') {
      return new ErrConnectFailed(
        `${reason.message}; is it the raft address of a host with the tcp transport?`,
        { cause: reason, details: { target } },
      );
    }
    const closed = Object.assign(new Error('closed by the peer'), { code: 'ECONNRESET' });
    return explainConnectError((reason?.cause as Error | undefined) ?? closed, this.#state);
  }
}

function secured({ host }: { host: string }, identity: Identity): ConnectionOptions {
  return { secureContext: identity.context, checkServerIdentity: serverCheck(host, identity) };
}
