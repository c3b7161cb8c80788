import {
  type IncomingMessage,
  STATUS_CODES,
  type Server as HttpServer,
  type ServerResponse,
  createServer as createHttpServer,
} from 'node:http';
import { type Server as HttpsServer, createServer as createHttpsServer } from 'node:https';
import { type Server as NetServer, type Socket, createServer as createNetServer } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { MAX_MESSAGE_BYTES, type PeerClaim } from '@drakkar/raftio';
import {
  type Arrival,
  HelloHeader,
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
import { WebSocketServer } from 'ws';
import { IDENTITY_REFUSED } from './connect-errors.js';
import { Link } from './link.js';
import type { ResolvedOptions } from './options.js';
import { type ChannelPath, MESSAGES_PATH, REASON_HEADER, SNAPSHOTS_PATH, SUBPROTOCOL } from './protocol.js';

export interface ListenerConfig {
  raftAddress: string;
  listenAddress: string;
  introductions: Introductions;
  guests: Guests;
  options: ResolvedOptions;
  /** Present when clients must prove themselves by a certificate. */
  identityFiles: IdentityFiles | undefined;
  warnings: Warnings;
  /** Called with each link that a client has opened, in the turn in which it was made. */
  onLink: (path: ChannelPath, link: Link, client: Client) => void;
}

/** Who has opened a link. */
export interface Client {
  arrival: Arrival;
  /** What it has shown, where clients must. */
  credentials: PeerCredentials | undefined;
}

const MAX_HEADER_BYTES = 8 * 1024;
/** Our own frames are never fragmented; a proxy in between may do it. */
const MAX_FRAGMENTS = 1024;
/** First byte of a TLS handshake. */
const TLS_HANDSHAKE = 0x16;

/**
 * The listening side. A TCP server accepts, and hands each socket to an HTTP or HTTPS server that does not listen
 * itself: that leaves room to look at the certificate files before each TLS handshake, and puts every socket under
 * one deadline by which it must have become a link, however slow a client is.
 */
export class Listener {
  readonly #config: ListenerConfig;
  readonly #sockets = new Set<Socket>();
  readonly #newcomers: Newcomers;
  /** For the sockets that are not links yet, by both ends of the connection: takes them from the newcomers. */
  readonly #admits = new Map<string, () => void>();
  readonly #webSocketServer: WebSocketServer;
  #netServer: NetServer | undefined;
  /** By what clients are checked; undefined without mutual TLS. */
  #identity: Identity | undefined;
  #stopped = false;

  constructor(config: ListenerConfig) {
    this.#config = config;
    this.#newcomers = new Newcomers(config.options.maxConnections);
    const options = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      skipUTF8Validation: true,
      maxPayload: MAX_MESSAGE_BYTES,
      maxFragments: MAX_FRAGMENTS,
      autoPong: false,
      closeTimeout: config.options.closeTimeoutMs,
      handleProtocols: () => SUBPROTOCOL,
    };
    this.#webSocketServer = new WebSocketServer(options);
    this.#webSocketServer.on('headers', (headers) => {
      headers.push(`${HelloHeader.host}: ${config.raftAddress}`);
    });
  }

  /** Rejects with ErrInvalidAddress, ErrAddressInUse or ErrTLS. */
  async start(): Promise<void> {
    const identity = await this.#config.identityFiles?.current();
    if (this.#stopped) return;
    const hand = identity === undefined ? this.#plain() : this.#secured(identity);
    const server = createNetServer({ noDelay: true }, (socket) => {
      this.#accept(socket);
      hand(socket);
    });
    server.maxConnections = this.#config.options.maxConnections;
    server.on('drop', (data) => {
      this.#config.warnings.warn('connections', 'a connection was dropped: maxConnections are open', {
        maxConnections: this.#config.options.maxConnections,
        peer: data?.remoteAddress,
      });
    });
    this.#netServer = server;
    await listen(server, this.#config.listenAddress);
    server.on('error', (error) => {
      this.#config.warnings.warn('connections', `accepting connections failed: ${error.message}`, { error });
    });
  }

  /** Cuts every connection and stops listening. Resolves when all of it is gone. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const server = this.#netServer;
    if (server === undefined) return;
    await new Promise<void>((resolve) => {
      // The callback also comes, with an error, when the server never got to listen.
      server.close(() => {
        resolve();
      });
      for (const socket of this.#sockets) socket.destroy();
    });
  }

  #plain(): (socket: Socket) => void {
    const server = createHttpServer({ maxHeaderSize: MAX_HEADER_BYTES });
    this.#serve(server);
    return (socket) => {
      server.emit('connection', socket);
    };
  }

  #secured(initial: Identity): (socket: Socket) => void {
    this.#identity = initial;
    const server = createHttpsServer({
      ...initial.options,
      requestCert: true,
      rejectUnauthorized: true,
      maxHeaderSize: MAX_HEADER_BYTES,
    });
    this.#serve(server);
    const hand = async (socket: Socket): Promise<void> => {
      const latest = await this.#config.identityFiles?.current();
      if (latest !== undefined && latest !== this.#identity) {
        this.#identity = latest;
        server.setSecureContext(latest.options);
      }
      if (!socket.destroyed && !this.#stopped) server.emit('connection', socket);
    };
    return (socket) => {
      hand(socket).catch((error: unknown) => {
        this.#warnHandshake(`a connection failed: ${(error as Error).message}`, socket, error);
        socket.destroy();
      });
    };
  }

  #serve(server: HttpServer | HttpsServer): void {
    server.maxHeadersCount = 64;
    server.on('request', refuseRequest);
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      this.#upgrade(request, socket, head);
    });
    // The HTTPS server tells of failed TLS handshakes by this event too.
    server.on('clientError', (error: ClientError, socket: Duplex) => {
      this.#warnHandshake(`a client failed the handshake: ${describeClientError(error)}`, socket, error);
      if (isTLSError(error)) socket.destroy();
      else refuse(socket, 400, 'not a WebSocket handshake');
    });
  }

  #accept(socket: Socket): void {
    const key = endsOf(socket);
    const deadline = setTimeout(() => {
      this.#warnHandshake('a client did not complete its handshake in time', socket, undefined);
      socket.destroy();
    }, this.#config.options.handshakeTimeoutMs);
    const leave = this.#newcomers.enter(() => {
      this.#warnHandshake('a client was cut before its handshake: too many are at it', socket, undefined);
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

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', ignore);
    const path = channelPath(request);
    if (path === undefined) {
      this.#warnHandshake('a client asked for a path that is not served', socket, undefined);
      refuse(socket, 404, 'no such path');
      return;
    }
    const offered = request.headers['sec-websocket-protocol'] ?? '';
    if (!offered.split(',').some((name) => name.trim() === SUBPROTOCOL)) {
      this.#warnHandshake(`a client speaks another protocol than ${SUBPROTOCOL}`, socket, undefined);
      refuse(socket, 426, `this host speaks ${SUBPROTOCOL}`);
      return;
    }
    const { [HelloHeader.to]: to, [HelloHeader.from]: from } = request.headers;
    const tcp = request.socket;
    const credentials = this.#identity === undefined ? undefined : credentialsOfSocket(tcp as TLSSocket);
    const mistake = this.#identityRefusal(credentials, asText(from), tcp);
    if (mistake !== undefined) {
      refuse(socket, IDENTITY_REFUSED, mistake);
      return;
    }
    const refusal = this.#config.introductions.refusalOf(asText(to), asText(from), tcp.remoteAddress);
    if (refusal !== undefined) {
      refuse(socket, 421, refusal);
      return;
    }
    this.#webSocketServer.handleUpgrade(request, socket, head, (ws) => {
      this.#admits.get(endsOf(tcp))?.();
      const peer = `${tcp.remoteAddress ?? 'unknown'}:${tcp.remotePort ?? 0}`;
      this.#seat(tcp, { from: asText(from), identity: credentials?.identity, peer });
      const arrival = this.#config.introductions.arrivals.from(peer);
      arrival.introduce(asText(to), asText(from));
      this.#config.onLink(path, new Link(ws, tcp, peer), { arrival, credentials });
    });
  }

  /** Its handshake is over: where it is no member, it is one of those that hold half of all places at most. */
  #seat(socket: Socket, claim: PeerClaim): void {
    const leave = this.#config.guests.enter(claim, () => socket.destroy());
    socket.once('close', leave);
  }

  /** Why a client is not let in, whose chain leads to the CA. */
  #identityRefusal(
    credentials: PeerCredentials | undefined,
    from: string | undefined,
    socket: Socket,
  ): string | undefined {
    const own = this.#identity;
    if (own === undefined) return undefined;
    if (credentials === undefined) return 'no certificate was shown';
    const fault = faultOfCredentials(credentials, 'client', own);
    if (fault === undefined) {
      return this.#config.introductions.identityRefusalOf(from, credentials.identity, socket.remoteAddress);
    }
    const why = `certificate ${certificateFault(fault.code) ?? 'is not accepted'} (${fault.message})`;
    this.#warnHandshake(`a client was refused: its ${why}`, socket, undefined);
    return `this host's ${why}`;
  }

  #warnHandshake(message: string, socket: Duplex, error: unknown): void {
    const { remoteAddress } = socket as Socket;
    this.#config.warnings.warn('handshake', message, {
      peer: remoteAddress,
      ...(error === undefined ? {} : { error }),
    });
  }
}

