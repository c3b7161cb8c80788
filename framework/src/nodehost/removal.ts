import type { ILogDB } from '@drakkar/raftio';
import type { SnapshotStore } from '../snapshot/index.js';
import { isTombstone, saveTombstone } from './bootstrap.js';

/**
 * Removes everything of a replica that does not run, if there is anything, and leaves the mark by which its node id is
 * refused. Removing the data and leaving the mark are two writes, so another mark, beside the snapshots, says from
 * before the first until after the last that a removal is under way: whatever a crash cuts short, the replica can't be
 * started. May be repeated.
 */
export async function removeReplica(
  logDB: ILogDB,
  store: SnapshotStore,
  clusterID: number,
  nodeID: number,
): Promise<void> {
  if (!(await store.isRemovalMarked())) {
    const stored = await logDB.getBootstrapInfo(clusterID, nodeID);
    if (stored === undefined || isTombstone(stored)) return;
    await store.markRemoval();
  }
  await logDB.removeNodeData(clusterID, nodeID);
  await saveTombstone(logDB, clusterID, nodeID);
  await store.removeAll();
}

/** Completes a removal that a crash has cut short. */
export async function finishRemoval(
  logDB: ILogDB,
  store: SnapshotStore,
  clusterID: number,
  nodeID: number,
): Promise<void> {
  if (await store.isRemovalMarked()) await removeReplica(logDB, store, clusterID, nodeID);
}
