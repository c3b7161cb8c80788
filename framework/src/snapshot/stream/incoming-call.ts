import type { IChunkSink, SnapshotChunk } from '@drakkar/raftio';
import { type Reception, isOfDragonboat } from './reception.js';

/** Of the snapshots that come over one call in such a time, so many are logged when they are refused. */
const PERIOD_MS = 5_000;
const MAX_TOLD_PER_PERIOD = 3;

/**
 * What comes over one call of a transport: one snapshot or, from Dragonboat v2.1.7, which keeps its call open, any number
 * of them, at any time. There a chunk with id 0 begins the next one, also in the midst of another that its sender could
 * not go on with.
 *
 * A host of Dragonboat whose call is ended takes that for a failure of this whole host and sends nothing to it for a
 * while, messages included. So what is refused of its snapshots is read to the end, and dropped.
 */
export class IncomingCall implements IChunkSink {
  readonly #open: (isQuiet: boolean) => Reception;
  readonly #nowMs: () => number;
  #current: Reception | undefined;
  #isDragonboat = false;
  #isClosed = false;
  #periodStartMs = -Infinity;
  #told = 0;

  constructor(open: (isQuiet: boolean) => Reception, nowMs: () => number) {
    this.#open = open;
    this.#nowMs = nowMs;
  }

  /** Resolves when nothing is left of the snapshot that came last but, maybe, a complete one. */
  get ended(): Promise<void> {
    return this.#current?.ended ?? Promise.resolve();
  }

  async addChunk(chunk: SnapshotChunk): Promise<boolean> {
    if (this.#isClosed) return false;
    const taken = await (await this.#receptionFor(chunk)).addChunk(chunk);
    return taken || this.#isDragonboat;
  }

  close(): void {
    this.#isClosed = true;
    this.#current?.close();
  }

  async #receptionFor(chunk: SnapshotChunk): Promise<Reception> {
    if (isOfDragonboat(chunk)) this.#isDragonboat = true;
    const before = this.#current;
    const isNext = chunk.chunkID === 0 && (this.#isDragonboat || before?.isOver === true);
    if (before !== undefined && !isNext) return before;
    if (before?.isOver === false) {
      before.cancel('the next one has begun');
      await before.ended;
    }
    this.#current = this.#open(this.#isQuiet());
    if (this.#isClosed) this.#current.close();
    return this.#current;
  }

  /** One call may bring any number of them, and each could be refused. */
  #isQuiet(): boolean {
    const nowMs = this.#nowMs();
    if (nowMs - this.#periodStartMs >= PERIOD_MS) {
      this.#periodStartMs = nowMs;
      this.#told = 0;
    }
    this.#told += 1;
    return this.#told > MAX_TOLD_PER_PERIOD;
  }
}
