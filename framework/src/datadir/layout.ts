import { join } from 'node:path';
import type { NodeHostConfig } from '../config/node-host-config.js';

/** The record of whose a data directory is; there is one in a walDir too. */
export const STATUS_FILE_NAME = 'drakkar.json';
const LOGDB_DIR_NAME = 'logdb';
const WAL_DIR_NAME = 'wal';
const SNAPSHOTS_DIR_NAME = 'snapshots';

/** The folders that a data directory consists of; equal when there is no walDir apart. */
export type Roots = Pick<NodeHostConfig, 'nodeHostDir' | 'walDir'>;

/** The folders of a host's data directory. */
export interface DataDirLayout {
  readonly root: string;
  /** Belong to the LogDB alone; equal when there is no WAL folder apart. */
  readonly logdbDir: string;
  readonly walDir: string;
  readonly snapshotsDir: string;
  /** Folder for the snapshots of one replica; made when the first one is written. */
  snapshotDir(clusterID: number, nodeID: number): string;
}

/** Each LogDB of a directory has folders of its own, so that a new one can be made beside one that is in use. */
function folderName(base: string, generation: number): string {
  return generation === 0 ? base : `${base}-${generation}`;
}

function isFolderOf(base: string, name: string): boolean {
  return name === base || (name.startsWith(`${base}-`) && /^\d+$/.test(name.slice(base.length + 1)));
}

/** Whether a folder of that name, in the nodeHostDir, is one of a LogDB, of whatever generation. */
export function isLogDBFolder(name: string): boolean {
  return isFolderOf(LOGDB_DIR_NAME, name);
}

/** The same, in a walDir. */
export function isWalFolder(name: string): boolean {
  return isFolderOf(WAL_DIR_NAME, name);
}

export function isSnapshotsFolder(name: string): boolean {
  return name === SNAPSHOTS_DIR_NAME;
}

/**
 * Where everything of a data directory lies.
 * @param generation of its LogDB, as the directory's record has it
 */
export function layoutOf({ nodeHostDir, walDir }: Roots, generation: number): DataDirLayout {
  const logdbDir = join(nodeHostDir, folderName(LOGDB_DIR_NAME, generation));
  const snapshotsDir = join(nodeHostDir, SNAPSHOTS_DIR_NAME);
  return {
    root: nodeHostDir,
    logdbDir,
    walDir: walDir === nodeHostDir ? logdbDir : join(walDir, folderName(WAL_DIR_NAME, generation)),
    snapshotsDir,
    snapshotDir: (clusterID, nodeID) => join(snapshotsDir, `${clusterID}-${nodeID}`),
  };
}
