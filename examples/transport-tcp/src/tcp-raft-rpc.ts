import { type Socket, connect } from 'node:net';
import { type TLSSocket, connect as connectTLS } from 'node:tls';
import {
  type ChunkSinkFactory,
  ErrConnectionClosed,
  ErrMalformed,
  ErrTransportStopped,
  type IConnection,
  type IRaftRPC,
  type ISnapshotConnection,
  type PeerIdentity,
  type RaftRPCConfig,
  type RaftRPCCounters,
  type RequestHandler,
  hasErrorCode,
} from '@drakkar/raftio';
import {
  type Arrival,
  ConnectAttempts,
  IdentityFiles,
  Introductions,
  LivenessMonitor,
  type PeerCredentials,
  PeerWatch,
  Warnings,
  attemptAborted,
  attemptTimedOut,
  credentialsOfSocket,
  explainConnectError,
  parseAddress,
  serverCheck,
} from '@drakkar/raftio/transport';
import { type Channel, FrameType, MAX_HELLO_BYTES, helloOf, readHello } from './frames.js';
import { receiveMessages, receiveSnapshot } from './inbound.js';
import { Link } from './link.js';
import { Listener } from './listener.js';
import type { TcpOptions } from './options.js';
import { MessageConnection, SnapshotConnection } from './outbound.js';

