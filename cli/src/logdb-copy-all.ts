import type { ILogDB, NodeInfo, Snapshot } from '@drakkar/raftio';
import type { Output } from './output.js';
import { type ReplicaDigest, digestReplica, differences } from './replica-digest.js';
import { nameOf, readStoredLog, sortedReplicas } from './replicas.js';

const SLICE_BYTES = 4 * 1024 * 1024;

async function copySnapshots(to: ILogDB, info: NodeInfo, snapshots: readonly Snapshot[]): Promise<void> {
  for (const snapshot of snapshots) {
    await to.saveSnapshots([{ ...info, state: undefined, entriesToSave: [], snapshot }]);
  }
}

async function copyReplica(
  from: ILogDB,
  to: ILogDB,
  info: NodeInfo,
  progress: (index: number) => void,
): Promise<void> {
  const { clusterID, nodeID } = info;
  const bootstrap = await from.getBootstrapInfo(clusterID, nodeID);
  if (bootstrap !== undefined) await to.saveBootstrapInfo(clusterID, nodeID, bootstrap);
  await copySnapshots(to, info, await from.listSnapshots(clusterID, nodeID, Number.MAX_SAFE_INTEGER));
  const { state, extents } = await readStoredLog(from, info);
  for (const { first, last } of extents) {
    for (let low = first; low <= last;) {
      const { entries } = await from.iterateEntries(clusterID, nodeID, low, last + 1, SLICE_BYTES);
      if (entries.length === 0) break; // the comparison tells
      await to.saveRaftState([{ ...info, state, entriesToSave: entries, snapshot: undefined }]);
      low += entries.length;
      progress(low);
    }
  }
  if (state !== undefined)
    await to.saveRaftState([{ ...info, state, entriesToSave: [], snapshot: undefined }]);
}

/** Copies everything of every replica. */
export async function copyAll(from: ILogDB, to: ILogDB, output: Output): Promise<void> {
  for (const info of await sortedReplicas(from)) {
    await copyReplica(from, to, info, (index) => output.progress(`${nameOf(info)}: entry ${index} copied`));
  }
}

export interface Comparison {
  replicas: ReplicaDigest[];
  problems: string[];
}

/** Reads both again, from their disks, and compares them part by part. */
export async function compare(from: ILogDB, to: ILogDB, output: Output): Promise<Comparison> {
  const infos = await sortedReplicas(from);
  const names = infos.map(nameOf).join(', ');
  const copied = (await sortedReplicas(to)).map(nameOf).join(', ');
  const problems = names === copied ? [] : [`the source has ${names}; the copy has ${copied}`];
  const replicas: ReplicaDigest[] = [];
  for (const info of infos) {
    output.progress(`${nameOf(info)}: comparing`);
    const expected = await digestReplica(from, info);
    replicas.push(expected);
    for (const part of differences(expected, await digestReplica(to, info)))
      problems.push(`${nameOf(info)}: ${part} of the copy differs from the source`);
  }
  return { replicas, problems };
}

/** Opens a LogDB for as long as `use` takes. */
export async function withOpen<T>(
  open: () => Promise<ILogDB>,
  use: (logDB: ILogDB) => Promise<T>,
): Promise<T> {
  const logDB = await open();
  try {
    return await use(logDB);
  } finally {
    await logDB.close();
  }
}

/** Lines that tell what was copied. */
export function copiedLines(replicas: readonly ReplicaDigest[]): string[] {
  return replicas.map(
    (each) => `${nameOf(each)}: ${each.entries} entries, ${each.snapshots} snapshot records`,
  );
}

export function countEntries(replicas: readonly ReplicaDigest[]): number {
  return replicas.reduce((sum, each) => sum + each.entries, 0);
}
