import {
  ErrConnectFailed,
  type IConnection,
  type IRaftRPC,
  type ISnapshotConnection,
  type MessageBatch,
} from '@drakkar/raftio';
import { SeededRandom } from '../suite/random.js';
import { sleep } from '../suite/wait.js';
import { wrapConnection, wrapRPC, wrapSnapshotConnection } from './wrap.js';

/** What a target that is not named stands for. */
type Target = string | undefined;

interface Closable {
  close(): void;
}

/**
 * Says what the network below decorated transports does to what they send; see `faultyRPC`. A target is the raft
 * address of a host; without one, all are meant. One of these may stand for the network of several hosts.
 *
 * Batches are lost and delayed, and connections cut: what Raft has to cope with. They are not repeated, reordered or
 * altered, which a transport must not let happen.
 */
export class NetworkFaults {
  /** Batches lost so far. */
  lost = 0;
  readonly #random: SeededRandom;
  readonly #percents = new Map<Target, number>();
  readonly #delays = new Map<Target, number>();
  readonly #cut = new Set<Target>();
  readonly #open = new Map<Closable, string>();
  #loseNext = 0;
  #cutAfterChunks: number | undefined;

  /** The same seed loses the same batches, if the same are sent. */
  constructor(seed = 1) {
    this.#random = new SeededRandom(seed);
  }

  /** Loses so many of a hundred batches: they are taken, and never arrive. 0 ends it. */
  lose(percent: number, target?: string): void {
    this.#percents.set(target, percent);
  }

  /** Loses the next batches, for any host. */
  loseNext(count = 1): void {
    this.#loseNext += count;
  }

  /** Holds each batch, and each chunk, back for so long before it is sent. 0 ends it. */
  delay(delayMs: number, target?: string): void {
    this.#delays.set(target, delayMs);
  }

  /** Breaks the connections that there are, and refuses new ones until `mend`. */
  cut(target?: string): void {
    this.#cut.add(target);
    for (const [connection, to] of this.#open) {
      if (target === undefined || to === target) connection.close();
    }
  }

  /** Ends `cut` of the same target. */
  mend(target?: string): void {
    this.#cut.delete(target);
  }

  /** Breaks the snapshot stream that is sent next, or now, when so many more chunks have passed. */
  cutSnapshotAfter(chunkCount: number): void {
    this.#cutAfterChunks = chunkCount;
  }

  isCut(target: string): boolean {
    return this.#cut.has(undefined) || this.#cut.has(target);
  }

  takesLoss(target: string): boolean {
    const percent = this.#percents.get(target) ?? this.#percents.get(undefined) ?? 0;
    const isNext = this.#loseNext > 0;
    if (isNext) this.#loseNext -= 1;
    const isLost = isNext || (percent > 0 && this.#random.chance(percent));
    if (isLost) this.lost += 1;
    return isLost;
  }

  /** Whether the stream that asks breaks before this chunk. */
  takesSnapshotCut(): boolean {
    if (this.#cutAfterChunks === undefined) return false;
    this.#cutAfterChunks -= 1;
    if (this.#cutAfterChunks >= 0) return false;
    this.#cutAfterChunks = undefined;
    return true;
  }

  async hold(target: string): Promise<void> {
    const delayMs = this.#delays.get(target) ?? this.#delays.get(undefined) ?? 0;
    if (delayMs > 0) await sleep(delayMs);
  }

  /** Remembers a connection, so that it can be cut, until it is forgotten. */
  watch(connection: Closable, target: string): () => void {
    this.#open.set(connection, target);
    return () => this.#open.delete(connection);
  }
}

/** One after the other, in the order of the calls, however long each takes. */
function inTurn(): (step: () => Promise<void>) => Promise<void> {
  let last = Promise.resolve();
  return (step) => {
    const result = last.then(step);
    last = result.catch(() => undefined);
    return result;
  };
}

function faultyConnection(inner: IConnection, target: string, faults: NetworkFaults): IConnection {
  void inner.closed.then(faults.watch(inner, target));
  const next = inTurn();
  return wrapConnection(inner, {
    sendMessageBatch: (batch: MessageBatch) =>
      next(async () => {
        await faults.hold(target);
        if (!faults.takesLoss(target)) await inner.sendMessageBatch(batch);
      }),
  });
}

function faultySnapshotConnection(
  inner: ISnapshotConnection,
  target: string,
  faults: NetworkFaults,
): ISnapshotConnection {
  const forget = faults.watch(inner, target);
  const next = inTurn();
  return wrapSnapshotConnection(inner, {
    sendSnapshotChunk: (chunk) =>
      next(async () => {
        await faults.hold(target);
        if (faults.takesSnapshotCut()) inner.close();
        await inner.sendSnapshotChunk(chunk);
      }),
    finish: async () => {
      try {
        await next(() => inner.finish());
      } finally {
        forget();
      }
    },
    close: () => {
      forget();
      inner.close();
    },
  });
}

/** `inner` on a network that does to what it sends what `faults` says. What it receives is left alone. */
export function faultyRPC(inner: IRaftRPC, faults: NetworkFaults): IRaftRPC {
  const connect = async <T extends Closable>(target: string, open: () => Promise<T>): Promise<T> => {
    const refuse = (): never => {
      throw new ErrConnectFailed(`the network to ${target} is cut`);
    };
    if (faults.isCut(target)) refuse();
    const made = await open();
    if (!faults.isCut(target)) return made;
    made.close();
    return refuse();
  };
  return wrapRPC(inner, {
    getConnection: async (target, ...rest) =>
      faultyConnection(await connect(target, () => inner.getConnection(target, ...rest)), target, faults),
    getSnapshotConnection: async (target, ...rest) =>
      faultySnapshotConnection(
        await connect(target, () => inner.getSnapshotConnection(target, ...rest)),
        target,
        faults,
      ),
  });
}
