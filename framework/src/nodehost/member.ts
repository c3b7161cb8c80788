import type { Replica } from '../engine/replica.js';
import {
  type ErrClusterClosed,
  ErrClusterNotFound,
  ErrClusterNotInitialized,
  type ErrReplicaFailed,
} from '../errors/index.js';
import type { Timer } from '../runtime/clock.js';
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
): ErrClusterNotInitialized | ErrClusterNotFound | ErrReplicaFailed | ErrClusterClosed {
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

export function notFound(clusterID: number, nodeID?: number): ErrClusterNotFound {
  const which = nodeID === undefined ? '' : ` as node ${nodeID}`;
  return new ErrClusterNotFound(`group ${clusterID} does not run on this host${which}`);
}

export function notInitialized(clusterID: number): ErrClusterNotInitialized {
  return new ErrClusterNotInitialized(`group ${clusterID} is starting: its log is being replayed`);
}
