import { type Server, type Socket, createServer } from 'node:net';
import { type Server as TLSServer, type TLSSocket, createServer as createTLSServer } from 'node:tls';
import {
  type Arrival,
  type Identity,
  type IdentityFiles,
  type Introductions,
  type Guests,
  Newcomers,
  type PeerCredentials,
  type Warnings,
  certificateFault,
  credentialsOfSocket,
  faultOfCredentials,
  listen,
} from '@drakkar/raftio/transport';
import { prepareSocket } from './dial.js';
import { Method } from './frames.js';
import { type Channel, MAX_HELLO_BYTES, decodeHello, encodeHello } from './hello.js';
import { withoutHello } from './inbound.js';
import { Link, type LinkOptions } from './link.js';
import type { ResolvedOptions } from './options.js';

export interface ListenerConfig {
  raftAddress: string;
  listenAddress: string;
  introductions: Introductions;
  guests: Guests;
  options: ResolvedOptions;
  link: LinkOptions;
  /** Present when clients must prove themselves by a certificate. */
  identityFiles: IdentityFiles | undefined;
  warnings: Warnings;
  /** Called with each link of a client that has said what it is for, in the turn in which it did. */
  onLink: (channel: Channel, link: Link, client: Client) => void;
  /** Called with each link of a client that says no hello; `admit` is to be called when it is known to belong here. */
  onSilentLink: (link: Link, client: Client, admit: () => void) => void;
}

/** Who has opened a link. */
export interface Client {
  arrival: Arrival;
  /** What it has shown, where clients must. */
  credentials: PeerCredentials | undefined;
}

/**
 * The listening side. A TCP server accepts, and hands each socket to a TLS server that does not listen itself: that
 * leaves room to look at the certificate files before each handshake, and puts every socket under one deadline by which
 * it must have become a link, whichever way a client is slow.
 */
export class Listener {
  readonly #config: ListenerConfig;
  readonly #sockets = new Set<Socket>();
  readonly #newcomers: Newcomers;
  /** For sockets that are no links yet, by both ends of the connection: takes them from the newcomers. */
  readonly #admits = new Map<string, () => void>();
  #server: Server | undefined;
  #stopped = false;

  constructor(config: ListenerConfig) {
    this.#config = config;
    this.#newcomers = new Newcomers(config.options.maxConnections);
  }

