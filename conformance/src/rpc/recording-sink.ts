import type { IChunkSink, SnapshotChunk } from '@drakkar/raftio';

/** A sink that keeps what it was given, and counts what must not happen twice or at the same time. */
export class RecordingSink implements IChunkSink {
  readonly chunks: SnapshotChunk[] = [];
  closes = 0;
  /** Calls of addChunk made while another was not settled. */
  overlaps = 0;
  /** Calls of addChunk made after the sink was closed. */
  late = 0;
  /** Chunks that addChunk has said yes to. */
  taken = 0;
  #busy = false;
  readonly #decide: (chunk: SnapshotChunk) => Promise<boolean>;

  /** `decide` answers for the sink; unless told, it takes every chunk at once. */
  constructor(decide: (chunk: SnapshotChunk) => Promise<boolean> = () => Promise.resolve(true)) {
    this.#decide = decide;
  }

  async addChunk(chunk: SnapshotChunk): Promise<boolean> {
    if (this.#busy) this.overlaps += 1;
    if (this.closes > 0) this.late += 1;
    this.#busy = true;
    this.chunks.push(chunk);
    try {
      const taken = await this.#decide(chunk);
      if (taken) this.taken += 1;
      return taken;
    } finally {
      this.#busy = false;
    }
  }

  close(): void {
    this.closes += 1;
  }
}

/** Something that lets through only when it is opened. */
export class Gate {
  open: () => void = () => undefined;
  readonly opened: Promise<void>;

  constructor() {
    this.opened = new Promise((resolve) => {
      this.open = resolve;
    });
  }
}
