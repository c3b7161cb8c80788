import {
  type Bootstrap,
  type Entry,
  type EntrySlice,
  ErrLogDBClosed,
  ErrLogDBFenced,
  ErrLogDBLocked,
  type ILogDB,
  type LogDBCapabilities,
  type NodeInfo,
  type RaftState,
  type Snapshot,
  type State,
  type Update,
  entrySizeBytes,
} from '@drakkar/raftio';
import { turn } from '../suite/wait.js';
import { copyBootstrap, copyEntry, copySnapshot } from './copy.js';

/** Everything stored for one replica. */
export interface ReplicaRecord {
  bootstrap: Bootstrap | undefined;
  state: State | undefined;
  /** Sorted by index; may have gaps, and holds removed entries until they are compacted away. */
  log: Entry[];
  removedTo: number;
  snapshots: Map<number, Snapshot>;
}

/** Stands for a disk: what has been written to it outlives the MemoryLogDB that wrote it. */
export class MemoryPlace {
  readonly records = new Map<string, ReplicaRecord>();
  /** The instance that has the place open. */
  owner: MemoryLogDB | undefined = undefined;
  /** Set by tests: from now on every write fails. */
  broken = false;
  /** Called when the process is lost, to take back what had not been synced. */
  onLoss: (() => void) | undefined = undefined;

  /** The process is lost: nothing that its LogDB has under way happens any more. */
  lose(): void {
    this.owner = undefined;
    this.onLoss?.();
    this.onLoss = undefined;
  }

  get usedBytes(): number {
    let used = 0;
    for (const { log } of this.records.values()) for (const each of log) used += entrySizeBytes(each);
    return used;
  }
}

export const MEMORY_LOGDB_CAPABILITIES: LogDBCapabilities = {
  shrinksOnCompaction: true,
  exclusiveOpen: true,
  durable: true,
};

const NEVER = new Promise<never>(() => undefined);

/**
 * The contract in its plainest form: one queue, a copy in, a copy out. The reference that the suite is tested with,
 * and a LogDB for tests that need no disk. Not durable beyond its process.
 */
export class MemoryLogDB implements ILogDB {
  readonly name: string = 'memory';
  protected readonly place: MemoryPlace;
  #queue: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined = undefined;
  #fenced = false;

  constructor(place: MemoryPlace) {
    if (place.owner !== undefined) throw new ErrLogDBLocked('the place is open already');
    place.owner = this;
    this.place = place;
  }

  listNodeInfo(): Promise<NodeInfo[]> {
    return this.read(() =>
      [...this.place.records].flatMap(([key, { bootstrap }]) => {
        const [clusterID = 0, nodeID = 0] = key.split('/').map(Number);
        return bootstrap === undefined ? [] : [{ clusterID, nodeID }];
      }),
    );
  }

  saveBootstrapInfo(clusterID: number, nodeID: number, bootstrap: Bootstrap): Promise<void> {
    const copy = copyBootstrap(bootstrap);
    return this.write(() => {
      this.record(clusterID, nodeID).bootstrap = copy;
    });
  }

  getBootstrapInfo(clusterID: number, nodeID: number): Promise<Bootstrap | undefined> {
    return this.read(() => {
      const bootstrap = this.find(clusterID, nodeID)?.bootstrap;
      return bootstrap && copyBootstrap(bootstrap);
    });
  }

  saveRaftState(updates: readonly Update[]): Promise<void> {
    const copies = updates.map((each) => ({
      ...each,
      state: each.state && { ...each.state },
      entriesToSave: each.entriesToSave.map(copyEntry),
      snapshot: each.snapshot && copySnapshot(each.snapshot),
    }));
    return this.write(() => {
      for (const each of copies) this.applyUpdate(each);
    });
  }

  iterateEntries(
    clusterID: number,
    nodeID: number,
    low: number,
    high: number,
    maxSizeBytes: number,
  ): Promise<EntrySlice> {
    return this.read(() => {
      const slice: EntrySlice = { entries: [], sizeBytes: 0 };
      for (const each of this.visible(clusterID, nodeID)) {
        if (each.index < low) continue;
        const sizeBytes = slice.sizeBytes + entrySizeBytes(each);
        const isNext = each.index === low + slice.entries.length;
        if (each.index >= high || !isNext) break;
        if (sizeBytes > maxSizeBytes && slice.entries.length > 0) break;
        slice.entries.push(copyEntry(each));
        slice.sizeBytes = sizeBytes;
      }
      return slice;
    });
  }

  readRaftState(clusterID: number, nodeID: number, lastIndex: number): Promise<RaftState | undefined> {
    return this.read(() => {
      const state = this.find(clusterID, nodeID)?.state;
      if (state === undefined) return undefined;
      const above = this.visible(clusterID, nodeID).filter(({ index }) => index > lastIndex);
      const firstIndex = above[0]?.index ?? 0;
      const gap = above.findIndex(({ index }, i) => index !== firstIndex + i);
      return { state: { ...state }, firstIndex, entryCount: gap === -1 ? above.length : gap };
    });
  }

