import type { NodeHostConfigSource } from './assembly.js';
import type { ImportOptions, ImportedSnapshot } from './import-in-place.js';
import type { InitialMembers } from './members.js';
import { loadImport } from './parts.js';

/**
 * Repairs a group that has lost its quorum permanently, on one host, which must be stopped: the replica `nodeID` will
 * start with the exported snapshot and with `members`, whatever it had before. To be done with the same snapshot and
 * the same members on every host of the new membership, before any of them is started; then each is started with
 * `startCluster` without initial members. docs/disaster-recovery.md has the steps and the dangers.
 *
 * The configuration change index stays what it was in the snapshot; members that are not in the new membership count
 * as removed, permanently. May be repeated after a crash: until it is done the data directory is as it was.
 *
 * @param config of the host; its data directory is made if there is none
 * @param dir what `NodeHost.exportSnapshot` or `drakkar snapshot export` has written
 * @param members the new voting members, node id → raft address
 * @param nodeID which of them is this host's
 * @throws ErrLockDirectory while the host runs; ErrDeploymentIDChanged, ErrHardSettingsChanged;
 *   ErrInvalidClusterSettings when `members` does not fit; ErrNodeRemoved when one of them was removed before;
 *   ErrSnapshotCorrupt when the export is damaged or not complete; ErrSnapshotOutOfDate when the host has newer data of that node;
 *   ErrInvalidOption, ErrSnapshotNoSpace, ErrSnapshotStopped, and as `NodeHost.create`
 */
export async function importSnapshot(
  config: NodeHostConfigSource,
  dir: string,
  members: InitialMembers,
  nodeID: number,
  options: ImportOptions = {},
): Promise<ImportedSnapshot> {
  const { importInPlaceOfData } = await loadImport();
  return await importInPlaceOfData(config, dir, members, nodeID, options);
}
