import { crc32 } from 'node:zlib';
import {
  type ChunkSinkFactory,
  ErrConnectFailed,
  ErrTransportStopped,
  type IConnection,
  type IRaftRPC,
  type ISnapshotConnection,
  type Message,
  type MessageBatch,
  type RaftRPCConfig,
  type RequestHandler,
  type SnapshotChunk,
  decodeMessageBatch,
  decodeSnapshotChunk,
  encodeMessage,
  encodeMessageBatch,
  encodeSnapshotChunk,
  normalAddress,
} from '@drakkar/raftio';
import type { Life } from '../world/life.js';
import { Channel } from './channel.js';
import { type ChunkTaker, type Listener, type Network, wayOf } from './network.js';

const LISTEN_MS = 0.1;

/** The transport of one process on the virtual network. What goes over it is encoded and decoded as for a real one. */
export class VirtualRPC implements IRaftRPC, Listener {
  readonly name = 'virtual';
  readonly life: Life;
  readonly #network: Network;
  readonly #config: RaftRPCConfig;
  /** However its host spells it: the network knows each address once. */
  readonly #address: string;
  readonly #requestHandler: RequestHandler;
  readonly #chunkSinkFactory: ChunkSinkFactory;
  readonly #stopping = new AbortController();
  readonly #outgoing = new Set<Channel>();
  readonly #incoming = new Set<Channel>();
  readonly #takers = new Set<ChunkTaker>();

  constructor(
    network: Network,
    life: Life,
    config: RaftRPCConfig,
    requestHandler: RequestHandler,
    chunkSinkFactory: ChunkSinkFactory,
  ) {
    this.#network = network;
    this.life = life;
    this.#config = config;
    this.#address = normalAddress(config.raftAddress);
    this.#requestHandler = requestHandler;
    this.#chunkSinkFactory = chunkSinkFactory;
  }

