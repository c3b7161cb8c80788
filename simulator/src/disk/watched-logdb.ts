import type { ILogDB, Update } from '@drakkar/raftio';

export interface LogDBWatcher {
  saving(update: Update): void;
  durable(update: Update): void;
  compacted(): void;
}

/** The LogDB with somebody who sees what is given to it, and what it says is durable. */
export function watchLogDB(inner: ILogDB, watcher: LogDBWatcher): ILogDB {
  return {
    name: inner.name,
    listNodeInfo: () => inner.listNodeInfo(),
    saveBootstrapInfo: (clusterID, nodeID, bootstrap) =>
      inner.saveBootstrapInfo(clusterID, nodeID, bootstrap),
    getBootstrapInfo: (clusterID, nodeID) => inner.getBootstrapInfo(clusterID, nodeID),
    saveRaftState: async (updates) => {
      for (const update of updates) watcher.saving(update);
      await inner.saveRaftState(updates);
      for (const update of updates) watcher.durable(update);
    },
    iterateEntries: (clusterID, nodeID, low, high, maxSizeBytes) =>
      inner.iterateEntries(clusterID, nodeID, low, high, maxSizeBytes),
    readRaftState: (clusterID, nodeID, lastIndex) => inner.readRaftState(clusterID, nodeID, lastIndex),
    removeEntriesTo: (clusterID, nodeID, index) => inner.removeEntriesTo(clusterID, nodeID, index),
    compactEntriesTo: async (clusterID, nodeID, index) => {
      await inner.compactEntriesTo(clusterID, nodeID, index);
      watcher.compacted();
    },
    saveSnapshots: (updates) => inner.saveSnapshots(updates),
    deleteSnapshot: (clusterID, nodeID, index) => inner.deleteSnapshot(clusterID, nodeID, index),
    listSnapshots: (clusterID, nodeID, index) => inner.listSnapshots(clusterID, nodeID, index),
    removeNodeData: (clusterID, nodeID) => inner.removeNodeData(clusterID, nodeID),
    importSnapshot: async (snapshot, nodeInfo) => {
      const state = { term: snapshot.term, vote: 0, commit: snapshot.index };
      const update: Update = { ...nodeInfo, state, entriesToSave: [], snapshot };
      watcher.saving(update);
      await inner.importSnapshot(snapshot, nodeInfo);
      watcher.durable(update);
    },
    close: () => inner.close(),
  };
}
