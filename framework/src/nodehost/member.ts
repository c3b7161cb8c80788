import type { Replica } from '../engine/replica.js';
import {
  type ErrClusterClosed,
  ErrClusterNotFound,
  ErrClusterNotInitialized,
  type ErrInvalidOption,
  type ErrReplicaFailed,
} from '../errors/index.js';
import type { Timer } from '../runtime/clock.js';
import { idFault } from './ids.js';
import { type NodeUser, closedError, failedError } from './node-user.js';

/** A replica in the engine, and the time that it is given to hand over. */
interface LoadedMember {
  nodeID: number;
  replica: Replica;
  user: NodeUser;
  electionTimeoutMs: number;
}

/** A group as this host sees it. */
export type Member =
  | { phase: 'starting'; nodeID: number }
  | (LoadedMember & { phase: 'running' })
  | (LoadedMember & { phase: 'stopping'; done: Promise<void> })
  /** Removed from its group; it only answers the others for a while yet. */
  | (LoadedMember & { phase: 'removed'; grace: Timer })
  /** It has answered for long enough: nothing is kept of it but that. */
  | { phase: 'removed'; nodeID: number }
  | { phase: 'failed'; nodeID: number; error: unknown };

/** The error for a call to a group that can't be used. */
export function unusable(
  clusterID: number,
  member: Exclude<Member, { phase: 'running' }> | undefined,
): ErrClusterNotInitialized | ErrClusterNotFound | ErrReplicaFailed | ErrClusterClosed | ErrInvalidOption {
  switch (member?.phase) {
    case 'starting':
      return notInitialized(clusterID);
    case 'failed':
      return failedError(clusterID, member.error);
    case 'stopping':
      return closedError(member.replica);
    case 'removed':
      return closedError({ clusterID, nodeID: member.nodeID, removed: true });
    case undefined:
      return notFound(clusterID);
  }
}

/** Also for an id of another type, which can't be found either: its type is then what is to be told. */
export function notFound(clusterID: number, nodeID?: number): ErrClusterNotFound | ErrInvalidOption {
  const fault =
    idFault('clusterID', clusterID) ?? (nodeID === undefined ? undefined : idFault('nodeID', nodeID));
  if (fault !== undefined) return fault;
  const which = nodeID === undefined ? '' : ` as node ${nodeID}`;
  return new ErrClusterNotFound(`group ${clusterID} does not run on this host${which}`);
}

export function notInitialized(clusterID: number): ErrClusterNotInitialized {
  return new ErrClusterNotInitialized(`group ${clusterID} is starting: its log is being replayed`);
}