  removeEntriesTo(clusterID: number, nodeID: number, index: number): Promise<void> {
    return this.write(() => {
      const record = this.find(clusterID, nodeID);
      if (record !== undefined) record.removedTo = Math.max(record.removedTo, index);
    });
  }

  compactEntriesTo(clusterID: number, nodeID: number, index: number): Promise<void> {
    return this.write(() => {
      const record = this.find(clusterID, nodeID);
      if (record === undefined) return;
      const upTo = Math.min(index, record.removedTo);
      record.log = record.log.filter((each) => each.index > upTo);
    });
  }

  saveSnapshots(updates: readonly Update[]): Promise<void> {
    const copies = updates.map(({ clusterID, nodeID, snapshot }) => ({
      clusterID,
      nodeID,
      snapshot: snapshot && copySnapshot(snapshot),
    }));
    return this.write(() => {
      for (const { clusterID, nodeID, snapshot } of copies) {
        if (snapshot !== undefined) this.record(clusterID, nodeID).snapshots.set(snapshot.index, snapshot);
      }
    });
  }

  deleteSnapshot(clusterID: number, nodeID: number, index: number): Promise<void> {
    return this.write(() => {
      this.find(clusterID, nodeID)?.snapshots.delete(index);
    });
  }

  listSnapshots(clusterID: number, nodeID: number, index: number): Promise<Snapshot[]> {
    return this.read(() =>
      [...(this.find(clusterID, nodeID)?.snapshots.values() ?? [])]
        .filter((each) => each.index <= index)
        .sort((a, b) => a.index - b.index)
        .map(copySnapshot),
    );
  }

  removeNodeData(clusterID: number, nodeID: number): Promise<void> {
    return this.write(() => {
      this.place.records.delete(keyOf(clusterID, nodeID));
    });
  }

  importSnapshot(snapshot: Snapshot, { clusterID, nodeID }: NodeInfo): Promise<void> {
    const copy = copySnapshot(snapshot);
    return this.write(() => {
      this.place.records.delete(keyOf(clusterID, nodeID));
      const record = this.record(clusterID, nodeID);
      record.bootstrap = { addresses: new Map(), join: true };
      record.state = { term: copy.term, vote: 0, commit: copy.index };
      record.snapshots.set(copy.index, copy);
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#queue.then(() => {
      if (this.place.owner === this) this.place.owner = undefined;
    });
    return this.#closing;
  }

  protected find(clusterID: number, nodeID: number): ReplicaRecord | undefined {
    return this.place.records.get(keyOf(clusterID, nodeID));
  }

  protected record(clusterID: number, nodeID: number): ReplicaRecord {
    const found = this.find(clusterID, nodeID);
    if (found !== undefined) return found;
    const fresh = { bootstrap: undefined, state: undefined, log: [], removedTo: 0, snapshots: new Map() };
    this.place.records.set(keyOf(clusterID, nodeID), fresh);
    return fresh;
  }

  protected visible(clusterID: number, nodeID: number): Entry[] {
    const record = this.find(clusterID, nodeID);
    return record?.log.filter(({ index }) => index > record.removedTo) ?? [];
  }

  protected applyUpdate({ clusterID, nodeID, state, entriesToSave, snapshot }: Update): void {
    const first = entriesToSave[0];
    if (state === undefined && first === undefined && snapshot === undefined) return;
    const record = this.record(clusterID, nodeID);
    if (state !== undefined) record.state = state;
    if (snapshot !== undefined) record.log = [];
    if (first !== undefined) {
      record.state ??= { term: 0, vote: 0, commit: 0 };
      record.log = [...record.log.filter(({ index }) => index < first.index), ...entriesToSave];
    }
    if (snapshot !== undefined) record.snapshots.set(snapshot.index, snapshot);
  }

  /** A write has failed: nothing is accepted any more. */
  protected fence(): void {
    this.#fenced = true;
  }

  protected read<T>(look: () => T): Promise<T> {
    return this.#enqueue(look, false);
  }

  /** `change` happens at one instant: the stand-in for a transaction and its sync. */
  protected write(change: () => void): Promise<void> {
    return this.#enqueue(change, true);
  }

  async #enqueue<T>(action: () => T, writes: boolean): Promise<T> {
    if (this.#closing !== undefined) throw new ErrLogDBClosed();
    const result = this.#queue.then(async () => {
      await turn();
      if (this.place.owner !== this) return NEVER;
      if (this.#fenced) throw new ErrLogDBFenced();
      if (writes && this.place.broken) {
        this.fence();
        throw new Error('EIO: the disk is broken');
      }
      return action();
    });
    this.#queue = result.catch(() => undefined);
    return result;
  }
}

function keyOf(clusterID: number, nodeID: number): string {
  return `${clusterID}/${nodeID}`;
}
