import { DrakkarError, type ErrorContext } from '@drakkar/raftio';

/**
 * The user's state machine threw, or returned something that is not a result, so that its state is not known to be
 * the same as on the other replicas. `details.index` is the log index of the entry, `cause` what was thrown.
 */
export class ErrStateMachineFailed extends DrakkarError {
  constructor(message: string, context?: ErrorContext) {
    super('ERR_STATE_MACHINE_FAILED', { effect: 'unknown', retry: 'never' }, message, context);
  }
}

/** Something that can't be has happened: a gap in the committed log, an entry that no version of this wrote. */
export class RsmInvariantError extends DrakkarError {
  constructor(message: string, context?: ErrorContext) {
    super('ERR_RSM_INVARIANT', { effect: 'unknown', retry: 'never' }, message, context);
  }
}

/** The client sessions in a snapshot are not what was written. */
export class ErrSessionsCorrupt extends DrakkarError {
  constructor(message: string, context?: ErrorContext) {
    super('ERR_SESSIONS_CORRUPT', { effect: 'unknown', retry: 'never' }, message, context);
  }
}

/** The replica has applied more than the snapshot holds; nothing was changed. */
export class ErrSnapshotOutOfDate extends DrakkarError {
  constructor(message: string, context?: ErrorContext) {
    super('ERR_SNAPSHOT_OUT_OF_DATE', { effect: 'none', retry: 'never' }, message, context);
  }
}
