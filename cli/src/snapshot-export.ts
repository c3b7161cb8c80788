import { resolve } from 'node:path';
import { type NodeInfo, type Snapshot, hasErrorCode } from '@drakkar/raftio';
import { ErrInvalidOption, ErrSnapshotCorrupt, type ExportedSnapshot } from '@drakkar/framework';
import {
  type SnapshotOrigin,
  checkExportTarget,
  isTombstone,
  toExported,
} from '@drakkar/framework/internals';
import { positiveInteger } from './option-values.js';
import { type OpenedData, withData } from './open-data.js';
import { ExitCode, type Output, describeError } from './output.js';
import type { DataDirOptions } from './data-dir-options.js';
import { nameOf, readStoredLog, sortedReplicas } from './replicas.js';
import { progressPrinter } from './snapshot-progress.js';

export interface SnapshotExportOptions extends DataDirOptions {
  cluster: string;
  node?: string;
  to: string;
}

/** Log entries behind the snapshot, which are not in the export. */
interface NotExported {
  first: number;
  last: number;
  /** Up to where they are known here to be committed. */
  commit: number;
}

interface Problem {
  index: number;
  code?: string;
  message: string;
}

/** The replica that is meant: the one of the group, unless there are several. */
async function findReplica({ logDB }: OpenedData, options: SnapshotExportOptions): Promise<NodeInfo> {
  const clusterID = positiveInteger('--cluster', options.cluster);
  const nodeID = options.node === undefined ? undefined : positiveInteger('--node', options.node);
  const found: NodeInfo[] = [];
  for (const info of await sortedReplicas(logDB)) {
    if (info.clusterID !== clusterID || (nodeID !== undefined && info.nodeID !== nodeID)) continue;
    const bootstrap = await logDB.getBootstrapInfo(info.clusterID, info.nodeID);
    if (bootstrap === undefined || !isTombstone(bootstrap)) found.push(info);
  }
  const [only] = found;
  if (only === undefined) {
    const node = nodeID === undefined ? '' : ` node ${nodeID}`;
    throw new ErrInvalidOption(
      `there is no data of group ${clusterID}${node} here; drakkar inspect lists what there is`,
    );
  }
  if (found.length > 1) {
    const ids = found.map((each) => each.nodeID).join(', ');
    throw new ErrInvalidOption(
      `there is data of several nodes of group ${clusterID}: choose with --node, from ${ids}`,
    );
  }
  return only;
}

/** By the directory's own record: a configuration may not be at hand. */
function originOf({ status }: OpenedData, nodeID: number): SnapshotOrigin {
  const { deploymentId, hardHash, address } = status;
  return { deploymentID: deploymentId, hardHash, nodeID, raftAddress: address };
}

/** Exports the newest snapshot that is good. Those that are not go to `problems`. */
async function exportNewest(
  data: OpenedData,
  info: NodeInfo,
  to: string,
  problems: Problem[],
  output: Output,
): Promise<ExportedSnapshot> {
  const { clusterID, nodeID } = info;
  const { logDB } = data;
  const store = data.snapshotStore(clusterID, nodeID);
  const work = {
    signal: output.signals.stop,
    onProgress: progressPrinter(output, `${nameOf(info)} to ${to}`),
  };
  const snapshots: Snapshot[] = await logDB.listSnapshots(clusterID, nodeID, Number.MAX_SAFE_INTEGER);
  for (const snapshot of snapshots.reverse()) {
    try {
      return toExported(await store.exportTo(snapshot, to, originOf(data, nodeID), work), to);
    } catch (error) {
      if (!hasErrorCode(error, 'ERR_SNAPSHOT_CORRUPT')) throw error;
      problems.push({ index: snapshot.index, ...describeError(error) });
    }
  }
  throw new ErrSnapshotCorrupt(
    problems.length === 0
      ? `${nameOf(info)} has no snapshot on this host, only a log, and it takes the state machine to make one: start the host and call exportSnapshot, which works without a quorum too`
      : `${nameOf(info)} has no good snapshot on this host: ${problems.map(({ message }) => message).join('; ')}`,
    { details: { ...info, problems } },
  );
}

async function findNotExported(
  { logDB }: OpenedData,
  info: NodeInfo,
  { index }: ExportedSnapshot,
): Promise<NotExported | undefined> {
  const { state, extents } = await readStoredLog(logDB, info);
  const last = extents.at(-1)?.last ?? 0;
  return last > index ? { first: index + 1, last, commit: state?.commit ?? 0 } : undefined;
}

function warningLines(notExported: NotExported | undefined, problems: readonly Problem[]): string[] {
  const lines = problems.map(
    ({ index, message }) => `PROBLEM  the snapshot at ${index} is damaged: ${message}`,
  );
  if (notExported === undefined) return lines;
  const { first, last, commit } = notExported;
  const isKnown = commit >= first;
  const known = isKnown ? `known here to be committed up to ${commit}` : 'none is known here to be committed';
  lines.push(
    `WARNING  log entries ${first} to ${last} are behind the snapshot, and are NOT in the export (${known}).`,
  );
  if (isKnown) {
    lines.push(
      '         Start the host and call exportSnapshot, which needs no quorum, to have those that are known to be committed.',
    );
  }
  return lines;
}

/** `drakkar snapshot export`. */
export function exportFromData(output: Output, options: SnapshotExportOptions): Promise<ExitCode> {
  const to = resolve(options.to);
  return withData(output, options, async (data) => {
    await checkExportTarget(data.services.fileSystem, to);
    const info = await findReplica(data, options);
    const problems: Problem[] = [];
    const exported = await exportNewest(data, info, to, problems, output);
    const notExported = await findNotExported(data, info, exported);
    const { index, term, sizeBytes, membership } = exported;
    const ok = problems.length === 0;
    const result = {
      ok,
      ...exported,
      membership: { ...membership, removed: [...membership.removed] },
      notExported: notExported ?? null,
      problems,
    };
    output.result(result, [
      `${nameOf(info)}: snapshot at index ${index}, term ${term}, exported to ${to} (${sizeBytes} bytes, verified)`,
      ...warningLines(notExported, problems),
    ]);
    return ok ? ExitCode.ok : ExitCode.problems;
  });
}
