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
import { Listener } from './listener.js';
import { MessageConnection } from './message-connection.js';
import type { ResolvedOptions } from './options.js';
import { OutgoingStream } from './outgoing-stream.js';
import { MessageReceiver, SnapshotReceiver } from './receivers.js';
import { MESSAGES_PATH, type MethodPath, SNAPSHOTS_PATH } from './service.js';
import { SnapshotConnection } from './snapshot-connection.js';

/** IRaftRPC on gRPC: a server for what others send, and a connection dialled for each stream that this host sends. */
export class GrpcRaftRPC implements IRaftRPC {
  readonly name = 'grpc';
  readonly #options: ResolvedOptions;
  readonly #highWaterMarkBytes: number;
  readonly #identityFiles: IdentityFiles | undefined;
  readonly #listener: Listener;
  readonly #monitor: LivenessMonitor;
  readonly #streams = new Set<OutgoingStream>();
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
    this.#highWaterMarkBytes = Math.max(1, Math.min(options.highWaterMarkBytes, config.sendBufferBytes));
    const warnings = new Warnings(config.onWarning);
    this.#identityFiles =
      config.mutualTLS &&
      new IdentityFiles(config.mutualTLS, (message, details) => {
        warnings.warn('certificates', message, details);
      });
    this.#monitor = new LivenessMonitor(options, this.#streams);
    this.#listener = new Listener({
      listenAddress: config.listenAddress,
      options,
      identityFiles: this.#identityFiles,
      warnings,
      openReceiver: (path, peer) =>
        path === MESSAGES_PATH
          ? new MessageReceiver(requestHandler, peer, warnings)
          : SnapshotReceiver.open(chunkSinkFactory, peer, warnings),
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
      (stream) => new MessageConnection(stream, this.#highWaterMarkBytes),
    );
  }

  async getSnapshotConnection(target: string, signal: AbortSignal): Promise<ISnapshotConnection> {
    return this.#connect(
      target,
      SNAPSHOTS_PATH,
      signal,
      (stream) => new SnapshotConnection(stream, this.#options.highWaterMarkBytes),
    );
  }

  async #connect<T>(
    target: string,
    path: MethodPath,
    signal: AbortSignal,
    wrap: (stream: OutgoingStream) => T,
  ): Promise<T> {
    const { connectTimeoutMs, closeTimeoutMs } = this.#options;
    return this.#attempts.run(target, signal, async (either) => {
      const identity = await this.#identityFiles?.current();
      if (either.aborted) throw attemptAborted(target, either.reason);
      return dial({ target, path, identity, connectTimeoutMs, signal: either }, (dialled) => {
        const stream = new OutgoingStream(dialled, closeTimeoutMs);
        const connection = wrap(stream);
        this.#hold(stream);
        return connection;
      });
    });
  }

  #hold(stream: OutgoingStream): void {
    this.#streams.add(stream);
    this.#monitor.wake();
    void stream.closed.then(() => {
      this.#streams.delete(stream);
    });
  }

  async #stop(): Promise<void> {
    const attemptsEnded = this.#attempts.stop();
    // What is being started must be there before it can be stopped; its failure was told to who started it.
    await this.#started?.catch(() => undefined);
    await attemptsEnded;
    const streams = [...this.#streams];
    for (const stream of streams) stream.terminate(new ErrTransportStopped());
    await Promise.all([this.#listener.stop(), ...streams.map((stream) => stream.closed)]);
    this.#monitor.stop();
  }
}
