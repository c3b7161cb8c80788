import { type ILogDB, type Snapshot, hasErrorCode } from '@drakkar/raftio';
import { messageOf } from '../errors/inspect.js';
import { ErrSnapshotCorrupt } from '../errors/snapshot.js';
import type { ReplicatedStateMachine } from '../rsm/index.js';
import type { SnapshotStore } from '../snapshot/index.js';

export interface RecoveryDependencies {
  clusterID: number;
  nodeID: number;
  logDB: ILogDB;
  store: SnapshotStore;
  /** A new state machine: one that a damaged snapshot was read into is of no more use. */
  makeStateMachine: () => Promise<ReplicatedStateMachine>;
  signal: AbortSignal;
}

/** A recorded snapshot that can't be used, and why. */
export interface DamagedSnapshot {
  snapshot: Snapshot;
  error: unknown;
}

export interface Recovered {
  rsm: ReplicatedStateMachine;
  /** What the state machine was recovered from; `undefined` when there is nothing but the log. */
  snapshot: Snapshot | undefined;
  /** Those that were found to be of no use; their records are still there. */
  damaged: DamagedSnapshot[];
}

/** Whether what was thrown says that the bytes on the disk are not what was written, or can't be read. */
function isDamage(error: unknown): boolean {
  return hasErrorCode(error, 'ERR_SNAPSHOT_CORRUPT');
}

/**
 * Reads a snapshot into the state machine, all of it, so that damage anywhere in it comes out.
 *
 * @throws ErrSnapshotCorrupt, whatever the state machine made of it, and what its recovery throws
 */
export async function recoverFrom(
  store: SnapshotStore,
  rsm: ReplicatedStateMachine,
  snapshot: Snapshot,
  signal: AbortSignal,
): Promise<void> {
  const open = await store.open(snapshot, signal);
  try {
    try {
      await rsm.recover(open, signal);
    } catch (error) {
      const { failure } = open.reader;
      throw failure !== undefined && isDamage(failure.error) ? failure.error : error;
    }
    await open.reader.finish(signal);
  } finally {
    await open.close();
  }
}

/**
 * At the start of a replica: cleans up what a crash left, and recovers the newest snapshot that is whole. Damage is
 * found as the snapshot is read, which happens anyway. An older one, or none, will do when the log goes on from there.
 *
 * @throws ErrSnapshotCorrupt when it does not; what `makeStateMachine`, the state machine's recovery and the LogDB throw
 */
export async function recoverNewest(deps: RecoveryDependencies): Promise<Recovered> {
  const { clusterID, nodeID, logDB, store, makeStateMachine, signal } = deps;
  const recorded = await logDB.listSnapshots(clusterID, nodeID, Number.MAX_SAFE_INTEGER);
  const { problems } = await store.cleanUp(recorded);
  const damaged: DamagedSnapshot[] = [];
  for (const snapshot of recorded.reverse()) {
    const problem = problems.find((each) => each.snapshot.index === snapshot.index);
    if (problem !== undefined) {
      damaged.push(problem);
      continue;
    }
    await checkCovered(deps, snapshot.index, damaged);
    const rsm = await makeStateMachine();
    try {
      await recoverFrom(store, rsm, snapshot, signal);
      const older = problems.filter((each) => each.snapshot.index < snapshot.index);
      return { rsm, snapshot, damaged: [...damaged, ...older] };
    } catch (error) {
      await rsm.close().catch(() => undefined); // the first error is the one to be told
      if (!isDamage(error)) throw error;
      damaged.push({ snapshot, error });
    }
  }
  await checkCovered(deps, 0, damaged);
  return { rsm: await makeStateMachine(), snapshot: undefined, damaged };
}

/** Without the damaged snapshots, the log must lead from `fromIndex` to where the newest of them stood. */
async function checkCovered(
  { clusterID, nodeID, logDB }: RecoveryDependencies,
  fromIndex: number,
  damaged: readonly DamagedSnapshot[],
): Promise<void> {
  const [newest] = damaged;
  if (newest === undefined) return;
  const log = await logDB.readRaftState(clusterID, nodeID, fromIndex);
  const firstIndex = log?.firstIndex ?? 0;
  const lastIndex = firstIndex + (log?.entryCount ?? 0) - 1;
  if (firstIndex === fromIndex + 1 && lastIndex >= newest.snapshot.index) return;
  const places = damaged.map(({ snapshot, error }) => `the one at ${snapshot.index}: ${messageOf(error)}`);
  throw new ErrSnapshotCorrupt(
    `group ${clusterID} node ${nodeID} can't start: its newest snapshot is damaged (${places.join('; ')}), and the ` +
      `log on this disk does not lead there from ${fromIndex === 0 ? 'its beginning' : `the snapshot at ${fromIndex}`}. ` +
      'If the group has a quorum without this node: remove the node from the group, call removeData, and add a new ' +
      'node under another node id. If it has not: import an exported snapshot, see docs/disaster-recovery.md',
    {
      cause: newest.error,
      details: { clusterID, nodeID, damaged: damaged.map(({ snapshot }) => snapshot.index), fromIndex },
    },
  );
}

/** Once the replica has started without them: neither are they tried again, nor do they push good ones out. */
export async function forgetDamaged(
  { clusterID, nodeID, logDB, store }: Omit<RecoveryDependencies, 'makeStateMachine' | 'signal'>,
  damaged: readonly DamagedSnapshot[],
): Promise<void> {
  for (const { snapshot } of damaged) {
    await logDB.deleteSnapshot(clusterID, nodeID, snapshot.index);
    await store.remove(snapshot.index);
  }
}