  async start(): Promise<void> {
    const { scheduler, listeners } = this.#network;
    await scheduler.later(this.life, LISTEN_MS, 'listen', () => {
      if (this.#stopping.signal.aborted) throw new ErrTransportStopped();
      listeners.set(normalAddress(this.#config.listenAddress), this);
      this.life.onEnd(() => this.#unlisten());
    });
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new ErrTransportStopped());
    this.#unlisten();
    for (const channel of [...this.#outgoing]) channel.end(undefined);
    for (const channel of [...this.#incoming]) channel.end(undefined, 'receiver');
    for (const taker of [...this.#takers]) taker.close();
  }

  async getConnection(spelled: string, signal: AbortSignal): Promise<IConnection> {
    const target = normalAddress(spelled);
    const listener = await this.#reach(target, signal);
    const channel = this.#open(
      target,
      listener,
      false,
      (bytes) => {
        listener.receive(bytes);
        return true;
      },
      () => undefined,
    );
    return {
      sendMessageBatch: (batch) => this.#sendBatch(channel, batch),
      close: () => channel.end(undefined),
      closed: channel.closed,
    };
  }

  async getSnapshotConnection(spelled: string, signal: AbortSignal): Promise<ISnapshotConnection> {
    const target = normalAddress(spelled);
    const listener = await this.#reach(target, signal);
    let taker: ChunkTaker | undefined;
    const channel: Channel = this.#open(
      target,
      listener,
      true,
      (bytes) => {
        taker ??= listener.openStream(channel);
        return taker.take(bytes);
      },
      () => taker?.close(),
    );
    let replica: { clusterID: number; nodeID: number } | undefined;
    return {
      sendSnapshotChunk: (chunk: SnapshotChunk) => {
        const { clusterID, nodeID } = chunk;
        if (replica === undefined && this.life.isAlive) {
          replica = { clusterID, nodeID };
          this.#network.onStream({ ...replica, phase: 'started' });
        }
        return channel.send(encodeSnapshotChunk(chunk));
      },
      finish: async () => {
        await channel.drain();
        if (replica !== undefined) this.#network.onStream({ ...replica, phase: 'completed' });
        channel.end(undefined);
      },
      close: () => channel.end(undefined),
    };
  }

  receive(bytes: Uint8Array): void {
    if (!this.#stopping.signal.aborted) this.#requestHandler(decodeMessageBatch(bytes));
  }

  openStream(): ChunkTaker {
    const sink = this.#chunkSinkFactory();
    let isClosed = false;
    const taker: ChunkTaker = {
      take: async (bytes) => {
        if (isClosed) return false;
        return await sink.addChunk(decodeSnapshotChunk(bytes)).catch(() => false);
      },
      close: () => {
        if (isClosed) return;
        isClosed = true;
        this.#takers.delete(taker);
        sink.close();
      },
    };
    this.#takers.add(taker);
    return taker;
  }

  attach(channel: Channel): void {
    this.#incoming.add(channel);
    channel.whenEnded.push(() => void this.#incoming.delete(channel));
  }

  #unlisten(): void {
    const { listeners } = this.#network;
    const address = normalAddress(this.#config.listenAddress);
    if (listeners.get(address) === this) listeners.delete(address);
  }

  #sendBatch(channel: Channel, whole: MessageBatch): Promise<void> {
    if (!this.life.isAlive) return new Promise<void>(() => undefined);
    const { swallows } = this.#network;
    const { from, to } = channel.ends;
    const limitBytes = this.#network.sizeLimit(from, to) ?? Infinity;
    const passesAll = swallows === undefined && limitBytes === Infinity;
    const batch = passesAll
      ? whole
      : {
          ...whole,
          requests: whole.requests.filter(
            (message) => swallows?.(message) !== true && !isLarger(message, limitBytes),
          ),
        };
    const bytes = encodeMessageBatch(batch);
    this.#network.trace.measure(channel.way, bytes.length, crc32(bytes));
    if (!channel.isEnded) for (const see of this.#network.onBatch) see(batch);
    return channel.send(bytes);
  }

  #open(
    target: string,
    listener: Listener,
    isStream: boolean,
    handOn: (bytes: Uint8Array) => Promise<boolean> | boolean,
    onEnd: () => void,
  ): Channel {
    const { sendBufferBytes } = this.#config;
    const ends = { sender: this.life, receiver: listener.life, from: this.#address, to: target };
    const options = { bufferBytes: sendBufferBytes, isStream };
    const channel = new Channel(this.#network, ends, options, handOn, onEnd);
    this.#outgoing.add(channel);
    channel.whenEnded.push(() => void this.#outgoing.delete(channel));
    listener.attach(channel);
    return channel;
  }

  /** Finds who listens; on a blocked way it goes on trying until the caller gives up. */
  #reach(target: string, signal: AbortSignal): Promise<Listener> {
    const stopping = this.#stopping.signal;
    const raftAddress = this.#address;
    const network = this.#network;
    if (!this.life.call()) return new Promise<Listener>(() => undefined);
    return new Promise((resolve, reject) => {
      const settle = (tell: () => void): void => {
        signal.removeEventListener('abort', stop);
        stopping.removeEventListener('abort', stop);
        tell();
      };
      const stop = (): void =>
        settle(() => reject(new ErrConnectFailed(`connecting to ${target} was called off`)));
      const attempt = (): void => {
        if (signal.aborted || stopping.aborted) return stop();
        if (network.isBlocked(raftAddress, target) || network.isBlocked(target, raftAddress)) {
          network.scheduler.after(network.retryMs(), this.life, 'connect', attempt);
          return;
        }
        const listener = network.listeners.get(target);
        if (listener === undefined) settle(() => reject(new ErrConnectFailed(`nobody listens at ${target}`)));
        else settle(() => resolve(listener));
      };
      signal.addEventListener('abort', stop, { once: true });
      stopping.addEventListener('abort', stop, { once: true });
      network.scheduler.after(
        2 * network.delayMs(wayOf(raftAddress, target), 0),
        this.life,
        'connect',
        attempt,
      );
    });
  }
}

function isLarger(message: Message, limitBytes: number): boolean {
  return limitBytes !== Infinity && encodeMessage(message).length > limitBytes;
}
