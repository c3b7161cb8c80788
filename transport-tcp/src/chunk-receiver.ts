import type { ChunkSinkFactory, IChunkSink, PeerIdentity, SnapshotChunk } from '@drakkar/raftio';
import type { Warnings } from '@drakkar/raftio/transport';
import type { Link } from './link.js';

export function warnHandler(warnings: Warnings, link: Link, what: string, error: unknown): void {
  warnings.warn('handler', `${what} failed: ${(error as Error).message}`, { peer: link.peer, error });
}

/** The sink of one connection: it is given one chunk after the other, and is closed once. */
export class ChunkReceiver {
  readonly #link: Link;
  readonly #warnings: Warnings;
  readonly #sink: IChunkSink;
  #isClosed = false;

  /** Throws what the factory throws. */
  constructor(link: Link, makeSink: ChunkSinkFactory, warnings: Warnings, peer: PeerIdentity | undefined) {
    this.#link = link;
    this.#warnings = warnings;
    this.#sink = makeSink(peer);
  }

  /** Whether the sink has taken the chunk. Never rejects; not to be called again before it has resolved. */
  async take(chunk: SnapshotChunk): Promise<boolean> {
    try {
      return await this.#sink.addChunk(chunk);
    } catch (error) {
      warnHandler(this.#warnings, this.#link, 'a chunk sink', error);
      return false;
    }
  }

  /** Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      this.#sink.close();
    } catch (error) {
      warnHandler(this.#warnings, this.#link, 'a chunk sink', error);
    }
  }
}
