import {
  type Bootstrap,
  type Entry,
  type EntrySlice,
  type ILogDB,
  type NodeInfo,
  type RaftState,
  type Snapshot,
  type State,
  type Update,
  entrySizeBytes,
} from '@drakkar/raftio';
import { checkBootstrap, checkExtent, checkNodes, checkRange, checkSnapshots, checkState } from './check.js';

/** One call that changes a LogDB, as data: performed on the adapter, and applied to the model. */
export type Operation =
  | { op: 'saveBootstrapInfo'; of: NodeInfo; bootstrap: Bootstrap }
  | { op: 'saveRaftState'; updates: Update[] }
  | { op: 'saveSnapshots'; updates: Update[] }
  | { op: 'removeEntriesTo'; of: NodeInfo; index: number }
  | { op: 'compactEntriesTo'; of: NodeInfo; index: number }
  | { op: 'deleteSnapshot'; of: NodeInfo; index: number }
  | { op: 'removeNodeData'; of: NodeInfo }
  | { op: 'importSnapshot'; of: NodeInfo; snapshot: Snapshot };

export function perform(db: ILogDB, operation: Operation): Promise<void> {
  switch (operation.op) {
    case 'saveRaftState':
      return db.saveRaftState(operation.updates);
    case 'saveSnapshots':
      return db.saveSnapshots(operation.updates);
    case 'importSnapshot':
      return db.importSnapshot(operation.snapshot, operation.of);
    default:
  }
  const { clusterID, nodeID } = operation.of;
  switch (operation.op) {
    case 'saveBootstrapInfo':
      return db.saveBootstrapInfo(clusterID, nodeID, operation.bootstrap);
    case 'removeEntriesTo':
      return db.removeEntriesTo(clusterID, nodeID, operation.index);
    case 'compactEntriesTo':
      return db.compactEntriesTo(clusterID, nodeID, operation.index);
    case 'deleteSnapshot':
      return db.deleteSnapshot(clusterID, nodeID, operation.index);
    case 'removeNodeData':
      return db.removeNodeData(clusterID, nodeID);
  }
}

/** What the contract says is stored for one replica, in the plainest form there is. */
export class ReplicaModel {
  bootstrap: Bootstrap | undefined = undefined;
  /** Undefined: saveRaftState has never saved anything. */
  state: State | undefined = undefined;
  readonly log = new Map<number, Entry>();
  readonly snapshots = new Map<number, Snapshot>();
  removedTo = 0;

  constructor(readonly of: NodeInfo) {}

  get lastIndex(): number {
    return Math.max(this.removedTo, ...this.log.keys());
  }

  /** Consecutive entries from the first one stored at or above `low`. */
  run(low: number): Entry[] {
    const stored = [...this.log.keys()].filter((index) => index >= low).sort((a, b) => a - b);
    const run: Entry[] = [];
    for (let index = stored[0] ?? 0; this.log.has(index); index++) {
      const found = this.log.get(index);
      if (found !== undefined) run.push(found);
    }
    return run;
  }

  /** As `iterateEntries` gives it. */
  slice(low: number, high: number, maxSizeBytes: number): EntrySlice {
    const slice: EntrySlice = { entries: [], sizeBytes: 0 };
    for (let index = low; index < high; index++) {
      const found = this.log.get(index);
      if (found === undefined) break;
      const sizeBytes = slice.sizeBytes + entrySizeBytes(found);
      if (sizeBytes > maxSizeBytes && slice.entries.length > 0) break;
      slice.entries.push(found);
      slice.sizeBytes = sizeBytes;
    }
    return slice;
  }

  /** As `readRaftState` gives it. */
  raftState(lastIndex: number): RaftState | undefined {
    if (this.state === undefined) return undefined;
    const run = this.run(lastIndex + 1);
    return { state: { ...this.state }, firstIndex: run[0]?.index ?? 0, entryCount: run.length };
  }

  listSnapshots(index: number): Snapshot[] {
    return [...this.snapshots.values()]
      .filter((each) => each.index <= index)
      .sort((a, b) => a.index - b.index);
  }

  copy(): ReplicaModel {
    const copy = new ReplicaModel(this.of);
    copy.bootstrap = this.bootstrap;
    copy.state = this.state && { ...this.state };
    copy.removedTo = this.removedTo;
    for (const [index, each] of this.log) copy.log.set(index, each);
    for (const [index, each] of this.snapshots) copy.snapshots.set(index, each);
    return copy;
  }

