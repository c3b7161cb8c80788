import type { NodeInfo, Update } from '@drakkar/raftio';
import { SeededRandom } from '../suite/random.js';
import { bootstrap, entries, replica, snapshotRecord, state, update } from './make.js';
import { LogDBModel, type Operation } from './model.js';

/**
 * `append`: logs only grow; `overwrite`: they are cut back by new terms all the time; `lifecycle`: every kind of
 * call, one replica's life after the other.
 */
export type WorkloadKind = 'append' | 'overwrite' | 'lifecycle';

const REPLICAS_PER_LANE = 4;

/**
 * One client's endless sequence of calls, the same for the same seed, with the model of what they leave behind.
 * Lanes have replicas of their own, so that the calls of several lanes may overlap.
 */
export class Lane {
  readonly model = new LogDBModel();
  /** Number of calls made so far; the first one is number 1. */
  step = 0;
  readonly replicas: readonly NodeInfo[];
  readonly #random: SeededRandom;
  readonly #kind: WorkloadKind;
  readonly #entrySizeBytes: number;
  #term = 1;

  constructor(kind: WorkloadKind, seed: number, lane: number, entrySizeBytes = 48) {
    this.#kind = kind;
    this.#entrySizeBytes = entrySizeBytes;
    this.#random = new SeededRandom(seed * 7919 + lane);
    this.replicas = Array.from({ length: REPLICAS_PER_LANE }, (_, i) =>
      replica(lane * 10 + i + 1, (i % 2) + 1),
    );
  }

  /** The next call; the model is as after it. */
  next(): Operation {
    this.step += 1;
    const operation = this.#kind === 'lifecycle' ? this.#anything() : this.#save(this.#kind === 'overwrite');
    this.model.apply(operation);
    return operation;
  }

  /** Makes the calls up to number `step`, on the model alone. */
  skipTo(step: number): this {
    while (this.step < step) this.next();
    return this;
  }

  #pick(): NodeInfo {
    return this.replicas[this.#random.between(0, REPLICAS_PER_LANE - 1)] ?? replica(1, 1);
  }

  /** One call that saves something for most replicas of the lane. */
  #save(overwrites: boolean): Operation {
    const updates = this.replicas
      .filter(() => this.#random.chance(85))
      .map((of) => this.#update(of, overwrites));
    return { op: 'saveRaftState', updates };
  }

  #update(of: NodeInfo, overwrites: boolean): Update {
    const last = this.model.replica(of).lastIndex;
    const lowest = this.model.replica(of).removedTo + 1;
    if (overwrites && this.#random.chance(60)) this.#term += 1;
    const from = overwrites ? this.#random.between(Math.max(lowest, last - 8), last + 1) : last + 1;
    const log = entries(from, from + this.#random.between(0, 5), this.#term, this.#entrySizeBytes);
    const withState = this.#random.chance(70);
    if (this.#kind === 'lifecycle' && this.#random.chance(15)) return this.#restart(of, last + 5);
    return update(of, {
      entries: this.#random.chance(90) ? log : [],
      ...(withState ? { state: state(this.#term, this.#random.between(0, 3), this.step) } : {}),
    });
  }

  /** As when a snapshot came from the leader, with what follows it. */
  #restart(of: NodeInfo, index: number): Update {
    const count = this.#random.between(0, 3);
    return update(of, {
      state: state(this.#term, 0, index),
      entries: entries(index + 1, index + count, this.#term, this.#entrySizeBytes),
      snapshot: snapshotRecord(index, this.#term),
    });
  }

  #anything(): Operation {
    const of = this.#pick();
    const { lastIndex, snapshots, removedTo } = this.model.replica(of);
    const dice = this.#random.between(0, 99);
    if (dice < 45) return this.#save(true);
    if (dice < 55)
      return { op: 'saveBootstrapInfo', of, bootstrap: bootstrap([this.step, 2], dice % 2 === 0) };
    if (dice < 65) {
      const snapshot = snapshotRecord(lastIndex + 1, this.#term);
      return {
        op: 'saveSnapshots',
        updates: [update(of, { snapshot }), update(this.#other(of), { snapshot })],
      };
    }
    if (dice < 71) return { op: 'deleteSnapshot', of, index: [...snapshots.keys()][0] ?? 1 };
    if (dice < 81) return { op: 'removeEntriesTo', of, index: this.#random.between(removedTo, lastIndex) };
    if (dice < 87) return { op: 'compactEntriesTo', of, index: removedTo };
    if (dice < 94) return { op: 'removeNodeData', of };
    return { op: 'importSnapshot', of, snapshot: snapshotRecord(lastIndex + 3, this.#term) };
  }

  #other(of: NodeInfo): NodeInfo {
    const at = this.replicas.indexOf(of);
    return this.replicas[(at + 1) % REPLICAS_PER_LANE] ?? of;
  }
}
