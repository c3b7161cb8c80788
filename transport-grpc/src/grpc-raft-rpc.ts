import {
  type ChunkSinkFactory,
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
import { Listener } from './listener.js';
import { MessageConnection } from './message-connection.js';
import type { ResolvedOptions } from './options.js';
import { OutgoingStream } from './outgoing-stream.js';
import { Patience } from './peer-kind.js';
import { MessageReceiver, SnapshotReceiver } from './receivers.js';
import { MESSAGES_PATH, SNAPSHOTS_PATH } from './service.js';
import { SnapshotConnection } from './snapshot-connection.js';

/** IRaftRPC on gRPC: a server for what others send, and a connection dialled for each stream that this host sends. */
export class GrpcRaftRPC implements IRaftRPC {
  readonly name = 'grpc';
  readonly #options: ResolvedOptions;
  readonly #highWaterMarkBytes: number;
  readonly #identityFiles: IdentityFiles | undefined;
  readonly #peerWatch: PeerWatch | undefined;
  readonly #listener: Listener;
  readonly #life: TransportLife<OutgoingStream>;
  readonly #raftAddress: string;
  readonly #introductions: Introductions;
  readonly #patience: Patience;
  readonly #warnings: Warnings;
  #withheldMessages = 0;

  constructor(
    config: RaftRPCConfig,
    requestHandler: RequestHandler,
    chunkSinkFactory: ChunkSinkFactory,
    options: ResolvedOptions,
  ) {
    this.#options = options;
    this.#highWaterMarkBytes = Math.max(1, Math.min(options.highWaterMarkBytes, config.sendBufferBytes));
    const warnings = new Warnings(config.onWarning);
    this.#warnings = warnings;
    this.#patience = new Patience(options.dragonboatSilenceMs, options.connectTimeoutMs);
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
      peerWatch: this.#peerWatch,
      warnings,
      onArriving: config.onArriving,
      openReceiver: (path, arrival, peer) =>
        path === MESSAGES_PATH
          ? new MessageReceiver(requestHandler, arrival, peer, warnings)
          : SnapshotReceiver.open(chunkSinkFactory, arrival, peer, warnings),
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
    return this.#connect(
      { target, path: MESSAGES_PATH, expected },
      signal,
      (stream) =>
        new MessageConnection(stream, this.#highWaterMarkBytes, (message, fault) => {
          this.#withheldMessages += 1;
          this.#warnings.warn(
            'content',
            `withheld from a host of Dragonboat, which could end at it: ${fault}`,
            {
              target,
              clusterID: message.clusterID,
            },
          );
        }),
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
      (stream) => new SnapshotConnection(stream, this.#options.highWaterMarkBytes),
    );
  }

  async #connect<T>(
    { target, path, expected }: Pick<DialRequest, 'target' | 'path' | 'expected'>,
    signal: AbortSignal,
    wrap: (stream: OutgoingStream) => T,
  ): Promise<T> {
    const { connectTimeoutMs, closeTimeoutMs } = this.#options;
    return this.#life.connect(target, signal, async (either) => {
      const identity = await this.#identityFiles?.current();
      if (either.aborted) throw attemptAborted(target, either.reason);
      const from = this.#raftAddress;
      const request = { target, path, identity, connectTimeoutMs, signal: either, from, expected };
      const { stream, connection } = await dial(request, (dialled) => {
        const stream = new OutgoingStream(dialled, {
          closeTimeoutMs,
          patience: this.#patience,
          isForMessages: path === MESSAGES_PATH,
          failureOf: (host) => this.#introductions.failureOf(target, expected, host),
        });
        const connection = wrap(stream);
        this.#life.hold(stream, this.#peerWatch, dialled.attempt.credentials);
        return { stream, connection };
      });
      await stream.recognised(either);
      return connection;
    });
  }
}
