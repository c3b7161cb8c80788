import { type Socket, connect } from 'node:net';
import { connect as connectTLS } from 'node:tls';
import {
  type ChunkSinkFactory,
  ErrConnectFailed,
  ErrConnectionClosed,
  ErrMalformed,
  ErrTransportStopped,
  type IConnection,
  type IRaftRPC,
  type ISnapshotConnection,
  type RaftRPCConfig,
  type RequestHandler,
  hasErrorCode,
} from '@drakkar/raftio';
import { IdentityFiles, Warnings, parseAddress } from '@drakkar/raftio/transport';
import { connectError } from './connect-errors.js';
import { type Channel, FrameType, MAX_HELLO_BYTES, helloFor, isHello } from './frames.js';
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
  readonly #listener: Listener;
  readonly #links = new Set<Link>();
  readonly #dialling = new Set<Promise<unknown>>();
  readonly #stopping = new AbortController();
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
    this.#identityFiles =
      config.mutualTLS &&
      new IdentityFiles(config.mutualTLS, (text, details) => warnings.warn('certificates', text, details));
    this.#listener = new Listener(
      options,
      this.#identityFiles,
      warnings,
      (socket) => void this.#serve(socket),
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

  async getConnection(target: string, signal: AbortSignal): Promise<IConnection> {
    const link = await this.#connect(target, 'messages', signal);
    return new MessageConnection(link, this.#config.sendBufferBytes);
  }

  async getSnapshotConnection(target: string, signal: AbortSignal): Promise<ISnapshotConnection> {
    return new SnapshotConnection(await this.#connect(target, 'snapshot', signal));
  }

  async #connect(target: string, channel: Channel, signal: AbortSignal): Promise<Link> {
    if (this.#stopped !== undefined) throw new ErrTransportStopped();
    const timeout = AbortSignal.timeout(this.#options.connectTimeoutMs);
    const any = AbortSignal.any([signal, this.#stopping.signal, timeout]);
    const attempt = this.#dial(target, channel, any);
    this.#dialling.add(attempt);
    try {
      return await attempt;
    } catch (error) {
      throw this.#stopping.signal.aborted ? new ErrTransportStopped(undefined, { cause: error }) : error;
    } finally {
      this.#dialling.delete(attempt);
    }
  }

  /** Resolves when the peer has said the same hello: it is there, lets us in, and speaks this protocol. */
  async #dial(target: string, channel: Channel, signal: AbortSignal): Promise<Link> {
    const options = { ...parseAddress(target), noDelay: true };
    const identity = await this.#identityFiles?.current();
    const socket =
      identity === undefined ? connect(options) : connectTLS({ ...options, secureContext: identity.context });
    const link = this.#hold(new Link(socket, target, this.#options));
    const abort = (): unknown => link.end(new ErrConnectionClosed());
    signal.addEventListener('abort', abort);
    try {
      if (signal.aborted) abort();
      link.send(FrameType.Hello, helloFor(channel));
      const answer = await link.read(MAX_HELLO_BYTES);
      if (!isHello(answer, channel)) throw new ErrMalformed('it speaks another protocol');
      return link;
    } catch (error) {
      const reason = link.end(error as Error);
      if (!signal.aborted) throw connectError(target, reason, identity !== undefined);
      throw new ErrConnectFailed(`gave up connecting to ${target}`, { cause: signal.reason });
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  async #serve(socket: Socket): Promise<void> {
    const peer = `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`;
    const link = this.#hold(new Link(socket, peer, this.#options));
    try {
      const channel = await this.#greet(link);
      if (channel === 'messages') await receiveMessages(link, this.#requestHandler, this.#warnings);
      else await receiveSnapshot(link, this.#chunkSinkFactory, this.#warnings);
    } catch (error) {
      const reason = link.end(error as Error);
      if (hasErrorCode(reason, 'ERR_CONNECTION_CLOSED')) return; // Connections come and go.
      this.#warnings.warn('content', `a connection was ended: ${reason.message}`, { peer });
    }
  }

  /** A client has to say its hello in time; the answer lets it know that it was let in. */
  async #greet(link: Link): Promise<Channel> {
    const tooLate = (): unknown => link.end(new ErrMalformed('no hello in time'));
    const deadline = setTimeout(tooLate, this.#options.connectTimeoutMs);
    try {
      const hello = await link.read(MAX_HELLO_BYTES);
      const channel = (['messages', 'snapshot'] as const).find((each) => isHello(hello, each));
      if (channel === undefined) throw new ErrMalformed('it speaks another protocol');
      link.send(FrameType.Hello, hello.payload);
      return channel;
    } finally {
      clearTimeout(deadline);
    }
  }

  #hold(link: Link): Link {
    this.#links.add(link);
    void link.closed.then(() => this.#links.delete(link));
    return link;
  }

  async #stopAll(): Promise<void> {
    this.#stopping.abort();
    // What is being started must be there before it can be stopped; its failure was told to who started it.
    await this.#started?.catch(() => undefined);
    await Promise.allSettled(this.#dialling);
    const stopped = this.#listener.stop();
    for (const link of this.#links) link.end(new ErrConnectionClosed('the transport was stopped'));
    await Promise.all([stopped, ...[...this.#links].map((link) => link.closed)]);
  }
}
