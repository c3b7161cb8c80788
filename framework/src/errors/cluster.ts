import { DrakkarError, type ErrorContext } from '@drakkar/raftio';

/** No replica of that group runs on this host. */
export class ErrClusterNotFound extends DrakkarError {
  constructor(message = 'the group has no replica on this host', context?: ErrorContext) {
    super('ERR_CLUSTER_NOT_FOUND', { effect: 'none', retry: 'elsewhere' }, message, context);
  }
}

export class ErrClusterAlreadyExist extends DrakkarError {
  constructor(message = 'a replica of the group is running on this host', context?: ErrorContext) {
    super('ERR_CLUSTER_ALREADY_EXIST', { effect: 'none', retry: 'never' }, message, context);
  }
}

export class ErrClusterNotStopped extends DrakkarError {
  constructor(message = 'the replica must be stopped first', context?: ErrorContext) {
    super('ERR_CLUSTER_NOT_STOPPED', { effect: 'none', retry: 'never' }, message, context);
  }
}

/** The replica is being stopped; the request was not started. */
export class ErrClusterClosed extends DrakkarError {
  constructor(message = 'the replica is stopped', context?: ErrorContext) {
    super('ERR_CLUSTER_CLOSED', { effect: 'none', retry: 'elsewhere' }, message, context);
  }
}

/** The replica is still replaying its log. */
export class ErrClusterNotInitialized extends DrakkarError {
  constructor(message = 'the replica is not initialized yet', context?: ErrorContext) {
    super('ERR_CLUSTER_NOT_INITIALIZED', { effect: 'none', retry: 'here' }, message, context);
  }
}

/** Nothing on this host says how the replica came to be, and the call does not say it either. */
export class ErrClusterNotBootstrapped extends DrakkarError {
  constructor(message = 'the replica was never started on this host', context?: ErrorContext) {
    super('ERR_CLUSTER_NOT_BOOTSTRAPPED', { effect: 'none', retry: 'never' }, message, context);
  }
}

/** Initial members, join flag and the data on disk contradict each other. */
export class ErrInvalidClusterSettings extends DrakkarError {
  constructor(message = 'the settings for starting the replica are invalid', context?: ErrorContext) {
    super('ERR_INVALID_CLUSTER_SETTINGS', { effect: 'none', retry: 'never' }, message, context);
  }
}

/** The node was removed from its group and can never be a member again. */
export class ErrNodeRemoved extends DrakkarError {
  constructor(message = 'the node was removed from its group', context?: ErrorContext) {
    super('ERR_NODE_REMOVED', { effect: 'none', retry: 'never' }, message, context);
  }
}

/**
 * The replica does not have entries that it acknowledged: its disk was wiped, or an old copy was put back. It neither
 * votes nor serves until the leader has sent it what it lacks.
 */
export class ErrEntriesLost extends DrakkarError {
  constructor(message = 'the replica has lost entries that it acknowledged', context?: ErrorContext) {
    super('ERR_ENTRIES_LOST', { effect: 'none', retry: 'elsewhere' }, message, context);
  }
}

/** The replica stopped itself: its state machine threw, its data is damaged, or an invariant is broken. */
export class ErrReplicaFailed extends DrakkarError {
  constructor(message = 'the replica has failed and was stopped', context?: ErrorContext) {
    super('ERR_REPLICA_FAILED', { effect: 'none', retry: 'elsewhere' }, message, context);
  }
}

/**
 * The replica differs from other members in what must be equal on all: how the group began, or a setting that decides
 * how entries are applied. `details.others` says from whom and in what.
 */
export class ErrGroupMismatch extends DrakkarError {
  constructor(message = 'the replica differs from the other members of its group', context?: ErrorContext) {
    super('ERR_GROUP_MISMATCH', { effect: 'none', retry: 'elsewhere' }, message, context);
  }
}

/**
 * The state of the replica is not that of most members, at an index that all of them have applied. `details` has the
 * index and what differs.
 */
export class ErrStateDiverged extends DrakkarError {
  constructor(message = 'the state of the replica is not that of most members', context?: ErrorContext) {
    super('ERR_STATE_DIVERGED', { effect: 'none', retry: 'elsewhere' }, message, context);
  }
}
