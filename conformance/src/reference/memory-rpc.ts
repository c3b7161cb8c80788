import {
  type ChunkSinkFactory,
  ErrAddressInUse,
  ErrConnectionClosed,
  ErrInvalidAddress,
  ErrMessageTooLarge,
  ErrTransportStopped,
  ErrUnsupported,
  type IConnection,
  type IRaftRPC,
  type ISnapshotConnection,
  MAX_MESSAGE_BYTES,
  type MessageBatch,
  type RaftRPCCapabilities,
  type RaftRPCConfig,
  type RequestHandler,
  type SnapshotChunk,
  decodeMessageBatch,
  decodeSnapshotChunk,
  encodeMessageBatch,
  encodeSnapshotChunk,
} from '@drakkar/raftio';
import { attemptAborted } from '@drakkar/raftio/transport';
import { Channel, type InboundStream, type Listener, type MemoryHub, isAddress } from './memory-hub.js';

export const MEMORY_RPC_CAPABILITIES: RaftRPCCapabilities = {
  mutualTLS: false,
  snapshots: true,
  network: false,
};

/** The sink of one incoming stream: one chunk at a time, closed once. */
export class MemoryInbound implements InboundStream {
  readonly #sink: ReturnType<ChunkSinkFactory>;
  #closed = false;

  constructor(makeSink: ChunkSinkFactory) {
    this.#sink = makeSink();
  }

  async take(bytes: Uint8Array): Promise<boolean> {
    if (this.#closed) return false;
    try {
      return await this.#sink.addChunk(decodeSnapshotChunk(bytes));
    } catch {
      return false;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#sink.close();
  }
}

/**
 * The contract in its plainest form: every channel is a queue of encoded bytes. The reference that the suite is
 * tested with, and a transport for tests that need no network.
 */
export class MemoryRPC implements IRaftRPC, Listener {
  readonly name: string = 'memory';
  protected readonly hub: MemoryHub;
  protected readonly config: RaftRPCConfig;
  readonly #requestHandler: RequestHandler;
  readonly #chunkSinkFactory: ChunkSinkFactory;
  readonly #ends = new Set<() => void>();
  readonly #stopping = new AbortController();

  constructor(
    hub: MemoryHub,
    config: RaftRPCConfig,
    requestHandler: RequestHandler,
    chunkSinkFactory: ChunkSinkFactory,
  ) {
    this.hub = hub;
    this.config = config;
    this.#requestHandler = requestHandler;
    this.#chunkSinkFactory = chunkSinkFactory;
  }

  async start(): Promise<void> {
    const { listenAddress, mutualTLS } = this.config;
    if (mutualTLS !== undefined) throw new ErrUnsupported('the memory transport has no TLS');
    if (this.#stopping.signal.aborted) throw new ErrTransportStopped();
    if (!isAddress(listenAddress) || listenAddress.startsWith('203.0.113.')) {
      throw new ErrInvalidAddress(`can't listen at "${listenAddress}"`);
    }
    if (this.hub.listeners.has(listenAddress)) throw new ErrAddressInUse(`${listenAddress} is taken`);
    this.hub.listeners.set(listenAddress, this);
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new ErrTransportStopped());
    const { listenAddress } = this.config;
    if (this.hub.listeners.get(listenAddress) === this) this.hub.listeners.delete(listenAddress);
    for (const end of [...this.#ends]) end();
  }

  /** Addresses of this network lead to the host that has them, so nobody else is ever there. */
  async getConnection(target: string, signal: AbortSignal, _expected?: string): Promise<IConnection> {
    const { listener, channel } = await this.#open(target, signal, (to) => async (bytes) => {
      to.receive(bytes);
    });
    this.track(listener, channel);
    return new MemoryConnection(channel);
  }

  async getSnapshotConnection(
    target: string,
    signal: AbortSignal,
    _expected?: string,
  ): Promise<ISnapshotConnection> {
    let inbound: InboundStream | undefined;
    const { listener, channel } = await this.#open(target, signal, (to) => async (bytes) => {
      inbound ??= to.openSink();
      if (!(await inbound.take(bytes))) channel.end(new ErrConnectionClosed('the peer refused the stream'));
    });
    this.track(listener, channel);
    void channel.closed.then(() => inbound?.close());
    return new MemorySnapshotConnection(channel, () => inbound?.close());
  }

  receive(bytes: Uint8Array): void {
    if (!this.#stopping.signal.aborted) this.#requestHandler(decodeMessageBatch(bytes));
  }

  openSink(): InboundStream {
    const inbound = new MemoryInbound(this.#chunkSinkFactory);
    this.attach(() => {
      inbound.close();
    });
    return inbound;
  }

  attach(end: () => void): () => void {
    this.#ends.add(end);
    return () => this.#ends.delete(end);
  }

  /** Ends the channel with either of its hosts. */
  protected track(listener: Listener, channel: Channel): void {
    const end = (): void => {
      channel.end(new ErrConnectionClosed('a host stopped'));
    };
    const detach = [this.attach(end), listener.attach(end)];
    void channel.closed.then(() => {
      for (const each of detach) each();
    });
  }

  async #open(
    target: string,
    signal: AbortSignal,
    handOn: (to: Listener) => (bytes: Uint8Array) => Promise<void>,
  ): Promise<{ listener: Listener; channel: Channel }> {
    const { signal: stopping } = this.#stopping;
    if (stopping.aborted) throw new ErrTransportStopped();
    const { listener, link } = await this.hub
      .reach(target, AbortSignal.any([signal, stopping]))
      .catch((error: unknown) => {
        if (stopping.aborted || !signal.aborted) throw error;
        throw attemptAborted(target, error);
      });
    const channel = new Channel(handOn(listener), link, this.config.sendBufferBytes);
    const forget = link?.onCut(() => {
      channel.end(new ErrConnectionClosed('the network is cut'));
    });
    if (forget !== undefined) void channel.closed.then(forget);
    return { listener, channel };
  }
}

/** Encoded at once, so that the sender may go on using what it gave. */
function encodeWithin<T>(value: T, encode: (value: T) => Uint8Array): Uint8Array {
  const bytes = encode(value);
  if (bytes.length > MAX_MESSAGE_BYTES) throw new ErrMessageTooLarge(`${bytes.length} bytes are too many`);
  return bytes;
}

export class MemoryConnection implements IConnection {
  readonly closed: Promise<Error | undefined>;
  readonly #channel: Channel;

  constructor(channel: Channel) {
    this.#channel = channel;
    this.closed = channel.closed;
  }

  async sendMessageBatch(batch: MessageBatch): Promise<void> {
    return this.#channel.send(encodeWithin(batch, encodeMessageBatch));
  }

  close(): void {
    this.#channel.end();
  }
}

export class MemorySnapshotConnection implements ISnapshotConnection {
  readonly #channel: Channel;
  readonly #closeSink: () => void;

  constructor(channel: Channel, closeSink: () => void) {
    this.#channel = channel;
    this.#closeSink = closeSink;
  }

  async sendSnapshotChunk(chunk: SnapshotChunk): Promise<void> {
    return this.#channel.send(encodeWithin(chunk, encodeSnapshotChunk));
  }

  async finish(): Promise<void> {
    await this.#channel.drain();
    this.#closeSink();
    this.#channel.end();
  }

  close(): void {
    this.#channel.end();
  }
}