/** Listens for what others send, and dials for what this host sends: one connection for each direction. */
export class TcpRaftRPC implements IRaftRPC {
  readonly name = 'tcp';
  readonly #config: RaftRPCConfig;
  readonly #options: TcpOptions;
  readonly #requestHandler: RequestHandler;
  readonly #chunkSinkFactory: ChunkSinkFactory;
  readonly #warnings: Warnings;
  readonly #identityFiles: IdentityFiles | undefined;
  readonly #peerWatch: PeerWatch | undefined;
  readonly #listener: Listener;
  readonly #links = new Set<Link>();
  readonly #monitor: LivenessMonitor;
  readonly #introductions: Introductions;
  readonly #attempts = new ConnectAttempts();
  #started: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(
    config: RaftRPCConfig,
    requestHandler: RequestHandler,
    chunkSinkFactory: ChunkSinkFactory,
    options: TcpOptions,
  ) {
    this.#config = config;
    this.#options = options;
    this.#requestHandler = requestHandler;
    this.#chunkSinkFactory = chunkSinkFactory;
    const warnings = new Warnings(config.onWarning);
    this.#warnings = warnings;
    const { raftAddress, mutualTLS, onDamage } = config;
    this.#introductions = new Introductions(raftAddress, warnings, onDamage, mutualTLS?.allowedPeers);
    this.#identityFiles = IdentityFiles.of(mutualTLS, warnings);
    this.#peerWatch = this.#identityFiles && new PeerWatch(this.#identityFiles, warnings);
    this.#monitor = new LivenessMonitor(options, this.#links);
    this.#listener = new Listener(
      options,
      this.#identityFiles,
      warnings,
      (socket, credentials) => void this.#serve(socket, credentials),
    );
  }

  async start(): Promise<void> {
    if (this.#stopped !== undefined) throw new ErrTransportStopped();
    this.#started ??= this.#listener.start(this.#config.listenAddress);
    await this.#started;
  }

  async stop(): Promise<void> {
    this.#stopped ??= this.#stopAll();
    await this.#stopped;
  }

  async reload(): Promise<void> {
    await this.#peerWatch?.reload();
  }

  counters(): RaftRPCCounters {
    return this.#introductions.counters;
  }

  async getConnection(target: string, signal: AbortSignal, expected?: string): Promise<IConnection> {
    const link = await this.#connect(target, 'messages', signal, expected);
    return new MessageConnection(link, this.#config.sendBufferBytes);
  }

  async getSnapshotConnection(
    target: string,
    signal: AbortSignal,
    expected?: string,
  ): Promise<ISnapshotConnection> {
    return new SnapshotConnection(await this.#connect(target, 'snapshot', signal, expected));
  }

  #connect(target: string, channel: Channel, signal: AbortSignal, expected?: string): Promise<Link> {
    return this.#attempts.run(target, signal, (either) => this.#dial(target, channel, either, expected));
  }

  /** Resolves when the peer has said hello: it is there, lets us in, and speaks this protocol. */
  async #dial(target: string, channel: Channel, signal: AbortSignal, expected?: string): Promise<Link> {
    const { connectTimeoutMs } = this.#options;
    const options = { ...parseAddress(target), noDelay: true };
    const identity = await this.#identityFiles?.current();
    if (signal.aborted) throw attemptAborted(target, signal.reason);
    const state = { target, secure: identity !== undefined, secured: false, connected: false };
    const socket =
      identity === undefined
        ? connect(options)
        : connectTLS({
            ...options,
            secureContext: identity.context,
            checkServerIdentity: serverCheck(options.host, identity),
          });
    socket.once('connect', () => (state.connected = true));
    const link = this.#hold(new Link(socket, target));
    socket.once('secureConnect', () => {
      state.secured = true;
      this.#watch(link, credentialsOfSocket(socket as TLSSocket));
    });
    const abort = (): unknown => link.end(attemptAborted(target, signal.reason));
    const timer = setTimeout(() => link.end(attemptTimedOut(target, connectTimeoutMs)), connectTimeoutMs);
    signal.addEventListener('abort', abort);
    try {
      link.send(FrameType.Hello, helloOf(channel, this.#config.raftAddress, expected));
      const hello = readHello(await link.read(MAX_HELLO_BYTES));
      if (hello?.who !== 'host') throw new ErrMalformed('it speaks another protocol');
      const mistake = this.#introductions.failureOf(target, expected, hello.from);
      if (mistake !== undefined) throw mistake;
      return link;
    } catch (error) {
      const reason = link.end(error as Error);
      if (hasErrorCode(reason, 'ERR_CONNECT_FAILED')) throw reason;
      throw explainConnectError((reason.cause ?? reason) as Error, state);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    }
  }

  async #serve(socket: Socket, credentials: PeerCredentials | undefined): Promise<void> {
    const peer = `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`;
    const link = this.#hold(new Link(socket, peer));
    this.#watch(link, credentials);
    const identity = credentials?.identity;
    const warnings = this.#warnings;
    try {
      const arrival = this.#introductions.arrivals.from(peer);
      const channel = await this.#greet(link, arrival, identity);
      if (channel === 'messages')
        await receiveMessages(link, arrival, this.#requestHandler, warnings, identity);
      else await receiveSnapshot(link, arrival, this.#chunkSinkFactory, warnings, identity);
    } catch (error) {
      const reason = link.end(error as Error);
      if (hasErrorCode(reason, 'ERR_CONNECTION_CLOSED')) return; // Connections come and go.
      this.#warnings.warn('content', `a connection was ended: ${reason.message}`, { peer });
    }
  }

  /** This host's hello lets a client know that it was let in. The client has to say its own in time. */
  async #greet(link: Link, arrival: Arrival, identity: PeerIdentity | undefined): Promise<Channel> {
    const tooLate = (): unknown => link.end(new ErrMalformed('no hello in time'));
    const deadline = setTimeout(tooLate, this.#options.connectTimeoutMs);
    try {
      link.send(FrameType.Hello, helloOf('host', this.#config.raftAddress));
      const hello = readHello(await link.read(MAX_HELLO_BYTES));
      if (hello === undefined || hello.who === 'host') throw new ErrMalformed('it speaks another protocol');
      const { peer } = link;
      const refusal =
        (identity && this.#introductions.identityRefusalOf(hello.from, identity, peer)) ??
        this.#introductions.refusalOf(hello.to, hello.from, peer);
      if (refusal !== undefined) throw new ErrConnectionClosed(refusal);
      arrival.introduce(hello.to, hello.from);
      return hello.who;
    } finally {
      clearTimeout(deadline);
    }
  }

  /** A connection does not outlive the certificates of its peer. */
  #watch(link: Link, credentials: PeerCredentials | undefined): void {
    if (credentials === undefined) return;
    const release = this.#peerWatch?.hold(credentials, link.peer, (reason) => link.end(reason));
    void link.closed.then(release);
  }

  #hold(link: Link): Link {
    this.#links.add(link);
    this.#monitor.wake();
    void link.closed.then(() => this.#links.delete(link));
    return link;
  }

  async #stopAll(): Promise<void> {
    const attemptsEnded = this.#attempts.stop();
    // What is being started must be there before it can be stopped; its failure was told to who started it.
    await this.#started?.catch(() => undefined);
    await attemptsEnded;
    const listenerStopped = this.#listener.stop();
    for (const link of this.#links) link.end(new ErrConnectionClosed('the transport was stopped'));
    await Promise.all([listenerStopped, ...[...this.#links].map((link) => link.closed)]);
    this.#monitor.stop();
  }
}
