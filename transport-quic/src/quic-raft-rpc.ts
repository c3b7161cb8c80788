import {
  type ChunkSinkFactory,
  ErrTransportStopped,
  type IConnection,
  type IRaftRPC,
  type ISnapshotConnection,
  type RaftRPCConfig,
  type RaftRPCCounters,
  type RequestHandler,
  UNMANAGED_DEPLOYMENT_ID,
} from '@drakkar/raftio';
import {
  IdentityFiles,
  Guests,
  Introductions,
  type PeerCredentials,
  PeerWatch,
  TransportLife,
  Warnings,
  attemptAborted,
} from '@drakkar/raftio/transport';
import { chooseEngine } from './choose-engine.js';
import { type DialRequest, dial } from './dial.js';
import type { Engine } from './engine.js';
import type { Self } from './handshake/terms.js';
import { type MessageReceiver, receiveMessages, receiveSnapshot } from './inbound.js';
import type { Link } from './link.js';
import { Listener } from './listener.js';
import { MessageConnection } from './message-connection.js';
import type { ResolvedOptions } from './options.js';
import type { ChannelKind } from './protocol/hello.js';
import { SnapshotConnection } from './snapshot-connection.js';

/** IRaftRPC on QUIC: a listener for what others send, and connections dialled for what this host sends. */
export class QuicRaftRPC implements IRaftRPC {
  readonly name = 'quic';
  readonly #config: RaftRPCConfig;
  readonly #options: ResolvedOptions;
  readonly #receiver: MessageReceiver;
  readonly #chunkSinkFactory: ChunkSinkFactory;
  readonly #highWaterMarkBytes: number;
  readonly #warnings: Warnings;
  readonly #identityFiles: IdentityFiles | undefined;
  readonly #peerWatch: PeerWatch | undefined;
  readonly #listener: Listener;
  readonly #life: TransportLife<Link>;
  readonly #introductions: Introductions;
  #engine: Promise<Engine> | undefined;

  constructor(
    config: RaftRPCConfig,
    requestHandler: RequestHandler,
    chunkSinkFactory: ChunkSinkFactory,
    options: ResolvedOptions,
  ) {
    this.#config = config;
    this.#options = options;
    this.#receiver = { handler: requestHandler, onArriving: config.onArriving };
    this.#chunkSinkFactory = chunkSinkFactory;
    this.#highWaterMarkBytes = Math.max(1, Math.min(options.highWaterMarkBytes, config.sendBufferBytes));
    const warnings = new Warnings(config.onWarning);
    this.#warnings = warnings;
    this.#introductions = new Introductions(
      config.raftAddress,
      warnings,
      config.onDamage,
      config.mutualTLS?.allowedPeers,
    );
    this.#identityFiles = IdentityFiles.of(config.mutualTLS, warnings);
    this.#peerWatch = this.#identityFiles && new PeerWatch(this.#identityFiles, warnings);
    this.#listener = new Listener({
      listenAddress: config.listenAddress,
      options,
      identityFiles: this.#identityFiles,
      guests: new Guests(options.maxConnections, config.isMember, warnings),
      warnings,
      onLink: (kind, link, credentials) => {
        this.#onLink(kind, link, credentials);
      },
    });
    this.#life = new TransportLife(options, this.#listener);
  }

  start(): Promise<void> {
    return this.#life.start(() => this.#start());
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
      { target, kind: 'messages', expected },
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
      { target, kind: 'snapshots', expected },
      signal,
      (link) => new SnapshotConnection(link, this.#options.snapshotWindowBytes),
    );
  }

  async #start(): Promise<void> {
    const engine = await this.#chosenEngine();
    await this.#listener.start(engine, this.#self(engine));
  }

  /** Chosen once, which is told once. */
  #chosenEngine(): Promise<Engine> {
    this.#engine ??= chooseEngine(this.#options.engine, this.#options).then(({ engine, because }) => {
      this.#config.onInfo?.(`quic transport: engine ${engine.name}, because ${because}`, {
        engine: engine.name,
        because,
      });
      return engine;
    });
    return this.#engine;
  }

  #self({ name }: Engine): Self {
    const { receiveWindowBytes, snapshotWindowBytes } = this.#options;
    return {
      engine: name,
      raftAddress: this.#config.raftAddress,
      deploymentID: this.#config.deploymentID ?? UNMANAGED_DEPLOYMENT_ID,
      introductions: this.#introductions,
      sendMarkBytes: { messages: this.#highWaterMarkBytes, snapshots: snapshotWindowBytes },
      windowBytes: { messages: receiveWindowBytes, snapshots: snapshotWindowBytes },
    };
  }

  async #connect<T>(
    { target, kind, expected }: Pick<DialRequest, 'target' | 'kind' | 'expected'>,
    signal: AbortSignal,
    wrap: (link: Link) => T,
  ): Promise<T> {
    return this.#life.connect(target, signal, async (either) => {
      const engine = await this.#chosenEngine();
      const identity = await this.#identityFiles?.current();
      if (either.aborted) throw attemptAborted(target, either.reason);
      const { connectTimeoutMs } = this.#options;
      const self = this.#self(engine);
      const request = { engine, self, kind, target, expected, identity, connectTimeoutMs, signal: either };
      return dial(request, (link, credentials) => {
        const connection = wrap(link);
        this.#life.hold(link, this.#peerWatch, credentials);
        return connection;
      });
    });
  }

  #onLink(kind: ChannelKind, link: Link, credentials: PeerCredentials | undefined): void {
    if (this.#life.isStopped) {
      link.attach({ onClosed: () => undefined });
      link.terminate(new ErrTransportStopped());
      return;
    }
    // TLS has checked all that comes; a host of 0.1 says hello as well, and gives no checksums.
    const arrival = this.#introductions.arrivals.from(link.peer);
    const peer = credentials?.identity;
    if (kind === 'messages') receiveMessages(link, arrival, this.#receiver, this.#warnings, peer);
    else receiveSnapshot(link, arrival, this.#chunkSinkFactory, this.#warnings, peer);
    this.#life.hold(link, this.#peerWatch, credentials);
  }
}
