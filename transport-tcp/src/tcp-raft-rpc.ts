import {
  type ChunkSinkFactory,
  ErrTransportStopped,
  type IConnection,
  type IRaftRPC,
  type Message,
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
import { DragonboatSnapshotConnection, receiveFromDragonboat } from './dragonboat.js';
import { type Incoming, type Receivers, receiveMessages, receiveSnapshot } from './inbound.js';
import type { Link, LinkOptions } from './link.js';
import { type Client, Listener } from './listener.js';
import { MessageConnection } from './message-connection.js';
import type { ResolvedOptions } from './options.js';
import { SnapshotConnection } from './snapshot-connection.js';

/** IRaftRPC on TCP: a listener for what others send, and connections dialled for what this host sends. */
export class TcpRaftRPC implements IRaftRPC {
  readonly name = 'tcp';
  readonly #options: ResolvedOptions;
  readonly #linkOptions: LinkOptions;
  readonly #receivers: Receivers;
  readonly #highWaterMarkBytes: number;
  readonly #identityFiles: IdentityFiles | undefined;
  readonly #peerWatch: PeerWatch | undefined;
  readonly #listener: Listener;
  readonly #life: TransportLife<Link>;
  readonly #raftAddress: string;
  readonly #introductions: Introductions;
  #withheldMessages = 0;

  constructor(
    config: RaftRPCConfig,
    requestHandler: RequestHandler,
    chunkSinkFactory: ChunkSinkFactory,
    options: ResolvedOptions,
  ) {
    const { peers, deadPeerTimeoutMs, closeTimeoutMs, highWaterMarkBytes } = options;
    const warnings = new Warnings(config.onWarning);
    this.#options = options;
    this.#receivers = { requestHandler, chunkSinkFactory, onArriving: config.onArriving, warnings };
    this.#highWaterMarkBytes = Math.max(1, Math.min(highWaterMarkBytes, config.sendBufferBytes));
    this.#identityFiles = IdentityFiles.of(config.mutualTLS, warnings);
    this.#raftAddress = config.raftAddress;
    this.#peerWatch = this.#identityFiles && new PeerWatch(this.#identityFiles, warnings);
    this.#introductions = new Introductions(
      config.raftAddress,
      warnings,
      config.onDamage,
      config.mutualTLS?.allowedPeers,
    );
    this.#linkOptions = { peers, deadPeerTimeoutMs, closeTimeoutMs };
    this.#listener = new Listener({
      raftAddress: config.raftAddress,
      listenAddress: config.listenAddress,
      introductions: this.#introductions,
      guests: new Guests(options.maxConnections, config.isMember, warnings),
      options,
      link: this.#linkOptions,
      identityFiles: this.#identityFiles,
      warnings,
      onLink: (channel, link, client) => {
        this.#receive(link, client, channel === 'messages' ? receiveMessages : receiveSnapshot);
      },
      onSilentLink: (link, client, admit) => {
        this.#receive(link, client, (incoming) => receiveFromDragonboat(incoming, admit));
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
    return { ...this.#introductions.counters, withheldMessages: this.#withheldMessages };
  }

  async getConnection(target: string, signal: AbortSignal, expected?: string): Promise<IConnection> {
    const onWithheld = (message: Message, fault: string): void => this.#onWithheld(target, message, fault);
    return this.#connect(
      { target, channel: 'messages', expected },
      signal,
      (link) => new MessageConnection(link, this.#options.peers, this.#highWaterMarkBytes, onWithheld),
    );
  }

  async getSnapshotConnection(
    target: string,
    signal: AbortSignal,
    expected?: string,
  ): Promise<ISnapshotConnection> {
    const { peers, snapshotWindowBytes } = this.#options;
    const Connection = peers === 'dragonboat' ? DragonboatSnapshotConnection : SnapshotConnection;
    return this.#connect(
      { target, channel: 'snapshot', expected },
      signal,
      (link) => new Connection(link, snapshotWindowBytes),
    );
  }

  async #connect<T>(
    { target, channel, expected }: Pick<DialRequest, 'target' | 'channel' | 'expected'>,
    signal: AbortSignal,
    wrap: (link: Link) => T,
  ): Promise<T> {
    return this.#life.connect(target, signal, async (either) => {
      const identity = await this.#identityFiles?.current();
      if (either.aborted) throw attemptAborted(target, either.reason);
      const request: DialRequest = {
        target,
        channel,
        identity,
        connectTimeoutMs: this.#options.connectTimeoutMs,
        signal: either,
        from: this.#raftAddress,
        expected,
        introductions: this.#introductions,
        link: this.#linkOptions,
      };
      return dial(request, (link, credentials) => {
        const connection = wrap(link);
        this.#life.hold(link, this.#peerWatch, credentials);
        return connection;
      });
    });
  }

  #receive(link: Link, { arrival, credentials }: Client, attach: (incoming: Incoming) => void): void {
    if (this.#life.isStopped) {
      link.terminate(new ErrTransportStopped());
      return;
    }
    attach({ link, arrival, peer: credentials?.identity, receivers: this.#receivers });
    this.#life.hold(link, this.#peerWatch, credentials);
  }

  #onWithheld(target: string, { clusterID }: Message, fault: string): void {
    this.#withheldMessages += 1;
    const message = `withheld from a host of Dragonboat, which could end at it: ${fault}`;
    this.#receivers.warnings.warn('content', message, { target, clusterID });
  }
}
