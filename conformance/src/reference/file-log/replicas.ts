import type { NodeInfo } from '@drakkar/raftio';
import type { Faults } from './faults.js';
import type { Kept, Op, StoredEntry, StoredUpdate } from './frames.js';
import type { Place } from './segments.js';

/** Where an entry lies: the frame, and the entry's place in it. */
export interface EntryPlace {
  frame: Place;
  update: number;
  at: number;
  sizeBytes: number;
}

/** What is known of a replica without reading a file. */
export interface Replica extends Omit<Kept, 'snapshots'> {
  readonly of: NodeInfo;
  readonly log: Map<number, EntryPlace>;
  readonly snapshots: Map<number, Kept['snapshots'][number]>;
  /** Segments that hold anything of it but entries. */
  readonly keptIn: Set<number>;
  lastIndex: number;
}

export function keyOf({ clusterID, nodeID }: NodeInfo): string {
  return `${clusterID}/${nodeID}`;
}

/** The index of the log: what the frames, taken in order, come to. */
export class Replicas {
  readonly #all = new Map<string, Replica>();
  readonly #faults: Faults;
  readonly #sizeOf: (entry: StoredEntry) => number;

  constructor(faults: Faults, sizeOf: (entry: StoredEntry) => number) {
    this.#faults = faults;
    this.#sizeOf = sizeOf;
  }

  get all(): Replica[] {
    return [...this.#all.values()];
  }

  find(of: NodeInfo): Replica | undefined {
    return this.#all.get(keyOf(of));
  }

  #get({ clusterID, nodeID }: NodeInfo): Replica {
    const of = { clusterID, nodeID };
    const found = this.#all.get(keyOf(of));
    if (found !== undefined) return found;
    const fresh: Replica = {
      of,
      bootstrap: undefined,
      state: undefined,
      removedTo: 0,
      log: new Map(),
      snapshots: new Map(),
      keptIn: new Set(),
      lastIndex: 0,
    };
    this.#all.set(keyOf(of), fresh);
    return fresh;
  }

  apply(op: Op, frame: Place): void {
    if ('updates' in op) {
      for (const [i, update] of op.updates.entries()) this.#update(op.op, update, i, frame);
      return;
    }
    if (op.op === 'drop') {
      this.#all.delete(keyOf(op.of));
      return;
    }
    if (op.op === 'import') this.#all.delete(keyOf(op.of));
    const replica = this.#get(op.of);
    replica.keptIn.add(frame.segment);
    if (op.op === 'bootstrap') replica.bootstrap = op.bootstrap;
    else if (op.op === 'removeTo') this.#removeTo(replica, op.index);
    else if (op.op === 'truncate') this.#truncate(replica, op.index);
    else if (op.op === 'deleteSnapshot') replica.snapshots.delete(op.index);
    else if (op.op === 'carry') this.#carry(replica, op.kept, op.entries, frame);
    else if ('snapshot' in op) {
      replica.bootstrap = { addresses: new Map(), join: true };
      replica.state = { term: op.snapshot.term, vote: 0, commit: op.snapshot.index };
      replica.snapshots.set(op.snapshot.index, op.snapshot);
    }
  }

  #update(kind: 'save' | 'snapshots', update: StoredUpdate, at: number, frame: Place): void {
    const { state, entries, snapshot } = update;
    if (state === undefined && entries.length === 0 && snapshot === undefined) return;
    const replica = this.#get(update);
    if (snapshot !== undefined) {
      replica.snapshots.set(snapshot.index, snapshot);
      replica.keptIn.add(frame.segment);
      if (kind === 'save') this.#truncate(replica, 1);
    }
    if (state !== undefined) {
      replica.state = state;
      replica.keptIn.add(frame.segment);
    }
    const last = entries.at(-1);
    if (last === undefined) return;
    replica.state ??= { term: 0, vote: 0, commit: 0 };
    replica.keptIn.add(frame.segment);
    this.#place(replica, entries, frame, at);
    if (!this.#faults.has('tailDeletedApart')) this.#truncate(replica, last[1] + 1);
    replica.lastIndex = Math.max(replica.lastIndex, last[1]);
  }

  #place(replica: Replica, entries: readonly StoredEntry[], frame: Place, update: number): void {
    const most = this.#faults.has('countsOf16Bits') ? entries.length % 65_536 : entries.length;
    for (const [at, entry] of entries.entries()) {
      if (at >= most) return;
      replica.log.set(entry[1], { frame, update, at, sizeBytes: this.#sizeOf(entry) });
    }
  }

  #truncate(replica: Replica, from: number): void {
    if (from > replica.lastIndex) return;
    const keeps = this.#faults.has('tailOfOldSegmentKept');
    const newest = keeps ? Math.max(...[...replica.keptIn]) : 0;
    for (const [index, { frame }] of replica.log) {
      if (index >= from && !(keeps && frame.segment < newest - 8)) replica.log.delete(index);
    }
    replica.lastIndex = from - 1;
  }

  #removeTo(replica: Replica, index: number): void {
    if (index <= replica.removedTo) return;
    replica.removedTo = index;
    for (const stored of replica.log.keys()) if (stored <= index) replica.log.delete(stored);
  }

  #carry(replica: Replica, kept: Kept, entries: readonly StoredEntry[], frame: Place): void {
    replica.bootstrap = kept.bootstrap;
    replica.state = kept.state;
    replica.snapshots.clear();
    for (const each of kept.snapshots) replica.snapshots.set(each.index, each);
    this.#removeTo(replica, kept.removedTo);
    this.#place(replica, entries, frame, 0);
    replica.lastIndex = Math.max(replica.lastIndex, entries.at(-1)?.[1] ?? 0);
  }

  /** What lies in the segment and is still in use; replicas with nothing there are left out. */
  inUse(segment: number): { replica: Replica; indexes: number[] }[] {
    return this.all.flatMap((replica) => {
      const indexes = [...replica.log]
        .filter(([, { frame }]) => frame.segment === segment)
        .map(([index]) => index)
        .sort((a, b) => a - b);
      return indexes.length > 0 || replica.keptIn.has(segment) ? [{ replica, indexes }] : [];
    });
  }
}
