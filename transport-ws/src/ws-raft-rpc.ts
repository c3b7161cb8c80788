import {
  type ChunkSinkFactory,
  ErrTransportStopped,
  type IConnection,
  type IRaftRPC,
  type ISnapshotConnection,
  type RaftRPCConfig,
  type RequestHandler,
} from '@drakkar/raftio';
import {
  ConnectAttempts,
  IdentityFiles,
  LivenessMonitor,
  Warnings,
  attemptAborted,
} from '@drakkar/raftio/transport';
import { dial } from './dial.js';
import { receiveMessages, receiveSnapshot } from './inbound.js';
import { Link } from './link.js';
import { Listener } from './listener.js';
import { MessageConnection } from './message-connection.js';
import type { ResolvedOptions } from './options.js';
import { type ChannelPath, MESSAGES_PATH, SNAPSHOTS_PATH } from './protocol.js';
import { SnapshotConnection } from './snapshot-connection.js';

/** IRaftRPC on WebSocket: a listener for what others send, and connections dialled for what this host sends. */
export class WsRaftRPC implements IRaftRPC {
  readonly name = 'ws';
  readonly #options: ResolvedOptions;
  readonly #requestHandler: RequestHandler;
  readonly #chunkSinkFactory: ChunkSinkFactory;
  readonly #highWaterMarkBytes: number;
  readonly #warnings: Warnings;
  readonly #identityFiles: IdentityFiles | undefined;
  readonly #listener: Listener;
  readonly #monitor: LivenessMonitor;
  readonly #links = new Set<Link>();
  readonly #attempts = new ConnectAttempts();
  #started: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(
    config: RaftRPCConfig,
    requestHandler: RequestHandler,
    chunkSinkFactory: ChunkSinkFactory,
    options: ResolvedOptions,
  ) {
    this.#options = options;
    this.#requestHandler = requestHandler;
    this.#chunkSinkFactory = chunkSinkFactory;
    this.#highWaterMarkBytes = Math.max(1, Math.min(options.highWaterMarkBytes, config.sendBufferBytes));
    const warnings = new Warnings(config.onWarning);
    this.#warnings = warnings;
    this.#identityFiles =
      config.mutualTLS &&
      new IdentityFiles(config.mutualTLS, (message, details) => {
        warnings.warn('certificates', message, details);
      });
    this.#monitor = new LivenessMonitor(options, this.#links);
    this.#listener = new Listener({
      listenAddress: config.listenAddress,
      options,
      identityFiles: this.#identityFiles,
      warnings,
      onLink: (path, link) => {
        this.#onLink(path, link);
      },
    });
  }

  start(): Promise<void> {
    if (this.#stopped !== undefined) return Promise.reject(new ErrTransportStopped());
    this.#started ??= this.#listener.start().catch((error: unknown) => {
      this.#started = undefined;
      throw error;
    });
    return this.#started;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async getConnection(target: string, signal: AbortSignal): Promise<IConnection> {
    return this.#connect(
      target,
      MESSAGES_PATH,
      signal,
      (link) => new MessageConnection(link, this.#highWaterMarkBytes),
    );
  }

  async getSnapshotConnection(target: string, signal: AbortSignal): Promise<ISnapshotConnection> {
    return this.#connect(
      target,
      SNAPSHOTS_PATH,
      signal,
      (link) => new SnapshotConnection(link, this.#options.snapshotWindowBytes),
    );
  }

  async #connect<T>(
    target: string,
    path: ChannelPath,
    signal: AbortSignal,
    wrap: (link: Link) => T,
  ): Promise<T> {
    return this.#attempts.run(target, signal, async (either) => {
      const identity = await this.#identityFiles?.current();
      if (either.aborted) throw attemptAborted(target, either.reason);
      const { connectTimeoutMs, closeTimeoutMs } = this.#options;
      return dial(
        { target, path, identity, connectTimeoutMs, closeTimeoutMs, signal: either },
        (ws, socket) => {
          const link = new Link(ws, socket, target);
          const connection = wrap(link);
          this.#hold(link);
          return connection;
        },
      );
    });
  }

  #onLink(path: ChannelPath, link: Link): void {
    if (this.#stopped !== undefined) {
      link.terminate(new ErrTransportStopped());
      return;
    }
    if (path === MESSAGES_PATH) receiveMessages(link, this.#requestHandler, this.#warnings);
    else receiveSnapshot(link, this.#chunkSinkFactory, this.#warnings);
    this.#hold(link);
  }

  #hold(link: Link): void {
    this.#links.add(link);
    this.#monitor.wake();
    void link.closed.then(() => {
      this.#links.delete(link);
    });
  }

  async #stop(): Promise<void> {
    const attemptsEnded = this.#attempts.stop();
    // What is being started must be there before it can be stopped; its failure was told to who started it.
    await this.#started?.catch(() => undefined);
    await attemptsEnded;
    const links = [...this.#links];
    for (const link of links) link.terminate(new ErrTransportStopped());
    await Promise.all([this.#listener.stop(), ...links.map((link) => link.closed)]);
    this.#monitor.stop();
  }
}
