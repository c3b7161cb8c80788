import { type Server as NetServer, type Socket, createServer as createNetServer } from 'node:net';
import { type TLSSocket, createServer as createTLSServer } from 'node:tls';
import type { PeerIdentity } from '@drakkar/raftio';
import { type ServerInterceptingCallInterface, status as Status } from '@grpc/grpc-js';
import type { ArrivalHandler } from '@drakkar/raftio';
import {
  type Arrival,
  type Identity,
  type IdentityFiles,
  type Introductions,
  LivenessMonitor,
  type Guests,
  Newcomers,
  type PeerWatch,
  type Warnings,
  certificateFault,
  credentialsOfSocket,
  faultOfCredentials,
  listen,
} from '@drakkar/raftio/transport';
import { IncomingConnection } from './incoming-connection.js';
import { IncomingStream, type StreamEnd, type StreamReceiver } from './incoming-stream.js';
import type { ResolvedOptions } from './options.js';
import { type CallServer, createCallServer } from './server.js';
import { MESSAGES_PATH } from './service.js';

export interface ListenerConfig {
  raftAddress: string;
  listenAddress: string;
  introductions: Introductions;
  guests: Guests;
  options: ResolvedOptions;
  /** Present when clients must prove themselves by a certificate. */
  identityFiles: IdentityFiles | undefined;
  /** Present with `identityFiles`. */
  peerWatch: PeerWatch | undefined;
  warnings: Warnings;
  onArriving: ArrivalHandler | undefined;
  /** Makes the receiver of a call; `undefined` refuses it. */
  openReceiver: (path: string, arrival: Arrival, peer: Peer) => StreamReceiver | undefined;
}

/** Who makes a call. */
export interface Peer {
  /** For messages. */
  name: string;
  /** Who it has proven to be; undefined without mutual TLS. */
  identity: PeerIdentity | undefined;
}

const REFUSED: StreamEnd = { code: Status.UNAVAILABLE, details: 'the call is refused' };
/** Nobody sends it, and what it would expand to is not known from what arrives. */
const COMPRESSED: StreamEnd = { code: Status.RESOURCE_EXHAUSTED, details: 'compressed messages are refused' };
/** First byte of a TLS handshake. */
const TLS_HANDSHAKE = 0x16;
/** What a client of HTTP/2 begins with (RFC 9113, section 3.4). */
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
/** A session that is stuck shows between two sweeps after a ping. */
const SWEEPS_PER_PING = 2;
/** For clients of another protocol: readable for people and for most clients, and no TLS. */
const REFUSAL = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';

/**
 * The listening side. A TCP server accepts, looks at the first bytes, and hands each socket to a TLS server that does
 * not listen itself, and then to gRPC: that leaves room to look at the certificate files before each TLS handshake,
 * to say what is wrong with a client that speaks something else, and to put every socket under one deadline.
 */
export class Listener {
  readonly #config: ListenerConfig;
  /** By both ends, which is how the library tells of a call's connection. */
  readonly #connections = new Map<string, IncomingConnection>();
  readonly #links = new Set<IncomingConnection>();
  readonly #monitor: LivenessMonitor;
  readonly #newcomers: Newcomers;
  #server: NetServer | undefined;
  #calls: CallServer | undefined;
  #stopped = false;