  save({ state, entriesToSave, snapshot }: Update): void {
    if (state !== undefined) this.state = { ...state };
    if (snapshot !== undefined) this.log.clear();
    const last = entriesToSave.at(-1);
    if (last !== undefined) {
      this.state ??= { term: 0, vote: 0, commit: 0 };
      for (const each of entriesToSave) this.log.set(each.index, each);
      for (const index of [...this.log.keys()]) if (index > last.index) this.log.delete(index);
    }
    if (snapshot !== undefined) this.snapshots.set(snapshot.index, snapshot);
  }

  removeTo(index: number): void {
    this.removedTo = Math.max(this.removedTo, index);
    for (const stored of [...this.log.keys()]) if (stored <= index) this.log.delete(stored);
  }
}

/** The whole LogDB, as the contract says that it is. */
export class LogDBModel {
  readonly #replicas = new Map<string, ReplicaModel>();

  replica(of: NodeInfo): ReplicaModel {
    const key = `${of.clusterID}/${of.nodeID}`;
    const found = this.#replicas.get(key) ?? new ReplicaModel({ ...of });
    this.#replicas.set(key, found);
    return found;
  }

  get replicas(): ReplicaModel[] {
    return [...this.#replicas.values()];
  }

  copy(): LogDBModel {
    const copy = new LogDBModel();
    for (const [key, each] of this.#replicas) copy.#replicas.set(key, each.copy());
    return copy;
  }

  apply(operation: Operation): void {
    switch (operation.op) {
      case 'saveRaftState':
        for (const each of operation.updates) this.replica(each).save(each);
        return;
      case 'saveSnapshots':
        for (const { snapshot, ...of } of operation.updates) {
          if (snapshot !== undefined) this.replica(of).snapshots.set(snapshot.index, snapshot);
        }
        return;
      case 'saveBootstrapInfo':
        this.replica(operation.of).bootstrap = operation.bootstrap;
        return;
      case 'removeEntriesTo':
        this.replica(operation.of).removeTo(operation.index);
        return;
      case 'compactEntriesTo':
        return;
      case 'deleteSnapshot':
        this.replica(operation.of).snapshots.delete(operation.index);
        return;
      case 'removeNodeData':
        this.#reset(operation.of);
        return;
      case 'importSnapshot':
        this.#import(operation.of, operation.snapshot);
        return;
    }
  }

  #reset(of: NodeInfo): ReplicaModel {
    const fresh = new ReplicaModel({ clusterID: of.clusterID, nodeID: of.nodeID });
    this.#replicas.set(`${of.clusterID}/${of.nodeID}`, fresh);
    return fresh;
  }

  #import(of: NodeInfo, snapshot: Snapshot): void {
    const fresh = this.#reset(of);
    fresh.bootstrap = { addresses: new Map(), join: true };
    fresh.state = { term: snapshot.term, vote: 0, commit: snapshot.index };
    fresh.snapshots.set(snapshot.index, snapshot);
    fresh.removedTo = snapshot.index;
  }
}

/**
 * Compares everything that is stored for a replica with the model. After a crash, removed entries may be back, so
 * nothing is asked of what lies at or below the index that was removed to.
 */
export async function checkReplica(
  db: ILogDB,
  model: ReplicaModel,
  what: string,
  { afterCrash = false } = {},
): Promise<void> {
  const { of, removedTo } = model;
  const where = `${what}, replica ${of.clusterID}/${of.nodeID}`;
  await checkBootstrap(db, of, model.bootstrap, where);
  await checkState(db, of, model.state, where);
  const snapshots = [...model.snapshots.values()].sort((a, b) => a.index - b.index);
  await checkSnapshots(db, of, snapshots, where);
  const run = model.run(removedTo + 1);
  const first = run[0]?.index ?? removedTo + 1;
  await checkRange(db, of, { low: first, high: first + run.length + 100 }, run, where);
  if (model.state !== undefined) {
    const extent = run.length === 0 ? undefined : { first, count: run.length };
    await checkExtent(db, of, removedTo, extent, where);
    await checkExtent(db, of, model.lastIndex, undefined, `${where}, above the end`);
    if (!afterCrash) await checkExtent(db, of, 0, extent, where);
  }
  if (!afterCrash && removedTo > 0) {
    await checkRange(db, of, { low: removedTo, high: removedTo + 50 }, [], `${where}, removed`);
  }
}

export async function checkModel(db: ILogDB, model: LogDBModel, what: string): Promise<void> {
  for (const each of model.replicas) await checkReplica(db, each, what);
  const listed = model.replicas.filter(({ bootstrap }) => bootstrap !== undefined);
  await checkNodes(
    db,
    listed.map(({ of }) => of),
    what,
  );
}
