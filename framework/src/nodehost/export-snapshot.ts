import { resolve } from 'node:path';
import { hasErrorCode } from '@drakkar/raftio';
import { identityOf } from '../datadir/data-dir.js';
import type { NodeHostServices } from '../di/build-container.js';
import type { Replica } from '../engine/replica.js';
import { ErrCanceled, ErrClusterClosed, ErrInvalidOption, ErrTimeout } from '../errors/index.js';
import type { IClock } from '../runtime/clock.js';
import { onAbort } from '../runtime/on-abort.js';
import { unlessAborted } from '../runtime/unless-aborted.js';
import type { ExportRecord, LongWork, SnapshotOrigin, SnapshotProgress } from '../snapshot/index.js';
import { checkExportTarget } from '../snapshot/index.js';
import { type ClusterMembership, toClusterMembership } from '../engine/cluster-membership.js';
import { type CallOptions, timeoutMsOf } from './options.js';

export interface ExportOptions extends CallOptions {
  /** How long the whole of it may take, from one tick of the host up. Default: as long as it takes. */
  timeoutMs?: number;
  /** Calls it off, with `ErrCanceled`. */
  signal?: AbortSignal;
  /**
   * Exports even the state of a replica that is known not to be as most members are (ErrStateDiverged), to see what
   * differs. Never restore a group from it.
   */
  evenIfDiverged?: boolean;
  /** Told often how far it has come; what it throws ends the export. */
  onProgress?: (progress: SnapshotProgress) => void;
}

const NOTHING = { effect: 'none' } as const;

/** What was exported. */
export interface ExportedSnapshot {
  clusterID: number;
  /** The node that it was taken of. */
  nodeID: number;
  /** Everything up to this log index is in it, and nothing else. */
  index: number;
  term: number;
  /** As of that index. */
  membership: ClusterMembership;
  /** Absolute. */
  dir: string;
  /** Of the snapshot file and its external files. */
  sizeBytes: number;
}

/** What says in an export where it comes from. */
function originOf(
  { config, logDBName }: Pick<NodeHostServices, 'config' | 'logDBName'>,
  nodeID: number,
): SnapshotOrigin {
  const { address, deploymentId, hardHash } = identityOf({ config, logDBName });
  return { deploymentID: deploymentId, hardHash, nodeID, raftAddress: address };
}

export function toExported(record: ExportRecord, dir: string): ExportedSnapshot {
  const { clusterID, nodeID, index, term, sizeBytes } = record;
  return {
    clusterID,
    nodeID,
    index,
    term,
    membership: toClusterMembership(record.membership),
    dir,
    sizeBytes,
  };
}

/** As `NodeHost.exportSnapshot`. */
export async function exportSnapshot(
  replica: Replica,
  dir: string,
  services: NodeHostServices,
  options: ExportOptions = {},
): Promise<ExportedSnapshot> {
  if (typeof dir !== 'string' || dir === '') throw new ErrInvalidOption('dir must be the path of a folder');
  if (options.timeoutMs !== undefined || options.signal !== undefined) {
    timeoutMsOf(options, services.config.rttMillisecond);
  }
  const wrong = replica.checks?.states.refusal;
  if (wrong !== undefined && options.evenIfDiverged !== true) throw wrong;
  const to = resolve(dir);
  await checkExportTarget(services.fileSystem, to); // before the state machine is troubled
  const limits = limitsOf(replica, services.clock, options);
  const { signal } = limits;
  try {
    const work = { signal, onProgress: options.onProgress };
    const origin = originOf(services, replica.nodeID);
    const record = await replica.snapshotter.hold(exportOnce(replica, to, origin, work, true));
    return toExported(record, to);
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    limits.end();
  }
}

/** A signal for the time-out, the caller's signal, and the stop of the replica; its reason is the error to throw. */
function limitsOf(
  { clusterID, snapshotter }: Replica,
  clock: IClock,
  { timeoutMs, signal }: ExportOptions,
): { signal: AbortSignal; end: () => void } {
  const abort = new AbortController();
  const what = `the export of group ${clusterID}`;
  const ways: [AbortSignal | undefined, () => Error][] = [
    [signal, () => new ErrCanceled(`${what} was ended by its signal; nothing is left of it`, NOTHING)],
    [snapshotter.signal, () => new ErrClusterClosed(`${what} was ended: the replica was stopped`)],
  ];
  const undo = ways.map(([source, reason]) => {
    return source === undefined ? (): void => undefined : onAbort(source, () => abort.abort(reason()));
  });
  if (timeoutMs !== undefined) {
    const expire = (): void =>
      abort.abort(new ErrTimeout(`${what} took longer than ${timeoutMs} ms; nothing is left of it`, NOTHING));
    const timer = clock.setTimeout(expire, timeoutMs);
    undo.push(() => timer.cancel());
  }
  return { signal: abort.signal, end: () => undo.forEach((each) => each()) };
}

/** A snapshot that proves damaged is replaced by a new one, once. */
async function exportOnce(
  replica: Replica,
  to: string,
  origin: SnapshotOrigin,
  work: LongWork,
  mayRepeat: boolean,
): Promise<ExportRecord> {
  const { snapshotter } = replica;
  work.onProgress?.({ phase: 'saving', doneBytes: 0, totalBytes: 0 });
  // The snapshot itself goes on: it is the replica's own, and others may wait for it.
  const snapshot = await unlessAborted(
    snapshotter.upToDate(),
    work.signal,
    () => work.signal.reason as Error,
  );
  try {
    return await snapshotter.store.exportTo(snapshot, to, origin, work);
  } catch (error) {
    if (!mayRepeat || !hasErrorCode(error, 'ERR_SNAPSHOT_CORRUPT')) throw error;
    snapshotter.damaged(snapshot, error);
    return await exportOnce(replica, to, origin, work, false);
  }
}
