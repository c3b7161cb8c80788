import { type NodeInfo, entrySizeBytes } from '@drakkar/raftio';
import { SeededRandom } from '../../suite/random.js';
import { MAX_ID, replica } from '../make.js';
import { LogDBModel, type ReplicaModel } from '../model.js';
import {
  type EntriesStep,
  type Step,
  type UpdateStep,
  type WriteStep,
  isWrite,
  operationOf,
} from './steps.js';

/** What kind of history is drawn; what is not said is drawn, too. */
export interface HistoryKind {
  steps: number;
  /** Whether calls are made while others are under way. */
  overlaps: boolean;
  crashes: boolean;
  /** Bytes of commands in the whole history, about. */
  budgetBytes: number;
  /** How much of what is saved is removed and compacted again; in percent of the calls. */
  removals: number;
}

const IDS: readonly NodeInfo[] = [
  replica(1, 1),
  replica(1, 11),
  replica(11, 1),
  replica(2, 1),
  replica(MAX_ID, 1),
  replica(1, MAX_ID),
  replica(2 ** 32, 2 ** 32 + 1),
  replica(255, 256),
  replica(256, 255),
  replica(7, 3),
];

const LIMITS_BYTES = [0, 1, 2 ** 16, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 3, MAX_ID];
const LARGE_BYTES = 256 * 1024;

type Size = 'empty' | 'small' | 'medium' | 'large';

/** Draws histories: all that the contract allows, from one seed. */
export class HistoryDrawer {
  readonly #random: SeededRandom;
  readonly #kind: HistoryKind;
  readonly #model = new LogDBModel();
  readonly #replicas: readonly NodeInfo[];
  /** Is written to at first and then left alone, so that everything else happens around it. */
  readonly #idle: NodeInfo;
  readonly #sizes: readonly Size[];
  /** Where the log of a replica goes on, when its end is not among its entries. */
  readonly #bases = new Map<string, number>();
  #leftBytes: number;
  #term = 1;

