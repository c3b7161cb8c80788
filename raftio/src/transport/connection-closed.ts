import { ErrConnectionClosed, hasErrorCode } from '../errors.js';

/** What a caller that waits on a link is told when it ends for `reason`. */
export function asConnectionClosed(reason: Error | undefined): Error {
  if (reason === undefined || hasErrorCode(reason, 'ERR_CONNECTION_CLOSED'))
    return reason ?? new ErrConnectionClosed();
  if (hasErrorCode(reason, 'ERR_TRANSPORT_STOPPED')) return reason;
  return new ErrConnectionClosed(`the connection is closed: ${reason.message}`, { cause: reason });
}
