import { hasErrorCode } from '@drakkar/raftio';
import { type StorageProblem, adviceFor, storageProblemOf } from '../fs/storage-problem.js';
import type { IEventSink } from '../runtime/event-sink.js';
import type { ReplicaEvent, ReplicaEvents } from './replica-events.js';

/** Errors of which others report: the LogDB's own, and what a user's state machine has met with files of its own. */
const REPORTED_OTHERWISE = ['ERR_LOGDB_FENCED', 'ERR_STATE_MACHINE_FAILED'];

/** A state machine that saves itself may have missed a file of its own. The data directory is looked at once a second. */
const MAY_BE_USERS: readonly (StorageProblem | undefined)[] = ['folderGone', 'noAccess'];

/** Emits `storageProblem` if the error says something of the disk, or of descriptors. */
export function emitStorageProblem(
  events: IEventSink<ReplicaEvents>,
  operation: string,
  error: unknown,
  replica?: ReplicaEvent,
): void {
  const problem = storageProblemOf(error);
  if (problem === undefined || REPORTED_OTHERWISE.some((code) => hasErrorCode(error, code))) return;
  if (replica !== undefined && MAY_BE_USERS.includes(problem)) return;
  const { clusterID, nodeID } = replica ?? {};
  events.emit('storageProblem', {
    problem,
    operation,
    clusterID,
    nodeID,
    error,
    advice: adviceFor(problem),
  });
}