  constructor(seed: number, kind: HistoryKind) {
    this.#random = new SeededRandom(seed);
    this.#kind = kind;
    this.#leftBytes = kind.budgetBytes;
    const at = this.#random.between(0, IDS.length - 1);
    const count = this.#random.between(3, 7);
    const all = Array.from({ length: count }, (_, i) => IDS[(at + i) % IDS.length] ?? replica(1, 1));
    this.#idle = all[0] ?? replica(1, 1);
    this.#replicas = all.slice(1);
    this.#sizes = this.#pick<Size[]>([
      ['empty', 'small'],
      ['small', 'small', 'medium'],
      ['small', 'medium', 'large'],
      ['medium', 'medium', 'large'],
    ]);
  }

  draw(): Step[] {
    const steps: Step[] = [];
    const add = (step: Step): void => {
      steps.push(step);
      if (isWrite(step)) this.#model.apply(operationOf(step));
    };
    for (const each of this.#firstOf(this.#idle)) add(each);
    while (steps.length < this.#kind.steps) {
      const dice = this.#random.between(0, 99);
      if (dice < 3) add({ do: 'reopen' });
      else if (dice < 6) add({ do: 'check' });
      else if (dice < 9 && this.#kind.crashes) for (const each of this.#crash()) add(each);
      else if (dice < 30) add(this.#read());
      else add(this.#write(this.#replicas));
      if (!this.#kind.overlaps || this.#random.chance(12)) add({ do: 'settle' });
    }
    return [...steps, { do: 'check' }, { do: 'reopen' }, { do: 'check' }];
  }

  #firstOf(of: NodeInfo): WriteStep[] {
    const log = { from: 1, count: 4, term: 1, sizeBytes: 100, varied: true };
    return [
      { do: 'saveBootstrapInfo', of, nodeIDs: [1, 2], join: false },
      { do: 'saveSnapshots', updates: [{ of, snapshot: [2, 1] }] },
      { do: 'saveRaftState', updates: [{ of, state: [1, 2, 3], entries: log }] },
      { do: 'removeEntriesTo', of, index: 1 },
    ];
  }

  #pick<T>(from: readonly T[]): T {
    const [first] = from;
    if (first === undefined) throw new Error('nothing to pick from');
    return from[this.#random.between(0, from.length - 1)] ?? first;
  }

  #write(among: readonly NodeInfo[]): WriteStep {
    const of = this.#pick(among);
    const { snapshots, removedTo } = this.#model.replica(of);
    const last = this.#lastIndex(of);
    const dice = this.#random.between(0, 99);
    if (dice < this.#kind.removals) {
      const index = this.#random.between(removedTo, this.#random.chance(70) ? last : last + 5);
      this.#base(of, index);
      return { do: 'removeEntriesTo', of, index };
    }
    if (dice < this.#kind.removals * 2) return { do: 'compactEntriesTo', of, index: removedTo };
    if (this.#random.chance(75)) return this.#save(among);
    switch (this.#random.between(0, 5)) {
      case 0:
        return {
          do: 'saveBootstrapInfo',
          of,
          nodeIDs: [1, this.#random.between(2, 9)],
          join: dice % 2 === 0,
        };
      case 1:
        return { do: 'deleteSnapshot', of, index: this.#pick([...snapshots.keys(), last]) };
      case 2:
        this.#bases.delete(nameOf(of));
        return { do: 'removeNodeData', of };
      case 3:
        this.#bases.set(nameOf(of), last + 3);
        return { do: 'importSnapshot', of, snapshot: [last + 3, this.#term] };
      default:
        return {
          do: 'saveSnapshots',
          updates: among
            .filter(() => this.#random.chance(60))
            .map((each) => ({ of: each, snapshot: [Math.max(1, this.#lastIndex(each)), this.#term] })),
        };
    }
  }

  #save(among: readonly NodeInfo[]): WriteStep {
    const chosen = among.filter(() => this.#random.chance(this.#random.chance(50) ? 90 : 25));
    const of = chosen.length > 0 ? chosen : [this.#pick(among)];
    if (this.#random.chance(20)) this.#term += 1;
    return { do: 'saveRaftState', updates: of.map((each) => this.#update(each)) };
  }

  #update(of: NodeInfo): UpdateStep {
    const last = this.#lastIndex(of);
    const withState = this.#random.chance(60);
    const step: UpdateStep = { of };
    if (withState) step.state = [this.#term, this.#random.between(0, 3), this.#random.between(0, last)];
    if (this.#random.chance(4)) {
      const index = last + this.#random.between(1, 20);
      step.snapshot = [index, this.#term];
      step.state ??= [this.#term, 0, index];
      this.#bases.set(nameOf(of), index);
      if (this.#random.chance(50)) step.entries = this.#entries(index + 1);
    } else if (this.#random.chance(90)) {
      step.entries = this.#entries(this.#firstIndex(of, last));
    }
    return step;
  }

  #firstIndex(of: NodeInfo, last: number): number {
    const lowest = Math.max(this.#model.replica(of).removedTo, this.#bases.get(nameOf(of)) ?? 0) + 1;
    const dice = this.#random.between(0, 99);
    if (dice < 70 || lowest > last) return last + 1;
    if (dice < 90) return this.#random.between(Math.max(lowest, last - 12), last);
    if (dice < 96) return this.#random.between(lowest, last);
    return last + this.#random.between(2, 40);
  }

  #entries(from: number): EntriesStep {
    const isSpent = this.#leftBytes <= 0;
    const size = isSpent ? 'small' : this.#pick(this.#sizes);
    const most = { empty: 0, small: 64, medium: 8 * 1024, large: 2 * LARGE_BYTES }[size];
    const sizeBytes = this.#random.between(0, most);
    const large = size === 'large' ? 3 : 12;
    const count = this.#random.chance(6) && size !== 'large' ? 300 : large;
    const step = { from, count: this.#random.between(1, count), term: this.#term, sizeBytes };
    this.#leftBytes -= sizeBytes * step.count;
    return { ...step, varied: this.#random.chance(50) };
  }

  #lastIndex(of: NodeInfo): number {
    return Math.max(this.#model.replica(of).lastIndex, this.#bases.get(nameOf(of)) ?? 0);
  }

  #base(of: NodeInfo, index: number): void {
    this.#bases.set(nameOf(of), Math.max(this.#bases.get(nameOf(of)) ?? 0, index));
  }

  #read(): Step {
    const of = this.#pick([this.#idle, ...this.#replicas]);
    const model = this.#model.replica(of);
    const last = this.#lastIndex(of);
    const dice = this.#random.between(0, 9);
    if (dice === 0) return { do: 'getBootstrapInfo', of };
    if (dice === 1) return { do: 'listSnapshots', of, index: this.#pick([0, last, MAX_ID]) };
    if (dice < 4) {
      const lastIndex = this.#pick([0, model.removedTo, this.#random.between(0, last + 2)]);
      return { do: 'readRaftState', of, lastIndex };
    }
    const low = this.#random.between(Math.max(1, model.removedTo - 1), last + 2);
    const high = this.#pick([low, low + 1, last + 1, last + 100, this.#random.between(low, last + 3)]);
    return {
      do: 'iterateEntries',
      of,
      low,
      high: Math.max(low, high),
      maxSizeBytes: this.#limit(model, low),
    };
  }

  /** Sums of sizes as they are, and one less, count most. */
  #limit(model: ReplicaModel, low: number): number {
    if (this.#random.chance(50)) return this.#pick(LIMITS_BYTES);
    const run = model.run(low).slice(0, this.#random.between(1, 12));
    const sum = run.reduce((total, each) => total + entrySizeBytes(each), 0);
    return Math.max(0, sum - this.#random.between(0, 1));
  }

  /** Lanes with replicas of their own; the model goes as far as the last call, which the runner corrects. */
  #crash(): Step[] {
    const lanes = this.#random.between(1, this.#replicas.length);
    const steps = Array.from({ length: lanes }, (_, lane): WriteStep[] => {
      const among = this.#replicas.filter((_each, i) => i % lanes === lane);
      return Array.from({ length: this.#random.between(2, 14) }, () => {
        const step = this.#write(among);
        this.#model.apply(operationOf(step));
        return step;
      });
    });
    const count = steps.reduce((sum, { length }) => sum + length, 0);
    const acksBeforeCrash = this.#random.between(1, count);
    return [
      { do: 'crash', lanes: steps, acksBeforeCrash, delay: this.#random.between(0, 6) },
      { do: 'check' },
    ];
  }
}

function nameOf({ clusterID, nodeID }: NodeInfo): string {
  return `${clusterID}/${nodeID}`;
}
