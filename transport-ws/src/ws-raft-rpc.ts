import {
  type ChunkSinkFactory,
  ErrTransportStopped,
  type IConnection,
  type IRaftRPC,
  type ISnapshotConnection,
  type RaftRPCConfig,
  type RaftRPCCounters,
  type RequestHandler,
} from '@drakkar/raftio';
import {
  IdentityFiles,
  Guests,
  Introductions,
  PeerWatch,
  TransportLife,
  Warnings,
  attemptAborted,
} from '@drakkar/raftio/transport';
import { type DialRequest, dial } from './dial.js';
import { type MessageReceiver, receiveMessages, receiveSnapshot } from './inbound.js';
import { Link } from './link.js';
import { type Client, Listener } from './listener.js';
import { MessageConnection } from './message-connection.js';
import type { ResolvedOptions } from './options.js';
import { type ChannelPath, MESSAGES_PATH, SNAPSHOTS_PATH } from './protocol.js';
import { SnapshotConnection } from './snapshot-connection.js';

/** IRaftRPC on WebSocket: a listener for what others send, and connections dialled for what this host sends. */
export class WsRaftRPC implements IRaftRPC {
  readonly name = 'ws';
  readonly #options: ResolvedOptions;
  readonly #receiver: MessageReceiver;
  readonly #chunkSinkFactory: ChunkSinkFactory;
  readonly #highWaterMarkBytes: number;
  readonly #warnings: Warnings;
  readonly #identityFiles: IdentityFiles | undefined;
  readonly #peerWatch: PeerWatch | undefined;
  readonly #listener: Listener;
  readonly #life: TransportLife<Link>;
  readonly #raftAddress: string;
  readonly #introductions: Introductions;

  constructor(
    config: RaftRPCConfig,
    requestHandler: RequestHandler,
    chunkSinkFactory: ChunkSinkFactory,
    options: ResolvedOptions,
  ) {
    this.#options = options;
    this.#receiver = { handler: requestHandler, onArriving: config.onArriving };
    this.#chunkSinkFactory = chunkSinkFactory;
    this.#highWaterMarkBytes = Math.max(1, Math.min(options.highWaterMarkBytes, config.sendBufferBytes));
    const warnings = new Warnings(config.onWarning);
    this.#warnings = warnings;
    this.#identityFiles = IdentityFiles.of(config.mutualTLS, warnings);
    this.#raftAddress = config.raftAddress;
    this.#peerWatch = this.#identityFiles && new PeerWatch(this.#identityFiles, warnings);
    this.#introductions = new Introductions(
      config.raftAddress,
      warnings,
      config.onDamage,
      config.mutualTLS?.allowedPeers,
    );
    this.#listener = new Listener({
      raftAddress: config.raftAddress,
      introductions: this.#introductions,
      guests: new Guests(options.maxConnections, config.isMember, warnings),
      listenAddress: config.listenAddress,
      options,
      identityFiles: this.#identityFiles,
      warnings,
      onLink: (path, link, client) => {
        this.#onLink(path, link, client);
      },
    });
    this.#life = new TransportLife(options, this.#listener);
  }

  start(): Promise<void> {
    return this.#life.start(() => this.#listener.start());
  }

  stop(): Promise<void> {
    return this.#life.stop();
  }

  async reload(): Promise<void> {
    await this.#peerWatch?.reload();
  }

  counters(): RaftRPCCounters {
    return this.#introductions.counters;
  }

  async getConnection(target: string, signal: AbortSignal, expected?: string): Promise<IConnection> {
    return this.#connect(
      { target, path: MESSAGES_PATH, expected },
      signal,
      (link) => new MessageConnection(link, this.#highWaterMarkBytes),
    );
  }

  async getSnapshotConnection(
    target: string,
    signal: AbortSignal,
    expected?: string,
  ): Promise<ISnapshotConnection> {
    return this.#connect(
      { target, path: SNAPSHOTS_PATH, expected },
      signal,
      (link) => new SnapshotConnection(link, this.#options.snapshotWindowBytes),
    );
  }

  async #connect<T>(
    { target, path, expected }: Pick<DialRequest, 'target' | 'path' | 'expected'>,
    signal: AbortSignal,
    wrap: (link: Link) => T,
  ): Promise<T> {
    return this.#life.connect(target, signal, async (either) => {
      const identity = await this.#identityFiles?.current();
      if (either.aborted) throw attemptAborted(target, either.reason);
      const { connectTimeoutMs, closeTimeoutMs } = this.#options;
      return dial(
        {
          target,
          path,
          identity,
          connectTimeoutMs,
          closeTimeoutMs,
          signal: either,
          expected,
          from: this.#raftAddress,
          introductions: this.#introductions,
        },
        (ws, socket, credentials) => {
          const link = new Link(ws, socket, target);
          const connection = wrap(link);
          this.#life.hold(link, this.#peerWatch, credentials);
          return connection;
        },
      );
    });
  }

  #onLink(path: ChannelPath, link: Link, { arrival, credentials }: Client): void {
    if (this.#life.isStopped) {
      link.terminate(new ErrTransportStopped());
      return;
    }
    const peer = credentials?.identity;
    if (path === MESSAGES_PATH) receiveMessages(link, arrival, this.#receiver, this.#warnings, peer);
    else receiveSnapshot(link, arrival, this.#chunkSinkFactory, this.#warnings, peer);
    this.#life.hold(link, this.#peerWatch, credentials);
  }
}