  constructor(config: ListenerConfig) {
    this.#config = config;
    this.#newcomers = new Newcomers(config.options.maxConnections);
    const { pingIntervalMs, deadPeerTimeoutMs } = config.options;
    this.#monitor = new LivenessMonitor(
      { pingIntervalMs: pingIntervalMs / SWEEPS_PER_PING, deadPeerTimeoutMs },
      this.#links,
    );
  }

  /** Rejects with ErrInvalidAddress, ErrAddressInUse or ErrTLS. */
  async start(): Promise<void> {
    const { identityFiles, options, warnings, onArriving } = this.#config;
    const identity = await identityFiles?.current();
    if (this.#stopped) return;
    const calls = createCallServer({
      options,
      onSession: (session) => {
        this.#connections.get(endsOf(session.socket))?.watch(session);
      },
      onCall: (path, call) => {
        this.#onCall(path, call);
      },
      arrivalsOf: (session) => {
        const identity = this.#connections.get(endsOf(session.socket))?.credentials?.identity;
        return (messages) => {
          onArriving?.(messages, identity);
        };
      },
      onMessages: (session, stream, watch) => {
        const connection = this.#connections.get(endsOf(session.socket));
        connection?.watchMessages(watch);
        stream.once('close', () => connection?.unwatchMessages(watch));
      },
    });
    this.#calls = calls;
    const inject = (socket: Socket): void => {
      calls.injector.injectConnection(socket);
    };
    const hand = identity === undefined ? inject : this.#secured(identity, inject);
    const server = createNetServer({ noDelay: true, keepAlive: true }, (socket) => {
      this.#accept(socket, hand);
    });
    server.maxConnections = options.maxConnections;
    server.on('drop', (data) => {
      warnings.warn('connections', 'a connection was dropped: maxConnections are open', {
        maxConnections: options.maxConnections,
        peer: data?.remoteAddress,
      });
    });
    this.#server = server;
    await listen(server, this.#config.listenAddress);
    server.on('error', (error) => {
      warnings.warn('connections', `accepting connections failed: ${error.message}`, { error });
    });
  }

  /** Stops listening, ends every stream and cuts every connection. Resolves when all of it is gone. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#monitor.stop();
    const server = this.#server;
    if (server !== undefined) {
      const stopped = new Promise<void>((resolve) => {
        // The callback also comes, with an error, when the server never got to listen.
        server.close(() => {
          resolve();
        });
      });
      await Promise.all([stopped, ...[...this.#links].map((connection) => connection.stop())]);
    }
    this.#calls?.shutDown();
  }

  #accept(socket: Socket, hand: (socket: Socket) => void): void {
    const { handshakeTimeoutMs, closeTimeoutMs } = this.#config.options;
    const key = endsOf(socket);
    const onSettled = this.#newcomers.enter(() => {
      this.#warnHandshake('a client was cut before its first call: too many are at it', socket, undefined);
      socket.destroy();
    });
    const connection = new IncomingConnection(socket, {
      handshakeTimeoutMs,
      closeTimeoutMs,
      isPlain: this.#config.identityFiles === undefined,
      onDawdling: () => {
        this.#warnHandshake('a client did not complete its handshake in time', socket, undefined);
      },
      onSettled,
    });
    this.#connections.set(key, connection);
    this.#links.add(connection);
    this.#monitor.wake();
    void connection.closed.then(() => {
      this.#links.delete(connection);
      if (this.#connections.get(key) === connection) this.#connections.delete(key);
    });
    this.#look(socket, hand);
  }

  /** Hands the socket on once its first bytes have come and are what this host speaks. */
  #look(socket: Socket, hand: (socket: Socket) => void): void {
    socket.once('readable', () => {
      const first = socket.read() as Buffer | null;
      if (first === null) {
        if (!socket.readableEnded) this.#look(socket, hand);
        return;
      }
      const fault = this.#faultOf(first);
      if (fault === undefined) {
        socket.unshift(first);
        hand(socket);
      } else {
        this.#warnHandshake(`a client failed the handshake: ${fault}`, socket, undefined);
        socket.end(REFUSAL, () => {
          socket.destroy();
        });
      }
    });
  }

  #faultOf(first: Buffer): string | undefined {
    const isTLS = first[0] === TLS_HANDSHAKE;
    const isHTTP2 = PREFACE.subarray(0, first.length).equals(first.subarray(0, PREFACE.length));
    const { identityFiles } = this.#config;
    if (identityFiles === undefined) {
      if (isHTTP2) return undefined;
      return isTLS ? 'it has mutual TLS on and this host has it off' : 'it does not speak gRPC';
    }
    if (isTLS) return undefined;
    return isHTTP2 ? 'it has mutual TLS off and this host has it on' : 'it does not speak TLS';
  }

  /** A TLS server in front of `inject`, whose certificates are those that the files have at each handshake. */
  #secured(initial: Identity, inject: (socket: Socket) => void): (socket: Socket) => void {
    let identity = initial;
    const server = createTLSServer({
      ...initial.options,
      requestCert: true,
      rejectUnauthorized: true,
      ALPNProtocols: ['h2'],
      handshakeTimeout: this.#config.options.handshakeTimeoutMs,
    });
    server.on('tlsClientError', (error, socket) => {
      this.#warnHandshake(`a client failed the handshake: ${error.message}`, socket, error);
      socket.destroy();
    });
    server.on('secureConnection', (socket) => {
      socket.on('error', () => undefined);
      const refusal =
        socket.alpnProtocol === 'h2'
          ? this.#identify(socket, identity)
          : 'a client failed the handshake: it does not speak HTTP/2';
      if (refusal === undefined) {
        inject(socket);
      } else {
        this.#warnHandshake(refusal, socket, undefined);
        socket.destroy();
      }
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
        this.#warnHandshake(`a connection failed: ${(error as Error).message}`, socket, error);
        socket.destroy();
      });
    };
  }

  /** Notes what a client has shown, whose chain leads to the CA; returns why it is not good enough. */
  #identify(socket: TLSSocket, identity: Identity): string | undefined {
    const connection = this.#connections.get(endsOf(socket));
    const credentials = credentialsOfSocket(socket);
    if (connection === undefined || credentials === undefined) return 'a client has shown no certificate';
    const fault = faultOfCredentials(credentials, 'client', identity);
    if (fault !== undefined) {
      const why = certificateFault(fault.code) ?? 'is not accepted';
      return `a client was refused: its certificate ${why} (${fault.message})`;
    }
    connection.credentials = credentials;
    const release = this.#config.peerWatch?.hold(credentials, connection.peer, () => socket.destroy());
    void connection.closed.then(release);
    return undefined;
  }

  #onCall(path: string, call: ServerInterceptingCallInterface): void {
    const connection = this.#connections.get(endsOf(call.getConnectionInfo()));
    if (connection === undefined || this.#stopped) {
      call.sendStatus(REFUSED);
      return;
    }
    if (isCompressed(call)) {
      call.sendStatus(COMPRESSED);
      return;
    }
    const { raftAddress, introductions, guests, options } = this.#config;
    const arrival = introductions.arrivals.from(connection.peer);
    const receiver = this.#config.openReceiver(path, arrival, {
      name: connection.peer,
      identity: connection.credentials?.identity,
    });
    if (receiver === undefined) {
      call.sendStatus(REFUSED);
      return;
    }
    const stream = new IncomingStream(call, receiver, () => {
      connection.remove(stream);
    });
    connection.add(stream, path === MESSAGES_PATH);
    stream.start({
      raftAddress,
      pingIntervalMs: options.pingIntervalMs,
      takesNumbers: path === MESSAGES_PATH,
      onMessage: () => {
        if (path === MESSAGES_PATH) connection.heardMessage();
      },
      refusalOf: (to, from) => {
        arrival.introduce(to, from);
        const { peer, credentials } = connection;
        const mistake = credentials && introductions.identityRefusalOf(from, credentials.identity, peer);
        if (mistake !== undefined) return { code: Status.PERMISSION_DENIED, details: mistake };
        const refusal = introductions.refusalOf(to, from, peer);
        if (refusal !== undefined) return { code: Status.FAILED_PRECONDITION, details: refusal };
        connection.seat(() =>
          guests.enter({ from, identity: credentials?.identity, peer }, () => connection.socket.destroy()),
        );
        return undefined;
      },
    });
  }

  #warnHandshake(message: string, { remoteAddress }: Socket, error: unknown): void {
    this.#config.warnings.warn('handshake', message, {
      peer: remoteAddress,
      ...(error === undefined ? {} : { error }),
    });
  }
}

/** The library takes the header away before it shows the others; this is where it keeps what was in it. */
function isCompressed(call: ServerInterceptingCallInterface): boolean {
  const { incomingEncoding } = call as { incomingEncoding?: unknown };
  return typeof incomingEncoding === 'string' && incomingEncoding !== 'identity';
}

interface Ends {
  localAddress?: string | undefined;
  localPort?: number | undefined;
  remoteAddress?: string | undefined;
  remotePort?: number | undefined;
}

/** A connection as both ends see it; the TLS and the TCP socket of a connection agree on it. */
function endsOf({ remoteAddress, remotePort, localAddress, localPort }: Ends): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
