import { hasErrorCode } from '@drakkar/raftio';
import { ErrClosed } from '../errors/index.js';

/** The host may stop while it works for a call. That its LogDB is closed then is told as what it is. */
export async function unlessClosed<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw hasErrorCode(error, 'ERR_LOGDB_CLOSED') ? new ErrClosed(undefined, { cause: error }) : error;
  }
}