  /** Rejects with ErrInvalidAddress, ErrAddressInUse or ErrTLS. */
  async start(): Promise<void> {
    const { options, warnings, identityFiles, listenAddress } = this.#config;
    const identity = await identityFiles?.current();
    if (this.#stopped) return;
    const hand =
      identity === undefined ? (socket: Socket) => this.#greet(socket, undefined) : this.#secured(identity);
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      this.#accept(socket);
      hand(socket);
    });
    server.maxConnections = options.maxConnections;
    server.on('drop', (data) => {
      warnings.warn('connections', 'a connection was dropped: maxConnections are open', {
        maxConnections: options.maxConnections,
        peer: data?.remoteAddress,
      });
    });
    this.#server = server;
    await listen(server, listenAddress);
    server.on('error', (error) => {
      warnings.warn('connections', `accepting connections failed: ${error.message}`, { error });
    });
  }

  /** Cuts every connection and stops listening. Resolves when all of it is gone. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const server = this.#server;
    if (server === undefined) return;
    await new Promise<void>((resolve) => {
      // The callback also comes, with an error, when the server never got to listen.
      server.close(() => resolve());
      for (const socket of this.#sockets) socket.destroy();
    });
  }

  #accept(socket: Socket): void {
    prepareSocket(socket);
    const key = endsOf(socket);
    const deadline = this.#needsHandshake ? this.#setDeadline(socket) : undefined;
    const leave = this.#newcomers.enter(() => {
      this.#warn('a client was cut before its handshake: too many are at it', socket, undefined);
      socket.destroy();
    });
    const admit = (): void => {
      clearTimeout(deadline);
      leave();
      if (this.#admits.get(key) === admit) this.#admits.delete(key);
    };
    this.#sockets.add(socket);
    this.#admits.set(key, admit);
    socket.on('error', ignore);
    socket.on('close', () => {
      this.#sockets.delete(socket);
      admit();
    });
  }

  /** Hosts of Dragonboat say nothing until they have a message, unless it is over TLS. */
  get #needsHandshake(): boolean {
    return this.#config.identityFiles !== undefined || this.#config.options.peers === 'drakkar';
  }

  #setDeadline(socket: Socket): NodeJS.Timeout {
    return setTimeout(() => {
      this.#warn('a client did not complete its handshake in time', socket, undefined);
      socket.destroy();
    }, this.#config.options.handshakeTimeoutMs);
  }

  #secured(initial: Identity): (socket: Socket) => void {
    let identity = initial;
    const rules = { requestCert: true, rejectUnauthorized: true, allowHalfOpen: true };
    const server: TLSServer = createTLSServer({ ...initial.options, ...rules }, (socket) =>
      this.#identify(socket, identity),
    );
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
      this.#warn(`a client failed the TLS handshake: ${describeTLSError(error)}`, socket, error);
    });
    const hand = async (socket: Socket): Promise<void> => {
      const latest = await this.#config.identityFiles?.current();
      if (latest !== undefined && latest !== identity) {
        identity = latest;
        server.setSecureContext(latest.options);
      }
      if (!socket.destroyed && !this.#stopped) server.emit('connection', socket);
    };
    return (socket) => {
      hand(socket).catch((error: unknown) => {
        this.#warn(`a connection failed: ${(error as Error).message}`, socket, error);
        socket.destroy();
      });
    };
  }

  /** Lets in a client whose chain leads to the CA, if its certificate is good enough otherwise. */
  #identify(socket: TLSSocket, identity: Identity): void {
    const credentials = credentialsOfSocket(socket);
    const fault = credentials && faultOfCredentials(credentials, 'client', identity);
    if (credentials !== undefined && fault === undefined) {
      this.#greet(socket, credentials);
      return;
    }
    const why = certificateFault(fault?.code ?? '') ?? 'is not accepted';
    this.#warn(
      `a client was refused: its certificate ${why} (${fault?.message ?? 'none was shown'})`,
      socket,
      undefined,
    );
    socket.on('error', ignore);
    socket.destroy();
  }

  /** Waits for the hello of a client, where one is due. */
  #greet(socket: Socket, credentials: PeerCredentials | undefined): void {
    const { link: options, onSilentLink, onLink, raftAddress, introductions } = this.#config;
    const peer = `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`;
    const arrival = introductions.arrivals.from(peer);
    const admit = this.#admits.get(endsOf(socket)) ?? ignore;
    let isSeated = false;
    /** It belongs here; where it is no member, it is one of those that hold half of all places at most. */
    const seat = (from?: string): void => {
      admit();
      if (isSeated) return;
      isSeated = true;
      const claim = { from, identity: credentials?.identity, peer };
      socket.once(
        'close',
        this.#config.guests.enter(claim, () => socket.destroy()),
      );
    };
    const link = new Link(socket, peer, options, {
      limitOf: (method) => {
        if (method !== Method.Hello) throw withoutHello(method);
        return MAX_HELLO_BYTES;
      },
      onFrame: (_method, payload) => {
        const { who, to, from } = decodeHello(payload);
        if (who === 'host') throw new Error('it says hello as a host that answers would');
        const refusal =
          (credentials && introductions.identityRefusalOf(from, credentials.identity, peer)) ??
          introductions.refusalOf(to, from, peer);
        if (refusal !== undefined) {
          link.refuse(new Error(refusal));
          return;
        }
        seat(from);
        link.send(Method.Hello, encodeHello({ who: 'host', from: raftAddress }));
        arrival.introduce(to, from);
        onLink(who, link, { arrival, credentials });
      },
      onClosed: (reason) => this.#onFailedGreeting(socket, reason),
    });
    if (options.peers === 'drakkar') return;
    introductions.refusalOf(undefined, undefined, peer);
    // Over TLS the client has proved itself; else it belongs here when it has sent a frame.
    if (this.#config.identityFiles !== undefined) seat();
    onSilentLink(link, { arrival, credentials }, seat);
  }

  #onFailedGreeting(socket: Socket, reason: Error | undefined): void {
    if (reason === undefined || !('code' in reason) || reason.code !== 'ERR_MALFORMED') return;
    this.#warn(`a client failed the handshake: ${reason.message}`, socket, reason);
  }

  #warn(message: string, socket: Socket, error: unknown): void {
    this.#config.warnings.warn('handshake', message, {
      peer: socket.remoteAddress,
      ...(error === undefined ? {} : { error }),
    });
  }
}

function describeTLSError({ code, message }: NodeJS.ErrnoException): string {
  const isPlain = code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_HTTP_REQUEST';
  return isPlain ? 'it has mutual TLS off and this host has it on' : message;
}

/** A connection as both ends see it; the TLS and the TCP socket of a connection agree on it. */
function endsOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress} ${socket.localPort}`;
}

function ignore(): void {
  // The close event follows and does what is to be done.
}
