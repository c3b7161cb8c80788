import type { NodeInfo, RaftState, State } from '@drakkar/raftio';
import { Pieces, type SegmentUse } from './pieces.js';

/** A small record, in memory and in its segment. */
export interface StoredRecord {
  body: Uint8Array;
  segment: number;
  sizeBytes: number;
}

/** What is known of a replica, ahead of the disk by what is being written. */
export class Replica implements NodeInfo {
  readonly clusterID: number;
  readonly nodeID: number;
  readonly pieces: Pieces;
  bootstrap: StoredRecord | undefined = undefined;
  /** The hard state, as it is stored. */
  state: (StoredRecord & { value: State }) | undefined = undefined;
  readonly snapshots = new Map<number, StoredRecord>();
  /** Entries were removed up to here, and no frame says so yet; 0: nothing is to be said. */
  unwrittenRemoval = 0;
  /** The last write that concerns this replica; it may be over. */
  lastCommit: Promise<void> | undefined = undefined;
  readonly #use: SegmentUse;

  constructor({ clusterID, nodeID }: NodeInfo, use: SegmentUse) {
    this.clusterID = clusterID;
    this.nodeID = nodeID;
    this.pieces = new Pieces(use);
    this.#use = use;
  }

  get isEmpty(): boolean {
    const hasRecords = this.bootstrap !== undefined || this.state !== undefined || this.snapshots.size > 0;
    return !hasRecords && this.pieces.length === 0;
  }

  setBootstrap(record: StoredRecord): void {
    this.#exchange(this.bootstrap, record);
    this.bootstrap = record;
  }

  setState(record: StoredRecord & { value: State }): void {
    this.#exchange(this.state, record);
    this.state = record;
  }

  setSnapshot(index: number, record: StoredRecord): void {
    this.#exchange(this.snapshots.get(index), record);
    this.snapshots.set(index, record);
  }

  deleteSnapshot(index: number): void {
    const record = this.snapshots.get(index);
    if (record === undefined) return;
    this.snapshots.delete(index);
    this.#use.release(record.segment, record.sizeBytes);
  }

  /** No stored entry counts any more. */
  forgetLog(): void {
    this.pieces.clear();
    this.unwrittenRemoval = 0;
  }

  clear(): void {
    this.forgetLog();
    for (const index of [...this.snapshots.keys()]) this.deleteSnapshot(index);
    for (const record of [this.bootstrap, this.state]) {
      if (record !== undefined) this.#use.release(record.segment, record.sizeBytes);
    }
    this.bootstrap = this.state = undefined;
  }

  /** Extent of the log above `lastIndex`: its first index, and how many follow without a gap. */
  extentAbove(lastIndex: number): Pick<RaftState, 'firstIndex' | 'entryCount'> {
    const { pieces } = this;
    let at = pieces.findAbove(lastIndex);
    if (at === pieces.length) return { firstIndex: lastIndex + 1, entryCount: 0 };
    const firstIndex = Math.max(lastIndex + 1, pieces.firstOf(at));
    let end = pieces.endOf(at);
    for (at += 1; at < pieces.length && pieces.firstOf(at) === end; at++) end = pieces.endOf(at);
    return { firstIndex, entryCount: end - firstIndex };
  }

  #exchange(before: StoredRecord | undefined, now: StoredRecord): void {
    this.#use.retain(now.segment, now.sizeBytes);
    if (before !== undefined) this.#use.release(before.segment, before.sizeBytes);
  }
}

/** All replicas, by both ids. */
export class ReplicaMap {
  readonly #byCluster = new Map<number, Map<number, Replica>>();
  readonly #use: SegmentUse;

  constructor(use: SegmentUse) {
    this.#use = use;
  }

  find({ clusterID, nodeID }: NodeInfo): Replica | undefined {
    return this.#byCluster.get(clusterID)?.get(nodeID);
  }

  get(of: NodeInfo): Replica {
    let nodes = this.#byCluster.get(of.clusterID);
    if (nodes === undefined) {
      checkID(of.clusterID);
      nodes = new Map();
    }
    let replica = nodes.get(of.nodeID);
    if (replica === undefined) {
      checkID(of.nodeID);
      replica = new Replica(of, this.#use);
      nodes.set(of.nodeID, replica);
      this.#byCluster.set(of.clusterID, nodes);
    }
    return replica;
  }

  delete({ clusterID, nodeID }: NodeInfo): void {
    const nodes = this.#byCluster.get(clusterID);
    nodes?.delete(nodeID);
    if (nodes?.size === 0) this.#byCluster.delete(clusterID);
  }

  *all(): Generator<Replica, void, void> {
    for (const nodes of this.#byCluster.values()) yield* nodes.values();
  }
}

function checkID(id: number): void {
  if (!Number.isSafeInteger(id) || id < 0)
    throw new RangeError(`${id} is no id: ids are integers from 0 to 2^53-1`);
}
