import { DrakkarError, type ErrorContext } from '@drakkar/raftio';

/** Something in this host is full: the proposal queue, the in-memory log, the read queue. Nothing was started. */
export class ErrSystemBusy extends DrakkarError {
  constructor(message = 'the system is too busy, try again later', context?: ErrorContext) {
    super('ERR_SYSTEM_BUSY', { effect: 'none', retry: 'here' }, message, context);
  }
}

/** The host is being stopped; the request was not started. */
export class ErrSystemStopped extends DrakkarError {
  constructor(message = 'the system is being stopped', context?: ErrorContext) {
    super('ERR_SYSTEM_STOPPED', { effect: 'none', retry: 'elsewhere' }, message, context);
  }
}

/** The NodeHost is closed; the request was not started. */
export class ErrClosed extends DrakkarError {
  constructor(message = 'the NodeHost is closed', context?: ErrorContext) {
    super('ERR_CLOSED', { effect: 'none', retry: 'elsewhere' }, message, context);
  }
}

/** No answer within the caller's time. The request may have been carried out, or may yet be. */
export class ErrTimeout extends DrakkarError {
  constructor(message = 'the request timed out, its outcome is unknown', context?: ErrorContext) {
    super('ERR_TIMEOUT', { effect: 'unknown', retry: 'here' }, message, context);
  }
}

/** The caller gave up through its signal. The request may have been carried out, or may yet be. */
export class ErrCanceled extends DrakkarError {
  constructor(message = 'the request was canceled, its outcome is unknown', context?: ErrorContext) {
    super('ERR_CANCELED', { effect: 'unknown', retry: 'never' }, message, context);
  }
}

/** The replica was stopped, or failed, while the request was on its way. */
export class ErrRequestTerminated extends DrakkarError {
  constructor(
    message = 'the replica was stopped while the request was on its way, its outcome is unknown',
    context?: ErrorContext,
  ) {
    super('ERR_REQUEST_TERMINATED', { effect: 'unknown', retry: 'elsewhere' }, message, context);
  }
}

/** The replicated state machine refused the request; it had no effect. */
export class ErrRejected extends DrakkarError {
  constructor(message = 'the request was rejected', context?: ErrorContext) {
    super('ERR_REJECTED', { effect: 'unknown', retry: 'never' }, message, context);
  }
}

/** A membership change after which the voting members heard from lately would be no quorum. It had no effect. */
export class ErrQuorumAtRisk extends DrakkarError {
  constructor(message = 'the membership change would cost the group its quorum', context?: ErrorContext) {
    super('ERR_QUORUM_AT_RISK', { effect: 'none', retry: 'never' }, message, context);
  }
}

/** The promotion of an observer that has not caught up with the leader. It had no effect. */
export class ErrObserverBehind extends DrakkarError {
  constructor(message = 'the observer has not caught up, try again later', context?: ErrorContext) {
    super('ERR_OBSERVER_BEHIND', { effect: 'none', retry: 'here' }, message, context);
  }
}

/** The addition of a node whose host runs an older release than the group needs. It had no effect. */
export class ErrHostOutdated extends DrakkarError {
  constructor(message = 'the host of the new node runs an older release', context?: ErrorContext) {
    super('ERR_HOST_OUTDATED', { effect: 'none', retry: 'never' }, message, context);
  }
}

/** The removal of a node that is no member. It had no effect: the node id stays free. */
export class ErrNotAMember extends DrakkarError {
  constructor(message = 'the node is no member of the group', context?: ErrorContext) {
    super('ERR_NOT_A_MEMBER', { effect: 'none', retry: 'never' }, message, context);
  }
}

/** The group is at a feature level that does not have what was asked for. The request had no effect. */
export class ErrLevelTooLow extends DrakkarError {
  constructor(message = "the group's feature level does not have this", context?: ErrorContext) {
    super('ERR_LEVEL_TOO_LOW', { effect: 'none', retry: 'never' }, message, context);
  }
}

/** The request was dropped before it entered any log, because the group has no leader, or none that is ready. */
export class ErrClusterNotReady extends DrakkarError {
  constructor(message = 'the request was dropped, the group is not ready', context?: ErrorContext) {
    super('ERR_CLUSTER_NOT_READY', { effect: 'none', retry: 'here' }, message, context);
  }
}

/** The key given to the request is in use. */
export class ErrBadKey extends DrakkarError {
  constructor(message = 'bad key, try again later', context?: ErrorContext) {
    super('ERR_BAD_KEY', { effect: 'none', retry: 'here' }, message, context);
  }
}

export class ErrPendingConfigChangeExist extends DrakkarError {
  constructor(message = 'a membership change is under way', context?: ErrorContext) {
    super('ERR_PENDING_CONFIG_CHANGE_EXIST', { effect: 'none', retry: 'here' }, message, context);
  }
}

export class ErrPendingLeaderTransferExist extends DrakkarError {
  constructor(message = 'a leadership transfer is under way', context?: ErrorContext) {
    super('ERR_PENDING_LEADER_TRANSFER_EXIST', { effect: 'none', retry: 'here' }, message, context);
  }
}

/** The session belongs to another group, or is not in the state that the call needs. */
export class ErrInvalidSession extends DrakkarError {
  constructor(message = 'the client session is invalid for this call', context?: ErrorContext) {
    super('ERR_INVALID_SESSION', { effect: 'none', retry: 'never' }, message, context);
  }
}

/** Another command has the session, and may have been applied; this one had no effect. */
export class ErrSessionInUse extends DrakkarError {
  constructor(message = 'the session has another command under way', context?: ErrorContext) {
    super('ERR_SESSION_IN_USE', { effect: 'none', retry: 'never' }, message, context);
  }
}

/** The timeout is shorter than one tick of the host's clock. */
export class ErrTimeoutTooSmall extends DrakkarError {
  constructor(message = 'the timeout is too small', context?: ErrorContext) {
    super('ERR_TIMEOUT_TOO_SMALL', { effect: 'none', retry: 'never' }, message, context);
  }
}

export class ErrPayloadTooBig extends DrakkarError {
  constructor(message = 'the payload is too big', context?: ErrorContext) {
    super('ERR_PAYLOAD_TOO_BIG', { effect: 'none', retry: 'never' }, message, context);
  }
}

export class ErrInvalidOperation extends DrakkarError {
  constructor(message = 'the operation is not allowed here', context?: ErrorContext) {
    super('ERR_INVALID_OPERATION', { effect: 'none', retry: 'never' }, message, context);
  }
}

export class ErrInvalidOption extends DrakkarError {
  constructor(message = 'an option is invalid', context?: ErrorContext) {
    super('ERR_INVALID_OPTION', { effect: 'none', retry: 'never' }, message, context);
  }
}

export class ErrInvalidTarget extends DrakkarError {
  constructor(message = 'the target node is not a member that can lead', context?: ErrorContext) {
    super('ERR_INVALID_TARGET', { effect: 'none', retry: 'never' }, message, context);
  }
}

export class ErrDeadlineNotSet extends DrakkarError {
  constructor(message = 'the call needs timeoutMs', context?: ErrorContext) {
    super('ERR_DEADLINE_NOT_SET', { effect: 'none', retry: 'never' }, message, context);
  }
}

export class ErrInvalidDeadline extends DrakkarError {
  constructor(message = 'the deadline is invalid', context?: ErrorContext) {
    super('ERR_INVALID_DEADLINE', { effect: 'none', retry: 'never' }, message, context);
  }
}