type ClientError = NodeJS.ErrnoException & { rawPacket?: Buffer };

function isTLSError({ code = '' }: ClientError): boolean {
  return code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_');
}

function describeClientError(error: ClientError): string {
  if (error.code === 'ERR_SSL_HTTP_REQUEST') return 'it has mutual TLS off and this host has it on';
  if (error.rawPacket?.[0] === TLS_HANDSHAKE) return 'it has mutual TLS on and this host has it off';
  return error.message;
}

/** A connection as both ends see it; the TLS and the TCP socket of a connection agree on it. */
function endsOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress} ${socket.localPort}`;
}

function channelPath(request: IncomingMessage): ChannelPath | undefined {
  const path = request.url;
  return path === MESSAGES_PATH || path === SNAPSHOTS_PATH ? path : undefined;
}

function refuseRequest(request: IncomingMessage, response: ServerResponse): void {
  const known = channelPath(request) !== undefined;
  const reason = known ? `WebSocket only, ${SUBPROTOCOL}` : 'no such path';
  response.writeHead(known ? 426 : 404, {
    Connection: 'close',
    'Content-Type': 'text/plain',
    [REASON_HEADER]: reason,
    ...(known ? { Upgrade: 'websocket' } : {}),
  });
  response.end(`${reason}\n`);
}

function refuse(socket: Duplex, status: number, reason: string): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  socket.once('finish', () => {
    socket.destroy();
  });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\nContent-Length: 0\r\n${REASON_HEADER}: ${reason}\r\n\r\n`,
  );
}

/** A header that comes twice says nothing. */
function asText(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : undefined;
}

function ignore(): void {
  // The close event follows and does what is to be done.
}
