import type { Bootstrap, EntrySlice, ILogDB, NodeInfo, RaftState, Snapshot, Update } from '@drakkar/raftio';
import type { Operations } from '../runtime/operations.js';

type Method = Exclude<keyof ILogDB, 'name'>;

/** A LogDB whose calls are watched: each may take as long as the disk does. */
export class WatchedLogDB implements ILogDB {
  readonly #logDB: ILogDB;
  readonly #operations: Operations;

  constructor(logDB: ILogDB, operations: Operations) {
    this.#logDB = logDB;
    this.#operations = operations;
  }

  get name(): string {
    return this.#logDB.name;
  }

  listNodeInfo(): Promise<NodeInfo[]> {
    return this.#watch('listNodeInfo', undefined, () => this.#logDB.listNodeInfo());
  }

  saveBootstrapInfo(clusterID: number, nodeID: number, bootstrap: Bootstrap): Promise<void> {
    return this.#watch('saveBootstrapInfo', clusterID, () =>
      this.#logDB.saveBootstrapInfo(clusterID, nodeID, bootstrap),
    );
  }

  getBootstrapInfo(clusterID: number, nodeID: number): Promise<Bootstrap | undefined> {
    return this.#watch('getBootstrapInfo', clusterID, () => this.#logDB.getBootstrapInfo(clusterID, nodeID));
  }

  saveRaftState(updates: readonly Update[]): Promise<void> {
    const groups = (): number[] => updates.map(({ clusterID }) => clusterID);
    return this.#operations.watch('LogDB.saveRaftState', groups, () => this.#logDB.saveRaftState(updates));
  }

  iterateEntries(
    clusterID: number,
    nodeID: number,
    low: number,
    high: number,
    maxSizeBytes: number,
  ): Promise<EntrySlice> {
    return this.#watch('iterateEntries', clusterID, () =>
      this.#logDB.iterateEntries(clusterID, nodeID, low, high, maxSizeBytes),
    );
  }

  readRaftState(clusterID: number, nodeID: number, lastIndex: number): Promise<RaftState | undefined> {
    return this.#watch('readRaftState', clusterID, () =>
      this.#logDB.readRaftState(clusterID, nodeID, lastIndex),
    );
  }

  removeEntriesTo(clusterID: number, nodeID: number, index: number): Promise<void> {
    return this.#watch('removeEntriesTo', clusterID, () =>
      this.#logDB.removeEntriesTo(clusterID, nodeID, index),
    );
  }

  compactEntriesTo(clusterID: number, nodeID: number, index: number): Promise<void> {
    return this.#watch('compactEntriesTo', clusterID, () =>
      this.#logDB.compactEntriesTo(clusterID, nodeID, index),
    );
  }

  saveSnapshots(updates: readonly Update[]): Promise<void> {
    const groups = (): number[] => updates.map(({ clusterID }) => clusterID);
    return this.#operations.watch('LogDB.saveSnapshots', groups, () => this.#logDB.saveSnapshots(updates));
  }

  deleteSnapshot(clusterID: number, nodeID: number, index: number): Promise<void> {
    return this.#watch('deleteSnapshot', clusterID, () =>
      this.#logDB.deleteSnapshot(clusterID, nodeID, index),
    );
  }

  listSnapshots(clusterID: number, nodeID: number, index: number): Promise<Snapshot[]> {
    return this.#watch('listSnapshots', clusterID, () => this.#logDB.listSnapshots(clusterID, nodeID, index));
  }

  removeNodeData(clusterID: number, nodeID: number): Promise<void> {
    return this.#watch('removeNodeData', clusterID, () => this.#logDB.removeNodeData(clusterID, nodeID));
  }

  importSnapshot(snapshot: Snapshot, nodeInfo: NodeInfo): Promise<void> {
    return this.#watch('importSnapshot', nodeInfo.clusterID, () =>
      this.#logDB.importSnapshot(snapshot, nodeInfo),
    );
  }

  close(): Promise<void> {
    return this.#watch('close', undefined, () => this.#logDB.close());
  }

  #watch<T>(method: Method, clusterID: number | undefined, call: () => Promise<T>): Promise<T> {
    const groups = clusterID === undefined ? NO_GROUPS : (): number[] => [clusterID];
    return this.#operations.watch(`LogDB.${method}`, groups, call);
  }
}

const NO_GROUPS = (): number[] => [];
