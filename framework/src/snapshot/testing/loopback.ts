import {
  type ChunkSinkFactory,
  ErrConnectionClosed,
  type ISnapshotConnection,
  type SnapshotChunk,
  decodeSnapshotChunk,
  encodeSnapshotChunk,
} from '@drakkar/raftio';

export interface LoopbackOptions {
  /** Chunks taken from the sender before the sink has taken them. */
  window?: number;
  /** Sees each chunk before the sink gets it. */
  onChunk?: (chunk: SnapshotChunk) => void | Promise<void>;
}

/** A snapshot channel within the process, that keeps the contract of `ISnapshotConnection`. */
export class LoopbackConnection implements ISnapshotConnection {
  readonly sink;
  readonly #options: LoopbackOptions;
  #queue: Promise<void> = Promise.resolve();
  #held = 0;
  #room: (() => void)[] = [];
  #failure: Error | undefined;
  #sinkClosed = false;

  constructor(factory: ChunkSinkFactory, options: LoopbackOptions = {}) {
    this.sink = factory();
    this.#options = options;
  }

  async sendSnapshotChunk(chunk: SnapshotChunk): Promise<void> {
    this.#throwFailure();
    const bytes = encodeSnapshotChunk(chunk);
    this.#held++;
    this.#queue = this.#queue.then(() => this.#deliver(bytes));
    while (this.#held > (this.#options.window ?? 2) && this.#failure === undefined) {
      await new Promise<void>((resolve) => this.#room.push(resolve));
    }
    this.#throwFailure();
  }

  async finish(): Promise<void> {
    await this.#queue;
    this.#closeSink();
    this.#throwFailure();
  }

  close(): void {
    this.#fail('the stream was cut by its sender');
  }

  /** As a break of the network. */
  break(): void {
    this.#fail('the network broke');
  }

  async #deliver(bytes: Uint8Array): Promise<void> {
    if (this.#failure === undefined) {
      const chunk = decodeSnapshotChunk(bytes);
      await this.#options.onChunk?.(chunk);
      const taken = await this.sink.addChunk(chunk);
      if (!taken) this.#fail('refused');
    }
    this.#held--;
    this.#room.splice(0).forEach((resolve) => resolve());
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #fail(reason: string): void {
    this.#failure ??= new ErrConnectionClosed(reason);
    this.#closeSink();
    this.#room.splice(0).forEach((resolve) => resolve());
  }

  #closeSink(): void {
    if (this.#sinkClosed) return;
    this.#sinkClosed = true;
    this.sink.close();
  }
}
