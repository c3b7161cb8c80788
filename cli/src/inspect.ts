import type { Bootstrap, NodeInfo, State } from '@drakkar/raftio';
import { type DataDirStatus, isTombstone } from '@drakkar/framework/internals';
import { type OpenedData, withData } from './open-data.js';
import { ExitCode, type Output, describeError } from './output.js';
import type { DataDirOptions } from './data-dir-options.js';
import { type Extent, nameOf, readStoredLog, sortedReplicas } from './replicas.js';

interface SnapshotSummary {
  index: number;
  term: number;
  /** Of the snapshot file and its external files. */
  sizeBytes: number;
  files: number;
}

interface ReplicaSummary extends NodeInfo {
  bootstrap?: Bootstrap;
  state?: State;
  firstIndex?: number;
  lastIndex?: number;
  extents?: Extent[];
  snapshots?: SnapshotSummary[];
  /** Why the rest can't be told. */
  error?: { code?: string; message: string };
}

async function summarize({ logDB }: OpenedData, info: NodeInfo): Promise<ReplicaSummary> {
  const { clusterID, nodeID } = info;
  const summary: ReplicaSummary = { clusterID, nodeID };
  try {
    const bootstrap = await logDB.getBootstrapInfo(clusterID, nodeID);
    if (bootstrap !== undefined) summary.bootstrap = bootstrap;
    const { state, extents } = await readStoredLog(logDB, info);
    if (state !== undefined) summary.state = state;
    const [first] = extents;
    const last = extents.at(-1);
    if (first !== undefined) summary.firstIndex = first.first;
    if (last !== undefined) summary.lastIndex = last.last;
    summary.extents = extents;
    const snapshots = await logDB.listSnapshots(clusterID, nodeID, Number.MAX_SAFE_INTEGER);
    summary.snapshots = snapshots.map(({ index, term, fileSize, files }) => ({
      index,
      term,
      sizeBytes: files.reduce((sum, file) => sum + file.fileSize, fileSize),
      files: files.length,
    }));
  } catch (error) {
    summary.error = describeError(error);
  }
  return summary;
}

function identityLines(root: string, status: DataDirStatus): string[] {
  return [
    `data directory  ${root}`,
    `raftAddress     ${status.address}`,
    `deploymentId    ${status.deploymentId}`,
    `logdb           ${status.logdb}${status.separateWal ? ', with a walDir of its own' : ''}`,
    `format          ${status.binVer}`,
    `hard settings   ${status.hardHash}`,
    `host id         ${status.hostId}`,
  ];
}

function bootstrapText(bootstrap: Bootstrap | undefined): string {
  if (bootstrap === undefined) return 'missing';
  if (isTombstone(bootstrap)) return 'removed from this host; the node id is not used again';
  if (bootstrap.join) return 'joined a running group, or was imported';
  const members = [...bootstrap.addresses].map(([nodeID, address]) => `${nodeID}=${address}`);
  return `initial member, with ${members.join(' ')}`;
}

function replicaLines(replica: ReplicaSummary): string[] {
  const { state, extents = [], snapshots = [], error } = replica;
  const lines = ['', nameOf(replica), `  bootstrap  ${bootstrapText(replica.bootstrap)}`];
  const lost = replica.bootstrap?.lost;
  if (lost !== undefined)
    lines.push(
      `  lost       entries up to ${lost.index}, which node ${lost.leaderID} counts on, leader of term ${lost.term}`,
    );
  if (state !== undefined)
    lines.push(`  state      term ${state.term}, vote ${state.vote}, commit ${state.commit}`);
  const log = extents.map(({ first, last }) => `${first} to ${last}`).join(', ');
  lines.push(`  log        ${log === '' ? 'no entries' : `entries ${log}`}`);
  for (const { index, term, sizeBytes, files } of snapshots) {
    const external = files === 0 ? '' : `, ${files} external files`;
    lines.push(`  snapshot   index ${index}, term ${term}, ${sizeBytes} bytes${external}`);
  }
  if (error !== undefined) lines.push(`  ERROR      ${error.message}`);
  return lines;
}

/** `drakkar inspect`. */
export function inspect(output: Output, options: DataDirOptions): Promise<ExitCode> {
  return withData(output, options, async (data) => {
    const { status, layout, logDB } = data;
    const infos = await sortedReplicas(logDB);
    const replicas: ReplicaSummary[] = [];
    for (const info of infos) {
      output.progress(`replica ${replicas.length + 1} of ${infos.length}`);
      replicas.push(await summarize(data, info));
    }
    const ok = replicas.every(({ error }) => error === undefined);
    const lines = [...identityLines(layout.root, status), ...replicas.flatMap(replicaLines)];
    if (replicas.length === 0) lines.push('', 'no replicas');
    output.result({ ok, dataDir: layout.root, identity: status, replicas }, lines);
    return ok ? ExitCode.ok : ExitCode.problems;
  });
}
