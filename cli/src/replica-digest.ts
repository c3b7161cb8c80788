import { type Hash, createHash } from 'node:crypto';
import {
  ErrLogDBCorrupt,
  type ILogDB,
  type NodeInfo,
  encodeBootstrap,
  encodeEntries,
  encodeSnapshot,
  encodeState,
} from '@drakkar/raftio';
import { nameOf, readStoredLog } from './replicas.js';

const SLICE_BYTES = 4 * 1024 * 1024;
const PARTS = ['bootstrap', 'state', 'log', 'snapshotRecords'] as const;
type Part = (typeof PARTS)[number];

/** SHA-256 of each part of what a LogDB holds of a replica, the same whatever the LogDB. */
export interface ReplicaDigest extends NodeInfo {
  entries: number;
  snapshots: number;
  sha256: Record<Part, string>;
}

const sha256 = (): Hash => createHash('sha256');

async function digestLog(logDB: ILogDB, info: NodeInfo): Promise<{ entries: number; sum: string }> {
  const { extents } = await readStoredLog(logDB, info);
  const hash = sha256();
  let count = 0;
  for (const { first, last } of extents) {
    for (let low = first; low <= last;) {
      const { clusterID, nodeID } = info;
      const { entries } = await logDB.iterateEntries(clusterID, nodeID, low, last + 1, SLICE_BYTES);
      if (entries.length === 0) throw new ErrLogDBCorrupt(`${nameOf(info)}: entry ${low} is missing`);
      // One by one: where a slice ends is the LogDB's own affair.
      for (const entry of entries) hash.update(encodeEntries([entry]));
      low += entries.length;
      count += entries.length;
    }
  }
  return { entries: count, sum: hash.digest('hex') };
}

export async function digestReplica(logDB: ILogDB, info: NodeInfo): Promise<ReplicaDigest> {
  const { clusterID, nodeID } = info;
  const bootstrap = await logDB.getBootstrapInfo(clusterID, nodeID);
  const { state, extents } = await readStoredLog(logDB, info);
  const snapshots = await logDB.listSnapshots(clusterID, nodeID, Number.MAX_SAFE_INTEGER);
  const records = sha256();
  for (const snapshot of snapshots) records.update(encodeSnapshot(snapshot));
  const { entries, sum } = await digestLog(logDB, info);
  return {
    clusterID,
    nodeID,
    entries,
    snapshots: snapshots.length,
    sha256: {
      bootstrap: bootstrap === undefined ? '' : sha256().update(encodeBootstrap(bootstrap)).digest('hex'),
      state: sha256()
        .update(state === undefined ? '' : encodeState(state))
        .update(JSON.stringify(extents))
        .digest('hex'),
      log: sum,
      snapshotRecords: records.digest('hex'),
    },
  };
}

/** The parts that are not equal. */
export function differences(a: ReplicaDigest, b: ReplicaDigest): Part[] {
  return PARTS.filter((part) => a.sha256[part] !== b.sha256[part]);
}
