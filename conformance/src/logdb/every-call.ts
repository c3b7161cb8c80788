import type { ILogDB } from '@drakkar/raftio';
import { R, bootstrap, entries, snapshotRecord, update } from './make.js';

/** Every call of the contract but `close`, each with arguments that would be right. */
export function everyCall(db: ILogDB): Record<string, () => Promise<unknown>> {
  const { clusterID, nodeID } = R;
  return {
    listNodeInfo: () => db.listNodeInfo(),
    saveBootstrapInfo: () => db.saveBootstrapInfo(clusterID, nodeID, bootstrap([1])),
    getBootstrapInfo: () => db.getBootstrapInfo(clusterID, nodeID),
    saveRaftState: () => db.saveRaftState([update(R, { entries: entries(1, 1, 1) })]),
    iterateEntries: () => db.iterateEntries(clusterID, nodeID, 1, 2, 100),
    readRaftState: () => db.readRaftState(clusterID, nodeID, 0),
    removeEntriesTo: () => db.removeEntriesTo(clusterID, nodeID, 1),
    compactEntriesTo: () => db.compactEntriesTo(clusterID, nodeID, 1),
    saveSnapshots: () => db.saveSnapshots([update(R, { snapshot: snapshotRecord(1, 1) })]),
    deleteSnapshot: () => db.deleteSnapshot(clusterID, nodeID, 1),
    listSnapshots: () => db.listSnapshots(clusterID, nodeID, 1),
    removeNodeData: () => db.removeNodeData(clusterID, nodeID),
    importSnapshot: () => db.importSnapshot(snapshotRecord(1, 1), R),
  };
}
