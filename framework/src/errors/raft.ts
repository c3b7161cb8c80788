import { DrakkarError } from '@drakkar/raftio';

/**
 * Something happened that the Raft paper proves impossible: a bug, a broken adapter, or data that was tampered with.
 * The replica that sees it must stop; it is in no state to answer anything.
 */
export class RaftInvariantError extends DrakkarError {
  constructor(message: string, details: Record<string, unknown> = {}) {
    super('ERR_RAFT_INVARIANT', { effect: 'unknown', retry: 'never' }, message, { details });
  }
}
