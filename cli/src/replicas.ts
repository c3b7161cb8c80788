import type { ILogDB, NodeInfo, State } from '@drakkar/raftio';

/** Entries that follow one another without a gap; both ends belong to it. */
export interface Extent {
  first: number;
  last: number;
}

export interface StoredLog {
  /** Undefined when nothing was saved yet. */
  state: State | undefined;
  /** Oldest first. More than one when a snapshot came in that the log did not reach up to. */
  extents: Extent[];
}

/** Every replica, by group and node id. */
export async function sortedReplicas(logDB: ILogDB): Promise<NodeInfo[]> {
  const all = await logDB.listNodeInfo();
  return all.sort((a, b) => a.clusterID - b.clusterID || a.nodeID - b.nodeID);
}

/** The hard state, and which entries are stored. */
export async function readStoredLog(logDB: ILogDB, { clusterID, nodeID }: NodeInfo): Promise<StoredLog> {
  const extents: Extent[] = [];
  let state: State | undefined;
  for (let above = 0; ;) {
    const found = await logDB.readRaftState(clusterID, nodeID, above);
    state ??= found?.state;
    if (found === undefined || found.entryCount === 0) return { state, extents };
    const last = found.firstIndex + found.entryCount - 1;
    extents.push({ first: found.firstIndex, last });
    above = last;
  }
}

export function nameOf({ clusterID, nodeID }: NodeInfo): string {
  return `group ${clusterID} node ${nodeID}`;
}
