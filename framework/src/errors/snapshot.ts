import { DrakkarError, type ErrorContext } from '@drakkar/raftio';

/**
 * A snapshot is not what was written: bit rot, a cut or missing file, a file of another snapshot. `details.path` names
 * the file and `details.offset` the byte at which the damaged part begins.
 */
export class ErrSnapshotCorrupt extends DrakkarError {
  constructor(message: string, context?: ErrorContext) {
    super('ERR_SNAPSHOT_CORRUPT', { effect: 'unknown', retry: 'never' }, message, context);
  }
}

/** Making, sending or receiving the snapshot was called off. Nothing is left of it. */
export class ErrSnapshotStopped extends DrakkarError {
  constructor(message = 'the snapshot was called off', context?: ErrorContext) {
    super('ERR_SNAPSHOT_STOPPED', { effect: 'none', retry: 'here' }, message, context);
  }
}

/** There is no room for the snapshot on its disk. Nothing is left of it. */
export class ErrSnapshotNoSpace extends DrakkarError {
  constructor(message: string, context?: ErrorContext) {
    super('ERR_SNAPSHOT_NO_SPACE', { effect: 'none', retry: 'here' }, message, context);
  }
}

/** The other host refused the snapshot, or took no more of it. `details.target` names the host. */
export class ErrSnapshotNotSent extends DrakkarError {
  constructor(message: string, context?: ErrorContext) {
    super('ERR_SNAPSHOT_NOT_SENT', { effect: 'none', retry: 'here' }, message, context);
  }
}
